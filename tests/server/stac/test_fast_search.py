"""Our way from a search to items beside stock stac-fastapi-pgstac's, over one database."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from stac_fastapi.pgstac.app import instantiate_api
from stac_fastapi.pgstac.config import PostgresSettings, Settings
from stac_fastapi.pgstac.db import close_db_connection, connect_to_db

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from server.stac.hrefs import ALTERNATE_ASSETS
from server.stac.links import WEB_MAP_LINKS

OURS = {"tilejson", "wmts", "preview"}
"""Links that only our items have."""

SEARCHES: list[dict[str, Any]] = [
    {},
    {"limit": 100},
    {"collections": [COLLECTION_SPOT, COLLECTION_L1C], "limit": 7},
    {"bbox": [-180, 0, 180, 90], "datetime": "2017-06-01T00:00:00Z/..", "limit": 50},
    {"intersects": {"type": "Point", "coordinates": [43.6, 14.4]}},
    {"filter": {"op": "<=", "args": [{"property": "worldstrat:revisit"}, 1]}, "limit": 50},
    {"filter": {"op": "isNull", "args": [{"property": "worldstrat:split"}]}, "limit": 50},
    {"query": {"gsd": {"lt": 2}}},
    {"sortby": [{"field": "properties.worldstrat:cloud_cover", "direction": "desc"}], "limit": 50},
    {"sortby": [{"field": "id", "direction": "asc"}], "limit": 3},
    {"fields": {"include": ["id", "properties.worldstrat:split", "assets.data"], "exclude": ["links"]}, "limit": 50},
    {"fields": {"include": [], "exclude": ["assets.data.raster:bands", "bbox", "geometry"]}, "limit": 50},
    {"ids": ["no such item"]},
]


@pytest.fixture(scope="module")
def ours(catalog: Any, serve_longer: Any) -> Any:
    """Our server."""
    return serve_longer(catalog.settings())


@pytest.fixture(scope="module")
def stock(catalog: Any, serve_longer: Any) -> Any:
    """Stock stac-fastapi-pgstac that hydrates outside the database and counts."""
    return serve_longer(_stock_app(catalog.database))


def _stock_app(database: Any) -> FastAPI:
    postgres = PostgresSettings(
        _env_file=None,
        pguser=database.user,
        pgpassword=database.password.get_secret_value(),
        pghost=database.host,
        pgport=database.port,
        pgdatabase=database.database,
        server_settings={"pgstac.context": "on", "pgstac.readonly": "true"},
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await connect_to_db(app, postgres_settings=postgres)
        yield
        await close_db_connection(app)

    app: FastAPI = instantiate_api(settings=Settings(_env_file=None, use_api_hydrate=True), lifespan=lifespan).app
    return app


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    """An item without what we publish otherwise: where assets lie, our links, addresses of schemas."""
    item = json.loads(json.dumps(item))
    for asset in item.get("assets", {}).values():
        asset.pop("href", None)
        asset.pop("alternate", None)
    links = [link for link in item.get("links", []) if link["rel"] not in OURS]
    for link in links:
        link["href"] = urlsplit(link["href"]).path.removeprefix("/stac")
    extensions = [uri for uri in item.get("stac_extensions", []) if uri not in {WEB_MAP_LINKS, ALTERNATE_ASSETS}]
    extensions = [uri for uri in extensions if "worldstrat" not in uri]
    return item | {"links": links, "stac_extensions": extensions}


def _page(answer: httpx.Response) -> tuple[list[Any], int, set[str]]:
    page = answer.raise_for_status().json()
    assert page["numberReturned"] == len(page["features"])
    around = {link["rel"] for link in page["links"]} & {"next", "previous"}
    return [_plain(item) for item in page["features"]], page["numberMatched"], around


@pytest.mark.parametrize("search", SEARCHES, ids=[",".join(search) or "all" for search in SEARCHES])
def test_every_search_finds_what_stock_pgstac_finds(
    ours: httpx.Client, stock: httpx.Client, search: dict[str, Any]
) -> None:
    for _ in range(2):  # the second time from what was kept of the first
        assert _page(ours.post("/stac/search", json=search)) == _page(stock.post("/search", json=search))


@pytest.mark.parametrize(
    "query",
    [
        "limit=3&sortby=-properties.eo:cloud_cover,id",
        "filter=\"worldstrat:source\" = 'UNHCR' AND gsd > 5&limit=50",
        'query={"gsd":{"lt":2}}',
        "fields=id,properties.datetime,-links",
        "ids=none,neither",
    ],
)
def test_so_does_every_search_by_url(ours: httpx.Client, stock: httpx.Client, query: str) -> None:
    assert _page(ours.get(f"/stac/search?{query}")) == _page(stock.get(f"/search?{query}"))


def test_an_item_and_a_collections_items_are_those_of_stock_pgstac(ours: httpx.Client, stock: httpx.Client) -> None:
    path = f"/collections/{COLLECTION_L2A}/items"
    (item, *_), _, _ = page = _page(ours.get(f"/stac{path}?limit=3"))

    assert page == _page(stock.get(f"{path}?limit=3"))
    mine, theirs = ours.get(f"/stac{path}/{item['id']}"), stock.get(f"{path}/{item['id']}")
    assert _plain(mine.json()) == _plain(theirs.json()) == item
    assert mine.headers["content-type"] == theirs.headers["content-type"] == "application/geo+json"


@pytest.mark.parametrize("sortby", ["-datetime", "+properties.worldstrat:cloud_cover", "-properties.worldstrat:split"])
def test_pages_lead_forth_and_back_by_the_same_tokens(ours: httpx.Client, stock: httpx.Client, sortby: str) -> None:
    """Also over values that are null, and over places where many items have one value."""
    mine, theirs = f"/stac/search?limit=6&sortby={sortby}", f"/search?limit=6&sortby={sortby}"
    for rel in ("next", "next", "next", "previous", "previous"):
        pages = [ours.get(mine).json(), stock.get(theirs).json()]
        assert [item["id"] for item in pages[0]["features"]] == [item["id"] for item in pages[1]["features"]]
        mine, theirs = (next(link["href"] for link in page["links"] if link["rel"] == rel) for page in pages)
        assert urlsplit(mine).query == urlsplit(theirs).query


def test_a_page_in_many_pieces_is_one_answer(catalog: Any, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve(catalog.settings())
    whole = client.get("/stac/search?limit=100").json()
    monkeypatch.setattr("server.stac.page.AT_ONCE", 3)
    monkeypatch.setattr("server.stac.answer.AT_ONCE", 3)

    answer = client.get("/stac/search?limit=100", headers={"accept-encoding": "identity"})

    assert answer.headers.get("transfer-encoding") == "chunked"
    assert answer.json() == whole
    assert len(whole["features"]) == catalog.items


def test_a_client_that_has_the_page_gets_304_until_anything_changes(catalog: Any, serve: Any) -> None:
    client = serve(catalog.settings())
    tag = client.get("/stac/search?limit=2").headers["etag"]

    assert client.get("/stac/search?limit=2", headers={"if-none-match": tag}).status_code == 304
    assert client.get("/stac/search?limit=3", headers={"if-none-match": tag}).status_code == 200
    with psycopg.connect(catalog.database.dsn, autocommit=True) as connection:
        connection.execute("UPDATE pgstac.items SET private = NULL WHERE collection = %s", (COLLECTION_SPOT,))
    assert client.get("/stac/search?limit=2", headers={"if-none-match": tag}).status_code == 200


def test_what_is_kept_never_outlives_a_change(database: Any, catalog: Any, serve: Any) -> None:
    """An item that is changed, added or deleted shows in the very next answer, and so do counts."""
    with psycopg.connect(catalog.database.dsn) as source, psycopg.connect(database.dsn, autocommit=True) as target:
        target.execute("SET search_path = pgstac, public")
        for (content,) in source.execute("SELECT content FROM pgstac.collections").fetchall():
            target.execute("SELECT create_collection(%s)", (json.dumps(content),))
        source.execute("SET search_path = pgstac, public")
        stored = source.execute("SELECT content_hydrate(items) FROM items").fetchall()
        items = [item for (item,) in stored]
        client = serve(catalog.settings().model_copy(update={"database": database}))
        assert client.get("/stac/search").json()["numberMatched"] == 0

        first, second = items[:2]
        target.execute("SELECT create_item(%s)", (json.dumps(first),))
        path = f"/stac/collections/{first['collection']}/items/{first['id']}"
        assert client.get("/stac/search").json()["numberMatched"] == 1
        assert client.get(path).json()["properties"] == first["properties"]

        first["properties"]["title"] = "another"
        target.execute("SELECT update_item(%s)", (json.dumps(first),))
        target.execute("SELECT create_item(%s)", (json.dumps(second),))
        page = client.get("/stac/search").json()
        assert page["numberMatched"] == page["numberReturned"] == 2
        assert client.get(path).json()["properties"]["title"] == "another"
        assert "another" in {item["properties"]["title"] for item in page["features"]}

        target.execute("SELECT delete_item(%s, %s)", (first["id"], first["collection"]))
        assert client.get("/stac/search").json()["numberMatched"] == 1
        assert client.get(path).status_code == 404
