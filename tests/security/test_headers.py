"""What browsers are told, by kind of answer; who may read; and that no stranger's Host stands in a link."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from catalog.settings import DatabaseSettings, StoreSettings
from server.headers import create_headers, security_headers
from server.proxy import ProxyMiddleware
from server.settings import ServerSettings
from tests.security.attacks import Known
from tests.security.conftest import Target


@pytest.fixture(scope="module")
def http(target: Target) -> Iterator[httpx.Client]:
    """A client of the server under attack."""
    with httpx.Client(base_url=target.url, timeout=60) as client:
        yield client


def test_every_answer_is_taken_for_what_it_says_and_framed_by_nobody(http: httpx.Client, known: Known) -> None:
    item = known.fill("/raster/collections/{collection_id}/items/{item_id}")
    for path in (
        "/stac",
        "/openapi.json",
        "/nowhere",
        "/assets/x",
        f"{item}/preview.png",
        "/raster/legend.svg?colormap_name=viridis",
    ):
        headers = http.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "sandbox" in headers["Content-Security-Policy"]
        assert "geolocation=()" in headers["Permissions-Policy"]
        assert "Strict-Transport-Security" not in headers
        assert "Server" not in headers


def test_pages_run_their_own_scripts_and_are_framed_by_nobody_else(http: httpx.Client) -> None:
    home, docs = http.get("/", headers={"Accept": "text/html"}), http.get("/docs")

    for page in (home, docs):
        assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
        assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "'unsafe-eval'" not in page.headers["Content-Security-Policy"]
    assert "script-src 'self' 'sha256-" in docs.headers["Content-Security-Policy"]
    # What an HTML answer of the tiles shows is the catalog's text, not ours: it runs nothing.
    lists = http.get("/raster/tileMatrixSets", headers={"Accept": "text/html"})
    assert "default-src 'none'" in lists.headers["Content-Security-Policy"]


def test_browsers_of_any_origin_read_the_api_without_credentials(http: httpx.Client) -> None:
    """STAC Browser of another host: plain requests, and those that ask before."""
    origin = {"Origin": "https://browser.example"}
    answer = http.get("/stac", headers=origin | {"Cookie": "a=b", "Authorization": "Bearer x"})
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, authorization"}
    before = http.options("/stac/search", headers=origin | asked)

    for each in (http.get("/stac", headers=origin), answer, before):
        assert each.headers["Access-Control-Allow-Origin"] in {"*", "https://browser.example"}
        assert "Access-Control-Allow-Credentials" not in each.headers
    assert before.status_code == 200
    assert "POST" in before.headers["Access-Control-Allow-Methods"]
    assert "authorization" in before.headers["Access-Control-Allow-Headers"]
    assert http.options("/stac", headers=origin | {"Access-Control-Request-Method": "PUT"}).status_code == 400


@pytest.mark.parametrize(
    "host", ["x';alert(1)//", 'x"><script>alert(1)</script>', "a/../b", "a b", "", "user@a", "a:b"]
)
def test_a_host_that_is_none_is_refused_and_stands_on_no_page(http: httpx.Client, host: str) -> None:
    for path in ("/docs", "/stac", "/", "/openapi.json"):
        answer = http.get(path, headers={"Host": host, "Accept": "text/html"})
        assert answer.status_code == 400
        assert "alert" not in answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_links_follow_the_host_of_the_request_and_no_page_or_cache_key_else(http: httpx.Client) -> None:
    """The name that was asked for is a part of what every cache goes by; nothing else that a stranger sends is."""
    plain = http.get("/stac").json()
    evil = {
        "X-Forwarded-Server": "evil.example",
        "X-Original-URL": "/evil",
        "X-Rewrite-URL": "/evil",
        "X-Host": "evil.example",
    }

    assert http.get("/stac", headers=evil).json() == plain
    assert "named.example" not in http.get("/docs", headers={"Host": "named.example"}).text


def _app(**given: object) -> TestClient:
    async def show(request: Request) -> Response:
        return JSONResponse({"base": str(request.base_url)})

    async def page(_: Request) -> Response:
        return PlainTextResponse("x", media_type="text/html")

    settings = ServerSettings(
        database=DatabaseSettings(host="h", port=1, user="u", password="p", database="d"),
        store=StoreSettings(url=Path("/nowhere").as_uri()),
        **given,  # type: ignore[arg-type]
    )
    proxy = Middleware(ProxyMiddleware, root_path="", trusted=("testclient",))
    return TestClient(
        Starlette(routes=[Route("/show", show), Route("/page", page)], middleware=[proxy, *create_headers(settings)])
    )


def test_only_who_came_by_tls_is_told_to_stay_with_it() -> None:
    client = _app()

    assert "Strict-Transport-Security" not in client.get("/show").headers
    by_tls = client.get("/show", headers={"X-Forwarded-Proto": "https"})
    assert by_tls.headers["Strict-Transport-Security"] == "max-age=31536000"
    off = _app(hsts_seconds=0).get("/show", headers={"X-Forwarded-Proto": "https"})
    assert "Strict-Transport-Security" not in off.headers


def test_origins_that_were_named_are_the_only_ones_and_caches_keep_them_apart() -> None:
    client = _app(cors_origins=("https://a.example",))
    named, other, none = (
        client.get("/show", headers=each)
        for each in ({"Origin": "https://a.example"}, {"Origin": "https://b.example"}, {})
    )

    assert named.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert "Access-Control-Allow-Origin" not in other.headers
    for answer in (named, other, none):
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_script_that_becomes_a_worker_brings_no_policy_that_would_bind_it() -> None:
    assert "Content-Security-Policy" not in security_headers("text/javascript", "http")
    assert "sandbox" in security_headers("image/svg+xml", "http")["Content-Security-Policy"]
    assert "default-src 'none'" in security_headers("text/html; charset=utf-8", "http")["Content-Security-Policy"]
