"""The address by which the outside knows the server: root path, `Forwarded`, `X-Forwarded-*`.

uvicorn's own proxy middleware knows neither `Forwarded` nor `X-Forwarded-Host` nor `X-Forwarded-Prefix`, and
stac-fastapi's believes them from anybody; this one is used alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from server.settings import is_own_path

_HOST = re.compile(r"^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$")
_PREFIX = re.compile(r"^(?:/[\w.~-]+)+$")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


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
    port = _first(headers.get("x-forwarded-port", ""))
    if host and port.isdigit() and not re.search(r":\d+$", host) and port != _DEFAULT_PORTS.get(scheme):
        host = f"{host}:{port}"
    prefix = "/" + _first(headers.get("x-forwarded-prefix", "")).strip("/")
    return Address(
        scheme=scheme if scheme in _DEFAULT_PORTS else None,
        host=host if _HOST.match(host) else None,
        prefix=prefix if _PREFIX.match(prefix) and not is_own_path(prefix) else None,
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
        await self.app(scope, receive, send)

    def _seen_from_outside(self, scope: Scope) -> Scope:
        address = forwarded_address(Headers(scope=scope)) if self._trusts(scope) else Address()
        prefix = address.prefix or self.root_path
        headers = scope["headers"]
        if address.host:
            headers = [(name, value) for name, value in headers if name != b"host"]
            headers.append((b"host", address.host.encode("ascii")))
        return {
            **scope,
            "scheme": address.scheme or scope["scheme"],
            "headers": headers,
            "root_path": prefix,
            "path": _with_prefix(prefix, scope["path"]),
        }

    def _trusts(self, scope: Scope) -> bool:
        client = scope.get("client")
        return "*" in self.trusted or (client is not None and client[0] in self.trusted)


def _with_prefix(prefix: str, path: str) -> str:
    """Return the path as ASGI wants it, prefix included, whether or not the proxy took the prefix away."""
    return path if not prefix or path == prefix or path.startswith(f"{prefix}/") else prefix + path


def _first(header: str) -> str:
    return header.split(",", 1)[0].strip()
