"""The application as a whole: pages, health, documentation, prefixes, errors."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg_pool import ConnectionPool
from rich.console import Console

from catalog.constants import COLLECTION_SPOT
from catalog.settings import DatabaseSettings, StoreSettings
from infra.pgstac import prepare
from infra.ports import free_port
from infra.postgres import PostgresCluster
from ingest.run import Options, ingest
from server.app import create_app
from server.settings import ServerSettings

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What a build of the web page leaves."""
    (tmp_path / "app").mkdir()
    (tmp_path / "index.html").write_text("<title>the map</title>")
    (tmp_path / "app/index-BZ5pepqy.js").write_text("hashed" * 200)
    (tmp_path / "app/plain.js").write_text("plain")
    (tmp_path / "secret.txt").write_text("not part of the page")
    return tmp_path


def test_creating_the_application_connects_nowhere() -> None:
    nowhere = DatabaseSettings(host="127.0.0.1", port=9)

    app = create_app(ServerSettings(database=nowhere, store=StoreSettings(url="s3://nowhere")))

    assert {"/stac/search", "/assets/{key}", "/healthz"} <= app.openapi()["paths"].keys()


def test_a_program_gets_links_and_a_browser_the_page(serve: Any, catalog: Any, built: Path) -> None:
    client = serve(catalog.settings(static=built))

    links = client.get("/")
    page = client.get("/", headers=BROWSER)

    assert {"data", "service-desc", "service-doc"} <= {link["rel"] for link in links.json()["links"]}
    assert (page.text, page.headers["cache-control"]) == ("<title>the map</title>", "no-cache")
    assert "text/html" in page.headers["content-type"]
    for answer in (links, page):
        assert "accept" in answer.headers["vary"].lower()
    assert client.head("/").status_code == 200


def test_files_with_a_hash_in_their_name_are_kept_for_ever(serve: Any, catalog: Any, built: Path) -> None:
    client = serve(catalog.settings(static=built))

    hashed = client.get("/app/index-BZ5pepqy.js", headers={"accept-encoding": "br"})
    plain = client.get("/app/plain.js")

    assert "immutable" in hashed.headers["cache-control"]
    assert hashed.headers["content-encoding"] == "br"
    assert plain.headers["cache-control"] == "no-cache"
    assert client.get("/app/plain.js", headers={"if-none-match": plain.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("path", ["/secret.txt", "/app/../secret.txt", "/app/%2e%2e/secret.txt", "/app/", "/app"])
def test_only_the_pages_own_files_are_served(serve: Any, catalog: Any, built: Path, path: str) -> None:
    client = serve(catalog.settings(static=built))

    assert "not part of the page" not in client.get(path).text


def test_a_server_without_a_built_page_says_so(serve: Any, catalog: Any, tmp_path: Path) -> None:
    client = serve(catalog.settings(static=tmp_path))

    page = client.get("/", headers=BROWSER)

    assert page.status_code == 200
    assert "has not been built" in page.text
    assert f'href="{client.base_url}/stac"'.replace("//stac", "/stac") in page.text
    assert client.get("/app/index.js").status_code == 404


class _Sources(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name == "src" or (name == "href" and tag == "link")]


def test_the_documentation_loads_nothing_from_elsewhere(http: httpx.Client) -> None:
    page = http.get("/docs")
    sources = _Sources()
    sources.feed(page.text)

    assert len(sources.found) == 3
    # Beside the page, wherever a proxy publishes it.
    assert all(source.startswith("vendor/swagger-ui/") for source in sources.found)
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert re.search(r"url: '([^']+)'", page.text)[1] == "openapi.json"  # type: ignore[index]


def test_the_openapi_document_tells_of_every_room(http: httpx.Client) -> None:
    answer = http.get("/openapi.json").raise_for_status()

    document = answer.json()
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    assert {path.split("/")[1] for path in document["paths"]} >= {"stac", "raster", "assets", "healthz", "readyz"}
    assert "/stac" in document["info"]["description"]


def test_json_is_compressed(http: httpx.Client) -> None:
    for encoding in ("br", "gzip"):
        answer = http.get("/stac/search", headers={"accept-encoding": encoding})
        assert answer.headers["content-encoding"] == encoding
        assert answer.json()["features"]


def test_answers_carry_headers_that_browsers_obey(http: httpx.Client) -> None:
    answer = http.get("/stac", headers={"origin": "https://a.org"})
    asked = {
        "origin": "https://a.org",
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-a",
    }

    preflight = http.options("/stac/search", headers=asked)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert preflight.status_code == 200
    assert "POST" in preflight.headers["access-control-allow-methods"]


def _hrefs(document: Any) -> list[str]:
    if isinstance(document, list):
        return [href for part in document for href in _hrefs(part)]
    if isinstance(document, dict):
        own = [document["href"]] if isinstance(document.get("href"), str) else []
        return own + [href for part in document.values() for href in _hrefs(part)]
    return []


PAGES = (
    "/",
    "/stac",
    "/stac/",
    "/stac/collections",
    f"/stac/collections/{COLLECTION_SPOT}",
    f"/stac/collections/{COLLECTION_SPOT}/items?limit=1",
    "/stac/search?limit=1",
)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({}, None),
        ({"x-forwarded-proto": "https", "x-forwarded-host": "sat.org"}, "https://sat.org/api/v1/"),
        ({"forwarded": "for=1.1.1.1;proto=https;host=sat.org:8443"}, "https://sat.org:8443/api/v1/"),
        ({"x-forwarded-host": "sat.org", "x-forwarded-prefix": "/other"}, "http://sat.org/other/"),
    ],
)
def test_every_link_is_one_that_the_outside_can_reach(
    behind_a_proxy: httpx.Client, page: str, headers: dict[str, str], base: str | None
) -> None:
    base = base or f"{str(behind_a_proxy.base_url).rstrip('/')}/api/v1/"
    host = base.split("/")[2]

    for prefix in ("", "/api/v1"):  # a proxy takes the prefix away, or not
        if prefix and "x-forwarded-prefix" in headers:
            continue
        document = behind_a_proxy.get(prefix + page, headers=headers).raise_for_status().json()
        own = [href for href in _hrefs(document) if "worldstrat.github.io" not in href and host in href]
        assert own
        assert [href for href in own if not href.startswith(base)] == []
        assert not [href for href in _hrefs(document) if "127.0.0.1" in href and not href.startswith(base)]


def test_the_next_page_is_there_behind_a_prefix(behind_a_proxy: httpx.Client) -> None:
    page = behind_a_proxy.get("/stac/search?limit=1").json()
    following = next(link["href"] for link in page["links"] if link["rel"] == "next")

    assert "/api/v1/stac/search" in following
    assert behind_a_proxy.get(following).json()["features"][0]["id"] != page["features"][0]["id"]


def test_pages_and_documentation_know_the_prefix(behind_a_proxy: httpx.Client) -> None:
    assert "url: 'openapi.json'" in behind_a_proxy.get("/docs").text
    assert behind_a_proxy.get("/openapi.json").json()["servers"] == [{"url": "/api/v1"}]
    redirect = behind_a_proxy.get("/stac/collections/")
    assert redirect.status_code == 307
    assert redirect.headers["location"].endswith("/api/v1/stac/collections")


def test_the_process_tells_its_versions(http: httpx.Client) -> None:
    answer = http.get("/healthz").raise_for_status().json()

    assert answer["status"] == "ok"
    assert {"worldstrat", "python", "rasterio"} <= answer["versions"].keys()


def test_a_server_is_ready_when_database_and_store_answer(http: httpx.Client) -> None:
    assert http.get("/readyz").json() == {"status": "ok", "database": "ok", "tiles": "ok", "store": "ok"}


def test_a_server_whose_store_is_gone_is_not_ready(serve: Any, catalog: Any, tmp_path: Path) -> None:
    folder = tmp_path / "objects"
    folder.mkdir()
    client = serve(catalog.settings().model_copy(update={"store": StoreSettings(url=folder.as_uri())}))
    assert client.get("/readyz").status_code == 200
    folder.rmdir()

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["database"] == "ok"
    assert "gone" in answer.json()["store"]


def test_a_stopped_database_is_503_and_its_return_is_noticed(
    serve: Any, services_folder: Path, file_store: StoreSettings
) -> None:
    folder = services_folder / "stopped"
    cluster = PostgresCluster(folder, log=folder / "postgres.log", port=free_port(), durable=False)
    daemon = cluster.start()
    prepare(cluster.settings)
    client = serve(ServerSettings(database=cluster.settings, store=file_store, pool_timeout=1))
    assert client.get("/readyz").status_code == 200
    cluster.stop(daemon)

    for path in ("/stac/search", "/stac/collections", "/stac/queryables", "/raster/collections/a/items/b/info"):
        answer = client.get(path)
        assert answer.status_code == 503, path
        assert answer.headers["retry-after"].isdigit()
        assert "database" in answer.json()["description"].lower()
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["store"]) == (503, "ok")
    assert "ok" not in {ready.json()["database"], ready.json()["tiles"]}
    assert client.get("/healthz").status_code == 200

    daemon = cluster.start()
    try:
        assert client.get("/readyz").status_code == 200
        assert client.get("/stac/collections").json()["collections"] == []
    finally:
        cluster.stop(daemon)


def test_tiles_are_back_as_soon_as_the_database_is(
    serve: Any, services_folder: Path, dataset: Path, file_store: StoreSettings
) -> None:
    """After eight seconds the pool's own pauses would be eight seconds long."""
    folder = services_folder / "restarted"
    cluster = PostgresCluster(folder, log=folder / "postgres.log", port=free_port(), durable=False)
    daemon = cluster.start()
    try:
        prepare(cluster.settings)
        first = min(place.name for place in (dataset / "hr_dataset").iterdir())
        assert ingest(Options(dataset, cluster.settings, file_store, only=(first,)), Console(quiet=True)).failures == []
        app = create_app(ServerSettings(database=cluster.settings, store=file_store, pool_timeout=4))
        client = serve(app)
        spot, other = (
            f"/raster/collections/{item['collection']}/items/{item['id']}/info"
            for item in client.get("/stac/search?limit=2").json()["features"]
        )
        _open_connections(app.state.dbpool, 6)
        cluster.stop(daemon)
        stopped = time.monotonic()
        while time.monotonic() < stopped + 8:
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json()["store"]) == (503, "ok")
        daemon = cluster.start()

        assert client.get(spot).status_code == 200
        assert client.get("/readyz").json() == {"status": "ok", "database": "ok", "tiles": "ok", "store": "ok"}

        _open_connections(app.state.dbpool, 6)
        cluster.stop(daemon)  # so short that nobody notices, but the connections are dead
        daemon = cluster.start()
        assert client.get(other).status_code == 200
    finally:
        cluster.stop(daemon)


def _open_connections(pool: ConnectionPool, count: int) -> None:
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(pool.connection())


def test_a_server_whose_tiles_do_not_reach_the_database_is_not_ready(serve: Any, catalog: Any) -> None:
    app = create_app(catalog.settings(pool_size=1))
    client = serve(app)

    with app.state.dbpool.connection():
        answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["database"] == "ok"
    assert "connection" in answer.json()["tiles"]
    assert client.get("/readyz").status_code == 200


def test_a_database_that_is_busy_is_504_and_503_after_a_while(serve: Any, catalog: Any) -> None:
    """One connection, which waits for a lock: its own request gives up, the next is told to come back."""
    client = serve(catalog.settings(pool_size=1, pool_timeout=0.3, statement_timeout=2))

    with psycopg.connect(catalog.database.dsn) as other, ThreadPoolExecutor() as threads:
        other.execute("lock table pgstac.collections in access exclusive mode")
        slow = threads.submit(client.get, "/stac/collections")
        time.sleep(0.5)
        refused = client.get("/stac/collections")

    assert refused.status_code == 503
    assert "free connection" in refused.json()["description"]
    assert slow.result().status_code == 504
    assert "too long" in slow.result().json()["description"]


def test_what_nobody_foresaw_is_500_without_a_traceback(serve: Any, catalog: Any) -> None:
    app = create_app(catalog.settings())

    @app.get("/broken")
    def broken() -> None:
        raise ZeroDivisionError("the secret insides")

    answer = serve(app).get("/broken")

    assert answer.status_code == 500
    assert answer.json().keys() == {"code", "description"}
    assert "secret" not in answer.text


def test_the_tiles_of_a_map_are_routed_before_what_is_asked_less_often(http: httpx.Client) -> None:
    paths = list(http.get("/openapi.json").json()["paths"])
    place = "/tiles/{tileMatrixSetId}/{z}/{x}/{y}"
    item = "/raster/collections/{collection_id}/items/{item_id}"
    plain, upscaled = paths.index(item + place), paths.index(f"{item}/sr{place}")
    assert plain < upscaled < min(i for i, path in enumerate(paths) if path.startswith("/raster/searches"))
