"""The outside address of the server."""

import pytest
from starlette.types import Message, Receive, Scope, Send

from server.proxy import Address, ProxyMiddleware, forwarded_address


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Address()),
        ({"x-forwarded-proto": "https", "x-forwarded-host": "a.org"}, Address("https", "a.org")),
        ({"x-forwarded-proto": "https, http", "x-forwarded-host": "a.org, b"}, Address("https", "a.org")),
        ({"x-forwarded-host": "a.org", "x-forwarded-port": "8443"}, Address(None, "a.org:8443")),
        (
            {"x-forwarded-proto": "https", "x-forwarded-host": "a.org", "x-forwarded-port": "443"},
            Address("https", "a.org"),
        ),
        ({"x-forwarded-host": "a.org:81", "x-forwarded-port": "82"}, Address(None, "a.org:81")),
        ({"x-forwarded-host": "[::1]", "x-forwarded-port": "82"}, Address(None, "[::1]:82")),
        ({"x-forwarded-prefix": "/api/v1/"}, Address(prefix="/api/v1")),
        ({"forwarded": 'for=1.2.3.4;proto=https;host="a.org:8443", for=5'}, Address("https", "a.org:8443")),
        ({"forwarded": "proto=https", "x-forwarded-proto": "http"}, Address("https")),
    ],
)
def test_the_address_nearest_to_the_client_counts(headers: dict[str, str], expected: Address) -> None:
    assert forwarded_address(headers) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-proto": "javascript"},
        {"x-forwarded-host": "a.org/evil"},
        {"x-forwarded-host": 'a"><script>'},
        {"x-forwarded-prefix": "/../x y"},
        {"x-forwarded-prefix": "//evil.org"},
        {"x-forwarded-prefix": "/stac"},
        {"forwarded": ";;==,"},
    ],
)
def test_what_is_no_address_is_ignored(headers: dict[str, str]) -> None:
    address = forwarded_address(headers)

    assert (address.scheme, address.host) == (None, None)
    assert address.prefix in {None, "/evil.org"}


async def _seen(path: str, root_path: str, trusted: tuple[str, ...], headers: dict[str, str]) -> Scope:
    seen: list[Scope] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        seen.append(scope)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        return

    raw = [(name.encode(), value.encode()) for name, value in {"host": "inside", **headers}.items()]
    scope = {"type": "http", "scheme": "http", "path": path, "headers": raw, "client": ("10.0.0.1", 1)}
    await ProxyMiddleware(app, root_path=root_path, trusted=trusted)(scope, receive, send)
    return seen[0]


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/stac", "/api/v1/stac"])
async def test_a_prefix_counts_once_whether_or_not_the_proxy_took_it_away(path: str) -> None:
    scope = await _seen(path, "/api/v1", (), {})

    assert (scope["root_path"], scope["path"]) == ("/api/v1", "/api/v1/stac")


@pytest.mark.anyio
async def test_strangers_are_not_believed() -> None:
    headers = {"x-forwarded-host": "evil.org", "x-forwarded-proto": "https", "x-forwarded-prefix": "/x"}

    stranger = await _seen("/stac", "", ("10.0.0.2",), headers)
    proxy = await _seen("/stac", "", ("10.0.0.1",), headers)
    anybody = await _seen("/stac", "", ("*",), headers)

    assert dict(stranger["headers"])[b"host"] == b"inside"
    assert (stranger["scheme"], stranger["root_path"]) == ("http", "")
    for scope in (proxy, anybody):
        assert dict(scope["headers"])[b"host"] == b"evil.org"
        assert (scope["scheme"], scope["root_path"], scope["path"]) == ("https", "/x", "/x/stac")
