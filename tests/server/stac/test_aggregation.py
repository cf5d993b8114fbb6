"""Counting items: every count against the items themselves, as pystac-client finds them."""

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import psycopg
import pystac
import pystac_client
import pytest

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from server.stac.buckets import AGGREGATIONS, CLOUD_LIMITS

FREQUENCIES = [name for name, each in AGGREGATIONS.items() if not each.reduce]
IPCC = {"op": "=", "args": [{"property": "worldstrat:ipcc"}, "Forest"]}
NO_SPLIT = {"op": "isNull", "args": [{"property": "worldstrat:split"}]}
JSON = {"content-type": "application/json"}
NORTH = {"type": "Polygon", "coordinates": [[[-180, 0], [180, 0], [180, 90], [-180, 90], [-180, 0]]]}

SEARCHES: list[dict[str, Any]] = [
    {},
    {"collections": [COLLECTION_L2A]},
    {"collections": [COLLECTION_L1C, COLLECTION_SPOT]},
    {"collections": ["none"]},
    {"bbox": [-180, -90, 0, 90]},
    {"bbox": [100, -90, -100, 90]},
    {"bbox": [-180, -90, -500, 180, 0, 9000]},
    {"intersects": NORTH},
    {"datetime": "2019-01-01T00:00:00Z/.."},
    {"datetime": "../2018-12-31T00:00:00Z", "collections": [COLLECTION_L2A]},
    {"filter": IPCC},
    {"filter": NO_SPLIT},
    {"filter": {"op": "or", "args": [IPCC, {"op": "<", "args": [{"property": "eo:cloud_cover"}, 10]}]}},
    {"filter": {"op": "s_intersects", "args": [{"property": "geometry"}, NORTH]}, "collections": [COLLECTION_SPOT]},
    {"filter": {"op": "=", "args": [{"property": "worldstrat:aoi"}, "'; DROP TABLE items; -- {condition} $1 %s"]}},
]


@pytest.fixture
def stac(live_server: str) -> pystac_client.Client:
    return pystac_client.Client.open(f"{live_server}/stac")


def _aggregate(http: httpx.Client, names: list[str], **search: Any) -> dict[str, Any]:
    answer = http.post("/stac/aggregate", json={"aggregations": names, **search}).raise_for_status().json()
    assert answer["type"] == "AggregationCollection"
    return {each["name"]: each for each in answer["aggregations"]}


def _counts(aggregation: dict[str, Any]) -> dict[str, int]:
    assert aggregation["overflow"] == 0
    return {bucket["key"]: bucket["frequency"] for bucket in aggregation["buckets"]}


def _clouds(value: float | None) -> str:
    if value is None:
        return "null"
    low = max(limit for limit in CLOUD_LIMITS[:-1] if limit <= value)
    return f"{low}-{CLOUD_LIMITS[CLOUD_LIMITS.index(low) + 1]}"


def _text(value: Any) -> str:
    return "null" if value is None else str(value)


def _geohash(item: pystac.Item, precision: int = 3) -> str:
    """The published algorithm: halve longitude and latitude in turn, five answers make a character."""
    assert item.bbox is not None
    west, south, east, north = item.bbox
    sides = [[-180.0, 180.0, (west + east) / 2], [-90.0, 90.0, (south + north) / 2]]
    bits = 0
    for turn in range(5 * precision):
        low, high, value = sides[turn % 2]
        middle = (low + high) / 2
        bits = 2 * bits + (value >= middle)
        sides[turn % 2][value < middle] = middle
    letters = "0123456789bcdefghjkmnpqrstuvwxyz"
    return "".join(letters[bits >> 5 * (precision - 1 - n) & 31] for n in range(precision))


KEYS: dict[str, Callable[[pystac.Item], str]] = {
    "collection_frequency": lambda item: _text(item.collection_id),
    "datetime_frequency": lambda item: f"{item.datetime:%Y-%m}-01T00:00:00Z" if item.datetime else "null",
    "cloud_cover_frequency": lambda item: _clouds(item.properties.get("eo:cloud_cover")),
    "place_cloud_cover_frequency": lambda item: _clouds(item.properties.get("worldstrat:cloud_cover")),
    "grid_geohash_frequency": _geohash,
    "source_frequency": lambda item: _text(item.properties.get("worldstrat:source")),
    "ipcc_frequency": lambda item: _text(item.properties.get("worldstrat:ipcc")),
    "smod_frequency": lambda item: _text(item.properties.get("worldstrat:smod")),
    "lccs_frequency": lambda item: _text(item.properties.get("worldstrat:lccs")),
    "split_frequency": lambda item: _text(item.properties.get("worldstrat:split")),
    "revisit_frequency": lambda item: _text(item.properties.get("worldstrat:revisit")),
}


def test_every_frequency_has_an_oracle() -> None:
    assert KEYS.keys() == set(FREQUENCIES)


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: json.dumps(search)[:60])
def test_counts_are_those_of_the_items_of_the_same_search(
    http: httpx.Client, stac: pystac_client.Client, search: dict[str, Any]
) -> None:
    found = stac.search(**search, limit=100)
    items = list(found.items())

    answer = _aggregate(http, [*FREQUENCIES, "total_count"], **search)

    assert answer["total_count"]["value"] == found.matched() == len(items)
    for name, key in KEYS.items():
        counts = _counts(answer[name])
        assert counts == dict(Counter(map(key, items))), name
        assert sum(counts.values()) == len(items)


def test_the_first_and_the_last_time_are_those_of_the_items(http: httpx.Client, stac: pystac_client.Client) -> None:
    times = sorted(item.datetime for item in stac.search().items() if isinstance(item.datetime, datetime))

    answer = _aggregate(http, ["datetime_min", "datetime_max"])
    nothing = _aggregate(http, ["datetime_min", "total_count"], ids=["none"])

    assert answer["datetime_min"]["value"] == f"{times[0]:%Y-%m-%dT%H:%M:%SZ}"
    assert answer["datetime_max"]["value"] == f"{times[-1]:%Y-%m-%dT%H:%M:%SZ}"
    assert (nothing["datetime_min"]["value"], nothing["total_count"]["value"]) == (None, 0)


def test_a_url_counts_as_a_body_does(http: httpx.Client) -> None:
    params = {
        "aggregations": "total_count,split_frequency",
        "collections": COLLECTION_L2A,
        "bbox": "-180,-90,180,90",
        "filter": '"worldstrat:ipcc" IS NOT NULL AND "worldstrat:source" <> \'UNHCR\'',
    }
    as_json = {
        "op": "and",
        "args": [
            {"op": "not", "args": [{"op": "isNull", "args": [{"property": "worldstrat:ipcc"}]}]},
            {"op": "<>", "args": [{"property": "worldstrat:source"}, "UNHCR"]},
        ],
    }

    by_url = http.get("/stac/aggregate", params=params).raise_for_status().json()["aggregations"]
    by_body = _aggregate(http, ["total_count", "split_frequency"], collections=[COLLECTION_L2A], filter=as_json)
    matched = http.get("/stac/search", params={k: v for k, v in params.items() if k != "aggregations"}).json()

    assert by_url == list(by_body.values())
    assert by_url[0]["value"] == matched["numberMatched"] > 0


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_collection_counts_its_own_items_only(http: httpx.Client, method: str, catalog: Any) -> None:
    path = f"/stac/collections/{COLLECTION_SPOT}/aggregate"
    if method == "GET":
        answer = http.get(path, params={"aggregations": "collection_frequency", "collections": COLLECTION_L2A})
    else:
        answer = http.post(path, json={"aggregations": ["collection_frequency"], "collections": [COLLECTION_L2A]})

    (aggregation,) = answer.raise_for_status().json()["aggregations"]
    assert _counts(aggregation) == {COLLECTION_SPOT: catalog.aois}


@pytest.mark.parametrize("path", ["/stac", f"/stac/collections/{COLLECTION_L2A}"])
def test_what_can_be_counted_is_said_and_linked(http: httpx.Client, path: str) -> None:
    links = {link["rel"]: link["href"] for link in http.get(path).raise_for_status().json()["links"]}

    offered = http.get(links["aggregations"]).raise_for_status().json()

    assert [each["name"] for each in offered["aggregations"]] == list(AGGREGATIONS)
    for name in AGGREGATIONS:
        (counted,) = (
            http.get(links["aggregate"], params={"aggregations": name}).raise_for_status().json()["aggregations"]
        )
        assert counted["name"] == name
        assert ("value" in counted) != ("buckets" in counted)


def test_it_is_said_to_conform(http: httpx.Client) -> None:
    classes = http.get("/stac/conformance").json()["conformsTo"]

    assert "https://api.stacspec.org/v0.3.0/aggregation" in classes


def test_without_a_name_the_total_is_counted(http: httpx.Client, catalog: Any) -> None:
    for answer in (http.get("/stac/aggregate"), http.post("/stac/aggregate", json={})):
        assert answer.json()["aggregations"] == [
            {"name": "total_count", "data_type": "integer", "value": catalog.items}
        ]


def test_cells_become_finer_with_precision(http: httpx.Client, catalog: Any) -> None:
    def cells(precision: int) -> dict[str, int]:
        names = ["grid_geohash_frequency"]
        return _counts(_aggregate(http, names, grid_geohash_frequency_precision=precision)["grid_geohash_frequency"])

    coarse, fine = cells(1), cells(8)

    assert {len(cell) for cell in coarse} == {1}
    assert len(fine) == catalog.aois
    assert {cell[0] for cell in fine} == coarse.keys()


def test_ranges_say_where_they_begin_and_end(http: httpx.Client) -> None:
    buckets = _aggregate(http, ["cloud_cover_frequency"])["cloud_cover_frequency"]["buckets"]

    ranged = [bucket for bucket in buckets if bucket["key"] != "null"]
    assert [f"{bucket['from']}-{bucket['to']}" for bucket in ranged] == [bucket["key"] for bucket in ranged]
    assert [bucket["from"] for bucket in ranged] == sorted(bucket["from"] for bucket in ranged)
    assert buckets[-1]["key"] == "null"
    assert buckets[-1]["frequency"] > 0  # SPOT images say nothing of clouds


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"aggregations": ["count(*) FROM items; DROP TABLE items; --"]},
        {"aggregations": "total_count"},
        {"aggregations": ["grid_geohash_frequency"], "grid_geohash_frequency_precision": 9},
        {"aggregations": ["grid_geohash_frequency"], "grid_geohash_frequency_precision": 0},
        {"bbox": [0, 0, 1]},
        {"bbox": [0, 0, 1, 1], "intersects": NORTH},
        {"intersects": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0], [0, 0]], [[9]]]}},
        {"datetime": "yesterday"},
        {"filter": {"op": "guess", "args": []}},
        {"filter": {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Blob", "coordinates": []}]}},
        {"ids": ["a\0b"]},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_a_count_without_meaning_is_refused_at_once(http: httpx.Client, body: Any) -> None:
    started = time.monotonic()

    answer = http.post("/stac/aggregate", json=body)

    assert answer.status_code == 400, answer.text
    assert answer.json().keys() == {"code", "description"}
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("levels", [200, 5000, 40_000])
def test_a_condition_nested_beyond_reason_is_refused_at_once(http: httpx.Client, levels: int) -> None:
    condition = '{"op":"not","args":[' * levels + json.dumps(IPCC) + "]}" * levels
    started = time.monotonic()

    answer = http.post("/stac/aggregate", content=f'{{"filter": {condition}}}', headers=JSON)

    assert answer.status_code in ({200, 400} if levels == 200 else {400}), answer.text
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"aggregations": "total_counts"}, "total_count"),
        ({"grid_geohash_frequency_precision": "12"}, "precision"),
        ({"filter": "gsd >"}, "Invalid filter"),
        ({"bbox": "0,10,1,5"}, "latitude"),
        ({"intersects": "here"}, "JSON"),
        ({"datetime": "yesterday"}, "datetime"),
    ],
)
def test_a_url_without_meaning_is_refused_in_words(http: httpx.Client, params: dict[str, str], words: str) -> None:
    answer = http.get("/stac/aggregate", params=params)

    assert answer.status_code == 400
    assert words in answer.json()["description"]


@pytest.mark.parametrize("what", ["aggregate", "aggregations"])
def test_an_unknown_collection_is_not_found(http: httpx.Client, what: str) -> None:
    assert http.get(f"/stac/collections/none/{what}").status_code == 404


def test_counts_are_new_as_soon_as_an_item_is(http: httpx.Client, catalog: Any) -> None:
    names = ["total_count", "ipcc_frequency"]
    before = _aggregate(http, names)
    with psycopg.connect(catalog.database.dsn, autocommit=True, options="-c search_path=pgstac,public") as connection:
        chosen = "SELECT id FROM items WHERE collection = %s ORDER BY id LIMIT 1"
        (item_id,) = connection.execute(chosen, (COLLECTION_SPOT,)).fetchone() or ("",)
        connection.execute("CREATE TEMP TABLE kept AS SELECT * FROM items WHERE id = %s", (item_id,))
        connection.execute("DELETE FROM items WHERE id = %s", (item_id,))
        try:
            without = _aggregate(http, names)
        finally:
            connection.execute("INSERT INTO items SELECT * FROM kept")

    assert without["total_count"]["value"] == before["total_count"]["value"] - 1
    assert without["ipcc_frequency"] != before["ipcc_frequency"]
    assert _aggregate(http, names) == before


def test_items_without_the_properties_beside_them_are_counted_alike(http: httpx.Client, catalog: Any) -> None:
    names = list(FREQUENCIES)
    before = _aggregate(http, names)
    with psycopg.connect(catalog.database.dsn, autocommit=True, options="-c search_path=pgstac,public") as connection:
        connection.execute("CREATE TEMP TABLE kept AS SELECT id, private FROM items WHERE private IS NOT NULL")
        connection.execute("UPDATE items SET private = NULL")
        try:
            assert _aggregate(http, names) == before
        finally:
            connection.execute("UPDATE items SET private = kept.private FROM kept WHERE kept.id = items.id")
