"""Ids of requests: the caller's own where it is a sane one."""

import re
import secrets

HEADER = "X-Request-ID"
"""The header that carries an id, both ways."""

_SANE = re.compile(rb"[A-Za-z0-9._-]{8,64}")


def request_id(headers: list[tuple[bytes, bytes]]) -> str:
    """Return the id that a caller gave its request, or a new one."""
    given = [value for name, value in headers if name == b"x-request-id"]
    if len(given) == 1 and _SANE.fullmatch(given[0]):
        return given[0].decode("ascii")
    return secrets.token_hex(16)
