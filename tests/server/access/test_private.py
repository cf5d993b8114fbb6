"""What is private does not exist for those without the right, at any endpoint; for others all is as if public."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import morecantile
import psycopg
import pytest
from psycopg.types.json import Jsonb

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from ingest.snapshots import renew_snapshots
from server.access.rules import endpoints
from server.app import create_app

ABSENT = "worldstrat-none"  # as long as that of SPOT, so that even lengths are alike
SPOT_WORDS = re.compile(rb"worldstrat-spot|_SPOT")
VOCABULARY = {
    "/openapi.json",
    "/docs",
    "/raster/indices",
    "/raster/indices/{name}",
    "/raster/searches/{search_id}/info",
}
"""What the software knows of the dataset, whatever a catalog holds; and what who registered a search said in it."""

ECHOES = rb"worldstrat-spot/a/b.tif|has no image in 'worldstrat-spot'"
"""What the caller said, and what is said where no catalog ever held SPOT."""


@dataclass(frozen=True)
class Place:
    """What the parameters of paths and bodies stand for."""

    spot: dict[str, Any]
    sentinel2: dict[str, Any]
    search: str

    @property
    def shape(self) -> dict[str, Any]:
        return {"type": "Feature", "properties": {}, "geometry": self.spot["geometry"]}

    @property
    def tile(self) -> morecantile.Tile:
        west, south, east, north = self.spot["bbox"]
        return morecantile.tms.get("WebMercatorQuad").tile((west + east) / 2, (south + north) / 2, 14)

    def fill(self, path: str, item: str) -> str:
        """Return a path with values for all parameters but the collection."""
        west, south, east, north = self.spot["bbox"]
        values: dict[str, Any] = {
            "item_id": item,
            "aoi": self.spot["properties"]["worldstrat:aoi"].replace(" ", "-"),
            "tileMatrixSetId": "WebMercatorQuad",
            **self.tile._asdict(),
            **dict(zip(("minx", "miny", "maxx", "maxy"), (west, south, east, north), strict=True)),
            "lon": (west + east) / 2,
            "lat": (south + north) / 2,
            "width": 32,
            "height": 32,
            "scale": 1,
            "format": "tif" if "/feature" in path else "png",
            "output": "npy" if "stack" in path else "gif",
            "search_id": self.search,
            "name": "NDVI" if "indices" in path else "best",
            "colorMapId": "viridis",
            "file": "x",
        }
        path = path.replace("{key:path}", "worldstrat-spot/a/b.tif")
        return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], found[0])), path)


@pytest.fixture(scope="module")
def place(public: httpx.Client) -> Place:
    def first(collection: str) -> dict[str, Any]:
        found = public.get(f"/stac/collections/{collection}/items", params={"limit": 1}).raise_for_status()
        item: dict[str, Any] = found.json()["features"][0]
        return item

    found = public.post("/raster/searches/register", json={"collections": [COLLECTION_SPOT, COLLECTION_L2A]}).json()
    return Place(first(COLLECTION_SPOT), first(COLLECTION_L2A), found["id"])


@pytest.fixture(scope="module")
def paths(catalog: Any) -> list[tuple[str, str]]:
    """Every endpoint, the slow ones of other collections' super-resolution left out: SPOT has none."""
    found = [(method, path) for method, path in endpoints(create_app(catalog.settings()).routes) if method != "HEAD"]
    assert len(found) > 150
    return found


def ask(client: httpx.Client, method: str, path: str, headers: dict[str, str], place: Place) -> httpx.Response:
    body = {"json": place.shape} if method == "POST" else {}
    return client.request(method, path, headers=headers, follow_redirects=False, **body)


def plain(answer: httpx.Response, *names: str) -> tuple[int, dict[str, str], bytes]:
    """Return what a caller can tell of an answer, names and moments aside."""
    body = answer.content
    for name in (*names, str(answer.request.url.netloc.decode())):
        body = body.replace(name.encode(), b"*")
    telling = ("content-type", "content-length", "cache-control", "vary", "link", "location", "allow")
    told = {name: re.sub("|".join(names) or "$^", "*", answer.headers.get(name, "")) for name in telling}
    return answer.status_code, told, body


def below_spot(paths: list[tuple[str, str]], place: Place, collection: str) -> Iterator[tuple[str, str]]:
    for method, path in paths:
        if "{collection_id}" in path and not path.startswith("/access/"):
            named = path.replace("{collection_id}", collection)
            yield method, place.fill(named, place.spot["id"].replace("{", ""))


@pytest.mark.parametrize("who", ["anybody", "writer"])
def test_no_endpoint_tells_a_hidden_collection_from_one_that_never_was(
    served: httpx.Client, paths: list[tuple[str, str]], place: Place, writer: dict[str, str], who: str
) -> None:
    headers = writer if who == "writer" else {}
    hidden = list(below_spot(paths, place, COLLECTION_SPOT))
    absent = list(below_spot(paths, place, ABSENT))
    assert len(hidden) > 80
    for (method, path), (_, other) in zip(hidden, absent, strict=True):
        answer = ask(served, method, path, headers, place)
        assert answer.status_code in {400, 401, 404}, f"{method} {path}"
        expected = ask(served, method, other, headers, place)
        assert plain(answer, COLLECTION_SPOT) == plain(expected, ABSENT), f"{method} {path}"


def test_who_has_the_right_gets_what_everybody_gets_where_all_is_public(
    served: httpx.Client, public: httpx.Client, paths: list[tuple[str, str]], place: Place, reader: dict[str, str]
) -> None:
    good = 0
    for method, path in below_spot(paths, place, COLLECTION_SPOT):
        answer, expected = ask(served, method, path, reader, place), ask(public, method, path, {}, place)
        # Who has a key that is not for writing is told so; anybody is asked for one.
        statuses = answer.status_code, expected.status_code
        assert statuses == (403, 401) or statuses[0] == statuses[1], f"{method} {path}"
        good += answer.status_code == 200
        if answer.status_code == 200 and "image" in answer.headers["content-type"]:
            assert answer.content == expected.content, path
        if answer.status_code == 200:
            assert "private" in answer.headers["cache-control"], path
            assert "public" not in answer.headers["cache-control"], path
            assert "Authorization" in answer.headers["vary"], path
    assert good > 35


def test_no_other_endpoint_mentions_what_is_hidden(
    served: httpx.Client, public: httpx.Client, paths: list[tuple[str, str]], place: Place, writer: dict[str, str]
) -> None:
    mentioned = 0
    for method, path in paths:
        # Of an item of another collection, too: its links, dates and counterparts are SPOT's.
        named = place.fill(path.replace("{collection_id}", COLLECTION_L2A), place.sentinel2["id"])
        if path in VOCABULARY or method != "GET" or "/sr/" in named or path.startswith("/access/"):
            continue
        mentioned += SPOT_WORDS.search(ask(public, method, named, {}, place).content) is not None
        for headers in ({}, writer):
            answer = ask(served, method, named, headers, place)
            said = re.sub(ECHOES, b"", answer.content)
            assert not SPOT_WORDS.search(said), f"{path}: {answer.text[:300]}"
            assert not SPOT_WORDS.search(str(answer.headers).encode()), path
    assert mentioned > 10, "else this test could not fail"


BOTH = [COLLECTION_SPOT, COLLECTION_L2A]


def collections_in(answer: httpx.Response) -> set[str]:
    return {feature["collection"] for feature in answer.raise_for_status().json()["features"]}


SEARCHES: list[dict[str, Any]] = [
    {},
    {"collections": [COLLECTION_SPOT]},
    {"collections": [COLLECTION_SPOT, COLLECTION_L2A]},
    {"filter": {"op": "=", "args": [{"property": "collection"}, COLLECTION_SPOT]}},
    {"filter": {"op": "or", "args": [{"op": "<", "args": [{"property": "gsd"}, 99]}, {"op": "=", "args": [1, 1]}]}},
    {"query": {"gsd": {"lt": 5}}},
    {"q": ["SPOT"]},
    {"bbox": [-180, -90, 180, 90], "sortby": [{"field": "collection", "direction": "desc"}]},
]


@pytest.mark.parametrize("search", SEARCHES, ids=json.dumps)
def test_no_search_count_or_sample_finds_a_hidden_item(
    served: httpx.Client, public: httpx.Client, reader: dict[str, str], search: dict[str, Any]
) -> None:
    # The reader comes first, so that whatever is remembered holds hidden items.
    for path, body in (
        ("/stac/search", search | {"limit": 100}),
        (
            "/stac/sample",
            {"collections": BOTH, "per_aoi": 64} | {name: search[name] for name in search if name != "sortby"},
        ),
    ):
        seen = served.post(path, json=body, headers=reader)
        known = public.post(path, json=body)
        found = served.post(path, json=body)
        assert seen.json()["numberMatched"] == known.json()["numberMatched"]
        assert COLLECTION_SPOT in collections_in(seen)
        assert COLLECTION_SPOT not in collections_in(found)
        assert found.json()["numberMatched"] < seen.json()["numberMatched"]
        assert not SPOT_WORDS.search(json.dumps(found.json()["features"]).encode())
    counted = {"aggregations": ["collection_frequency", "total_count"], **search}
    for headers, shows in ((reader, True), ({}, False)):
        counts = served.post("/stac/aggregate", json=counted, headers=headers).raise_for_status().json()["aggregations"]
        assert any(bucket["key"] == COLLECTION_SPOT for bucket in counts[0]["buckets"]) is shows


@pytest.mark.parametrize("f", ["csv", "ndjson", "geojsonseq", "geoparquet"])
def test_no_format_of_a_search_holds_a_hidden_item(served: httpx.Client, reader: dict[str, str], f: str) -> None:
    asked = {"f": f, "limit": 100}
    assert SPOT_WORDS.search(served.get("/stac/search", params=asked, headers=reader).content)
    assert not SPOT_WORDS.search(served.get("/stac/search", params=asked).raise_for_status().content)


def test_a_page_token_does_not_tell_which_hidden_items_there_are(served: httpx.Client, place: Place) -> None:
    def token(item: str) -> httpx.Response:
        text = f"next:{COLLECTION_SPOT.encode().hex()}:{item.encode().hex()}"
        answer = served.get("/stac/search", params={"token": text})
        answer._content = answer.content.replace(text.encode(), b"*")
        return answer

    real, invented = token(place.spot["id"]), token("nobody")
    assert (real.status_code, real.content) == (invented.status_code, invented.content)
    assert real.status_code == 400


def test_collections_are_listed_counted_and_described_as_if_the_hidden_were_none(
    served: httpx.Client, public: httpx.Client, reader: dict[str, str]
) -> None:
    for query in ({}, {"limit": 1}, {"q": "SPOT"}, {"filter": f"id = '{COLLECTION_SPOT}' OR id LIKE 'worldstrat%'"}):
        every = public.get("/stac/collections", params=query).json()
        seen = served.get("/stac/collections", params=query, headers=reader).json()
        listed = served.get("/stac/collections", params=query).raise_for_status().json()
        assert [each["id"] for each in seen["collections"]] == [each["id"] for each in every["collections"]]
        assert COLLECTION_SPOT not in [each["id"] for each in listed["collections"]]
        assert listed["numberMatched"] == every["numberMatched"] - 1
    some = served.get("/stac/collections", params={"fields": "id,assets,links"}).raise_for_status()
    assert [each["id"] for each in some.json()["collections"]] == [each["id"] for each in listed["collections"]]
    assert not SPOT_WORDS.search(some.content)
    assert "geoparquet" not in some.text
    assert "file:" not in some.text
    gsd = served.get("/stac/queryables").json()["properties"]["gsd"]
    assert "1.5" not in json.dumps(gsd)
    assert "1.5" in json.dumps(public.get("/stac/queryables").json()["properties"]["gsd"])


def test_what_the_caches_hold_for_one_is_not_given_to_another(
    served: httpx.Client, place: Place, reader: dict[str, str]
) -> None:
    z, x, y = place.tile.z, place.tile.x, place.tile.y
    item = f"/raster/collections/{COLLECTION_SPOT}/items/{place.spot['id']}"
    other = f"/raster/collections/{COLLECTION_L2A}/items/{place.sentinel2['id']}"
    slug = place.spot["properties"]["worldstrat:aoi"].replace(" ", "-")
    for path in (
        f"{item}/tiles/WebMercatorQuad/{z}/{x}/{y}.png",
        f"{item}/info",
        f"{other}/compare",
        f"/raster/collections/{COLLECTION_L2A}/aois/{slug}/stack.npy?grid=spot&limit=1&bands=red",
        f"/raster/mosaics/best/tiles/WebMercatorQuad/{z}/{x}/{y}.png",
        f"/stac/collections/{COLLECTION_SPOT}/items/{place.spot['id']}",
    ):
        for _ in range(2):
            seen = served.get(path, headers=reader)
            assert seen.status_code == 200, f"{path}: {seen.text[:200]}"
        tag = {"If-None-Match": seen.headers.get("etag", "*")}
        for headers in ({}, tag):
            assert served.get(path, headers=headers).status_code == 404, path


def test_a_tag_of_who_sees_more_is_no_tag_of_who_sees_less(served: httpx.Client, reader: dict[str, str]) -> None:
    for path in ("/stac/search?limit=50", f"/raster/collections/{COLLECTION_L2A}/WebMercatorQuad/tilejson.json"):
        seen = served.get(path, headers=reader)
        again = served.get(path, headers=reader | {"If-None-Match": seen.headers["etag"]})
        assert again.status_code == 304
        assert served.get(path, headers={"If-None-Match": seen.headers["etag"]}).status_code == 200


def test_mosaics_show_nothing_hidden(
    served: httpx.Client, public: httpx.Client, place: Place, reader: dict[str, str]
) -> None:
    z, x, y = place.tile.z, place.tile.x, place.tile.y
    found = f"/raster/searches/{place.search}/tiles/WebMercatorQuad/{z}/{x}/{y}/assets?exitwhenfull=0&skipcovered=0"
    assert SPOT_WORDS.search(served.get(found, headers=reader).content)
    hidden = served.get(found)
    assert hidden.status_code == 200, hidden.text
    assert not SPOT_WORDS.search(hidden.content)
    only = {"collections": [COLLECTION_L2A]}
    other = public.post("/raster/searches/register", json=only).json()["id"]
    tile = f"/tiles/WebMercatorQuad/{z}/{x}/{y}.png?render=true-color"
    assert served.get(f"/raster/searches/{place.search}{tile}").content == (
        public.get(f"/raster/searches/{other}{tile}").content
    )
    names = {each["name"] for each in served.get("/raster/mosaics").json()["mosaics"]}
    assert names == {"clearest", "false-color", "ndvi"}
    assert served.get("/raster/searches/list").status_code == 401
    assert served.get("/raster/searches/list", headers=reader).status_code == 200


def test_the_place_of_a_hidden_image_is_without_it(served: httpx.Client, place: Place, reader: dict[str, str]) -> None:
    slug = place.spot["properties"]["worldstrat:aoi"].replace(" ", "-")
    path = f"/raster/collections/{COLLECTION_L2A}/aois/{slug}"
    assert served.get(path, headers=reader).json()["spot"] == place.spot["id"]
    assert served.get(path).json()["spot"] is None
    item = f"/raster/collections/{COLLECTION_L2A}/items/{place.sentinel2['id']}/compare"
    refused = served.get(item, params={"with": place.spot["id"]})
    assert refused.status_code == 400
    assert not SPOT_WORDS.search(refused.content.replace(place.spot["id"].encode(), b"", 1))


@pytest.fixture
def snapshot(catalog: Any) -> Iterator[None]:
    """The collection of L2A images has its items as GeoParquet."""
    content = "SELECT content FROM pgstac.collections WHERE id = %s"
    with psycopg.connect(catalog.database.dsn, autocommit=True) as connection:
        (before,) = connection.execute(content, (COLLECTION_L2A,)).fetchone() or (None,)
        renew_snapshots(catalog.database, catalog.store, (COLLECTION_L2A,), force=True)
        yield
        connection.execute("UPDATE pgstac.collections SET content = %s WHERE id = %s", (Jsonb(before), COLLECTION_L2A))


@pytest.mark.usefixtures("snapshot")
def test_snapshots_are_for_those_who_see_all(
    served: httpx.Client, public: httpx.Client, reader: dict[str, str]
) -> None:
    path = f"/stac/collections/{COLLECTION_L2A}"
    href = public.get(path).json()["assets"]["geoparquet-items"]["href"].partition("/assets/")[2]
    assert served.get(f"/assets/{href}", headers=reader).status_code == 200
    assert served.get(f"/assets/{href}").status_code == 404
    assert "geoparquet-items" not in served.get(path).json().get("assets", {})
