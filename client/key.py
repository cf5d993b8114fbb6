"""The API key of the environment, for the one server that it belongs to."""

import os
from collections.abc import Generator
from typing import Final
from urllib.parse import urlsplit

import httpx

URL: Final = "http://127.0.0.1:8000/stac"
"""Where `worldstrat demo` and `worldstrat up` answer."""
_PORTS: Final = {"http": 80, "https": 443}


def api_key(address: str) -> str | None:
    """Return the key to show at an address.

    `WORLDSTRAT_API_KEY` is the key, `WORLDSTRAT_URL` the server that it belongs to: a catalog elsewhere whose items
    look like ours is never shown it.
    """
    key = os.environ.get("WORLDSTRAT_API_KEY")
    return key if key and _origin(address) == _origin(os.environ.get("WORLDSTRAT_URL", URL)) else None


def headers_for(address: str) -> dict[str, str]:
    """Return the headers that show the key at an address; none where there is none to show."""
    key = api_key(address)
    return {"Authorization": f"Bearer {key}"} if key else {}


class KeyAuth(httpx.Auth):
    """Shows the key with each request to its server; where that redirects to, httpx takes it off again."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header."""
        request.headers.update(headers_for(str(request.url)))
        yield request


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
