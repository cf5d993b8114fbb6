"""The address by which the outside knows the server: root path, `Forwarded`, `X-Forwarded-*`.

uvicorn's own proxy middleware knows neither `Forwarded` nor `X-Forwarded-Host` nor `X-Forwarded-Prefix`, and
stac-fastapi's believes them from anybody; this one is used alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from server.errors import error_response
from server.headers import security_headers
from server.limits.client import client_address, is_local
from server.settings import is_own_path

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?", re.ASCII)
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[\w.~-]+)+", re.ASCII)
_LONGEST_PREFIX = 200
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_NO_HOST = error_response(
    HTTPStatus.BAD_REQUEST,
    "InvalidHost",
    "The header Host names no host, or several.",
    security_headers("application/json", "http"),
)


@dataclass(frozen=True)
class Address:
    """What a proxy says of the address that the client asked; None where it says nothing."""

    scheme: str | None = None
    """`http` or `https`."""
    host: str | None = None
    """Host, with the port where it is not the scheme's own."""
    prefix: str | None = None
    """Path prefix, without a slash at its end."""


def forwarded_address(headers: Mapping[str, str]) -> Address:
    """Return the outside address that `Forwarded`, else `X-Forwarded-*`, tells; what is malformed is ignored.

    With several proxies in a row the first entry is the one nearest to the client, and so the public address.
    """
    standard = {
        name.strip().lower(): value.strip().strip('"')
        for name, _, value in (pair.partition("=") for pair in _first(headers.get("forwarded", "")).split(";"))
    }
    scheme = (standard.get("proto") or _first(headers.get("x-forwarded-proto", ""))).lower()
    host = standard.get("host") or _first(headers.get("x-forwarded-host", ""))
    # The port belongs to X-Forwarded-Host: beside a Forwarded it is another proxy's word.
    port = "" if standard.get("host") else _first(headers.get("x-forwarded-port", ""))
    if host and port.isdigit() and not re.search(r":\d+$", host) and port != _DEFAULT_PORTS.get(scheme):
        host = f"{host}:{port}"
    prefix = "/" + _first(headers.get("x-forwarded-prefix", "")).strip("/")
    return Address(
        scheme=scheme if scheme in _DEFAULT_PORTS else None,
        host=host if _HOST.fullmatch(host) else None,
        prefix=prefix if _is_prefix(prefix) and not is_own_path(prefix) else None,
    )


class ProxyMiddleware:
    """Rewrite a request's scope so that every URL the server builds is the one a client can reach."""

    def __init__(self, app: ASGIApp, *, root_path: str, trusted: tuple[str, ...]) -> None:
        self.app = app
        self.root_path = root_path
        self.trusted = frozenset(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with the outside's scheme, host and prefix."""
        if scope["type"] == "http":
            scope = self._seen_from_outside(scope)
            if not _has_a_host(scope):
                await _NO_HOST(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _seen_from_outside(self, scope: Scope) -> Scope:
        told, trusted = Headers(scope=scope), self._trusts(scope)
        address = forwarded_address(told) if trusted else Address()
        prefix = address.prefix or self.root_path
        headers = scope["headers"]
        if address.host:
            headers = [(name, value) for name, value in headers if name != b"host"]
            headers.append((b"host", address.host.encode("ascii")))
        client = scope.get("client")
        if client is not None and trusted:
            client = client_address(told, client[0], self.trusted), client[1]
        # The same dictionary as the server's own, so that what is noted in it is seen by all.
        scope.setdefault("state", {}).update(local=is_local(scope), trusted=trusted)
        return {
            **scope,
            "client": client,
            "scheme": address.scheme or scope["scheme"],
            "headers": headers,
            "root_path": prefix,
            "path": _with_prefix(prefix, scope["path"]),
        }

    def _trusts(self, scope: Scope) -> bool:
        client = scope.get("client")
        return "*" in self.trusted or (client is not None and client[0] in self.trusted)


def _has_a_host(scope: Scope) -> bool:
    """Tell whether a request names at most one host, and one that could be: it becomes a part of every link."""
    named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return len(named) <= 1 and all(_HOST.fullmatch(host) for host in named)


def _is_prefix(path: str) -> bool:
    return len(path) <= _LONGEST_PREFIX and _PREFIX.fullmatch(path) is not None


def _with_prefix(prefix: str, path: str) -> str:
    """Return the path as ASGI wants it, prefix included, whether or not the proxy took the prefix away."""
    return path if not prefix or path == prefix or path.startswith(f"{prefix}/") else prefix + path


def _first(header: str) -> str:
    return header.split(",", 1)[0].strip()
