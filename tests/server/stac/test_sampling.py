"""Drawing samples: repeatable, balanced, without leaks, and nothing that cannot be drawn."""

import json
import time
from collections import Counter
from typing import Any

import httpx
import pystac
import pytest

from catalog.collection import create_collections
from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from catalog.pgstac import CatalogWriter
from catalog.settings import DatabaseSettings, StoreSettings
from server.settings import ServerSettings
from server.stac.draw import read

CLASSES = {"Agriculture": 60, "Forest": 30, "Water": 4, None: 9}
"""Places of each class in the crowd; each has three revisits."""
NORTH = {"type": "Polygon", "coordinates": [[[-180, 0], [180, 0], [180, 90], [-180, 90], [-180, 0]]]}


def _item(n: int, ipcc: str | None, revisit: int) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": f"Place-{n}_L2A_{revisit:02d}",
        "collection": COLLECTION_L2A,
        "geometry": {"type": "Point", "coordinates": [n, n / 2]},
        "bbox": [n, n / 2, n, n / 2],
        "properties": {
            "datetime": "2020-01-01T00:00:00Z",
            "eo:cloud_cover": n % 20,
            "worldstrat:aoi": f"Place {n}",
            "worldstrat:ipcc": ipcc,
            "worldstrat:revisit": revisit,
            "worldstrat:delta": (-1) ** revisit * 10 * revisit,
            "worldstrat:split": (None if n % 10 == 0 else "test" if n % 10 == 1 else "train"),
            "worldstrat:split_conflict": n % 20 == 0,
            **({"worldstrat:cloud_cover": 0 if n % 2 else 50} if revisit == 1 else {}),
        },
        "links": [],
        "assets": {},
    }


@pytest.fixture
def crowd(database: DatabaseSettings, file_store: StoreSettings, serve: Any) -> httpx.Client:
    """A server of a hundred places, each with three revisits, of which the first has a cloud mask."""
    classes = [ipcc for ipcc, places in CLASSES.items() for _ in range(places)]
    with CatalogWriter(database) as writer:
        writer.load_collections([collection.to_dict() for collection in create_collections()])
        writer.load_items([_item(n, ipcc, revisit) for n, ipcc in enumerate(classes) for revisit in (1, 2, 3)])
    return serve(ServerSettings(database=database, store=file_store, max_limit=40))


def _sample(http: httpx.Client, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = http.post("/stac/sample", json=body).raise_for_status().json()
    assert len(answer["features"]) == answer["numberReturned"] == answer["sample"]["drawn"]
    return answer


def _ids(answer: dict[str, Any]) -> list[str]:
    return [item["id"] for item in answer["features"]]


def _said(answer: dict[str, Any], name: str) -> list[Any]:
    return [item["properties"].get(name) for item in answer["features"]]


def test_the_seed_decides_the_draw(crowd: httpx.Client) -> None:
    one, again, other = (_ids(_sample(crowd, limit=50, seed=seed)) for seed in (1, 1, 2))
    beginning = _ids(_sample(crowd, limit=20, seed=1))

    assert one == again
    assert one[:20] == beginning
    assert set(one) != set(other)
    assert len(set(one)) == 50


@pytest.mark.parametrize("limit", [3, 10, 33, 100, 5000])
def test_classes_are_as_equal_as_they_can_be(crowd: httpx.Client, limit: int) -> None:
    answer = _sample(crowd, limit=limit, balance="ipcc", leaks="include")

    counts = Counter(_said(answer, "worldstrat:ipcc"))
    told = {each["key"]: each for each in answer["sample"]["classes"]}
    assert {key: each["available"] for key, each in told.items()} == CLASSES
    assert {key: each["drawn"] for key, each in told.items() if each["drawn"]} == counts
    assert sum(each["wanted"] for each in told.values()) == limit
    assert sum(counts.values()) == min(limit, sum(CLASSES.values()))
    # Whoever gave less than another (by more than the odd one) gave all that it had.
    for key, available in CLASSES.items():
        assert counts[key] >= max(counts.values()) - 1 or counts[key] == available
    assert max(each["wanted"] for each in told.values()) - min(each["wanted"] for each in told.values()) <= 1


def test_a_draw_without_balance_favours_no_place(crowd: httpx.Client) -> None:
    drawn = Counter(
        item_id
        for seed in range(40)
        for item_id in _ids(_sample(crowd, limit=20, seed=seed, fields={"include": ["id"]}))
    )

    # 40 draws of 20 among 92 places: each is expected 8.7 times, give or take 2.6.
    assert len(drawn) == 92
    assert max(drawn.values()) < 8.7 + 5 * 2.6


@pytest.mark.parametrize(("per_aoi", "revisits"), [(1, {1}), (2, {1, 2}), (3, {1, 2, 3})])
def test_a_place_gives_its_best_revisits_first(crowd: httpx.Client, per_aoi: int, revisits: set[int]) -> None:
    answer = _sample(crowd, limit=5000, per_aoi=per_aoi)

    assert set(Counter(_said(answer, "worldstrat:aoi")).values()) == {per_aoi}
    assert set(_said(answer, "worldstrat:revisit")) == revisits
    assert answer["sample"]["available"] == len(answer["features"]) == 92 * per_aoi


def test_shorthands_are_conditions(crowd: httpx.Client) -> None:
    answer = _sample(crowd, limit=5000, per_aoi=3, split="train", max_delta=20, max_cloud=5)

    assert set(_said(answer, "worldstrat:split")) == {"train"}
    assert {abs(delta) for delta in _said(answer, "worldstrat:delta")} == {10, 20}
    for item in answer["features"]:
        properties = item["properties"]
        assert properties.get("worldstrat:cloud_cover", properties["eo:cloud_cover"]) <= 5
    assert any("worldstrat:cloud_cover" not in item["properties"] for item in answer["features"])
    assert any(cover > 5 for cover in _said(answer, "eo:cloud_cover"))
    assert answer["numberMatched"] == len(answer["features"])


def test_the_question_of_a_study_is_one_request(crowd: httpx.Client) -> None:
    url = "/stac/sample?limit=500&balance=ipcc&split=train&max_delta=20&max_cloud=5&seed=42"

    by_url = crowd.get(url).raise_for_status().json()
    body = {"limit": 500, "balance": "ipcc", "split": "train", "max_delta": 20, "max_cloud": 5, "seed": 42}
    by_body = _sample(crowd, **body)

    assert by_url["features"] == by_body["features"]
    assert by_url["sample"] == by_body["sample"]


def test_leaks_stay_out_unless_they_are_asked_for(http: httpx.Client, catalog: Any) -> None:
    clean = _sample(http)
    everything = _sample(http, leaks="include")

    assert None not in _said(clean, "worldstrat:split")
    assert not any(_said(clean, "worldstrat:split_conflict"))
    assert len(everything["features"]) == catalog.aois > len(clean["features"])
    assert any(_said(everything, "worldstrat:split_conflict"))


def test_conditions_are_those_of_a_search(http: httpx.Client, catalog: Any) -> None:
    body: dict[str, Any] = {
        "collections": [COLLECTION_L1C, COLLECTION_SPOT],
        "intersects": NORTH,
        "datetime": "2016-01-01T00:00:00Z/2022-12-31T00:00:00Z",
        "filter": {"op": "<>", "args": [{"property": "worldstrat:source"}, "UNHCR"]},
    }
    matched = http.post("/stac/search", json=body | {"limit": 100}).json()

    sample = _sample(http, **body, leaks="include", per_aoi=64)

    assert sorted(_ids(sample)) == sorted(_ids(matched))
    assert sample["numberMatched"] == matched["numberMatched"] < catalog.items
    by_url = http.get("/stac/sample", params={"filter": "\"worldstrat:source\" = 'UNHCR'", "leaks": "include"}).json()
    assert set(_said(by_url, "worldstrat:source")) == {"UNHCR"}


def test_items_look_as_a_search_shows_them(http: httpx.Client) -> None:
    answer = _sample(http, leaks="include")

    for item in answer["features"]:
        found = http.post("/stac/search", json={"ids": [item["id"]]}).json()["features"]
        assert found == [item]
        assert item["assets"]["data"]["href"].startswith(str(http.base_url))
    assert len(pystac.ItemCollection.from_dict(answer)) == len(answer["features"])


def test_fields_can_leave_only_the_ids(http: httpx.Client) -> None:
    by_url = http.get("/stac/sample", params={"fields": "id", "leaks": "include"}).json()
    by_body = _sample(http, leaks="include", fields={"exclude": ["id", "collection", "links", "geometry"]})

    assert _ids(by_url) == _ids(by_body) == _ids(_sample(http, leaks="include"))
    assert {key for item in by_url["features"] for key in item} == {"id", "collection"}
    assert not any("geometry" in item for item in by_body["features"])


def test_nothing_to_draw_is_an_empty_sample(http: httpx.Client) -> None:
    answer = _sample(http, ids=["none"], balance="ipcc")

    assert (answer["features"], answer["numberMatched"], answer["sample"]["classes"]) == ([], 0, [])


def test_classes_want_the_same_give_or_take_one() -> None:
    row = {
        "matched": 9,
        "classes": [["a", 7], [None, 2]],
        "drawn": [["c", "1", "a"], ["c", "2", None], ["c", "3", "a"]],
    }

    drawn = read(row, 3)

    assert [(each["key"], each["wanted"], each["drawn"]) for each in drawn.classes] == [("a", 2, 2), (None, 1, 1)]
    assert (drawn.available, drawn.keys) == (9, (("c", "1"), ("c", "2"), ("c", "3")))


def test_the_query_extension_chooses_what_is_drawn_from(http: httpx.Client) -> None:
    coarse = http.post("/stac/sample", json={"query": {"gsd": {"gte": 10}}}).json()
    fine = http.post("/stac/sample", json={"query": {"gsd": {"lt": 2}}}).json()
    assert coarse["sample"]["available"] > 0
    assert fine["sample"]["available"] == 0  # a sample is of Sentinel-2 L2A unless collections say otherwise


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"limit": 0},
        {"limit": 5001},
        {"limit": 10**30},
        {"seed": -1},
        {"seed": 2**63},
        {"seed": "'; DROP TABLE items; --"},
        {"per_aoi": 0},
        {"balance": "p->>'worldstrat:aoi'"},
        {"split": "all"},
        {"leaks": "yes"},
        {"max_delta": -1},
        {"max_cloud": 101},
        {"max_clouds": 5},
        {"query": {"gsd": {"about": 2}}},
        {"sortby": [{"field": "id", "direction": "asc"}]},
        {"bbox": [0, 0, 1]},
        {"intersects": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0], [0, 0]], [[9]]]}},
        {"filter": {"op": "guess", "args": []}},
        {"filter": {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Blob", "coordinates": []}]}},
        {"fields": "id"},
        {"ids": ["a\0b"]},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_what_cannot_be_drawn_is_refused_at_once(http: httpx.Client, body: Any) -> None:
    started = time.monotonic()

    answer = http.post("/stac/sample", json=body)

    assert answer.status_code == 400, answer.text
    assert answer.json().keys() == {"code", "description"}
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=5001",
        "max_cloud=nan",
        "max_cloud=inf",
        "seed=x",
        "balance=",
        "max_clouds=5",
        "token=next:1",
        "filter=gsd",
    ],
)
def test_a_url_that_cannot_be_drawn_is_refused_in_words(http: httpx.Client, query: str) -> None:
    answer = http.get(f"/stac/sample?{query}")

    assert answer.status_code == 400, answer.text
    assert query.partition("=")[0] in answer.json()["description"]


def test_a_quote_in_a_condition_is_only_a_quote(http: httpx.Client) -> None:
    value = "'; DROP TABLE items; -- {class} {condition} $1 $quote$ %s"
    condition = {"op": "or", "args": [{"op": "=", "args": [{"property": "worldstrat:aoi"}, value]}] * 2}

    assert _sample(http, filter=condition, leaks="include")["features"] == []
    assert _sample(http, leaks="include")["features"] != []


def test_it_is_described_in_openapi(http: httpx.Client) -> None:
    paths = http.get("/openapi.json").json()["paths"]

    for method in ("get", "post"):
        assert "repeatable" in paths["/stac/sample"][method]["summary"]
    described = {each["name"]: each for each in paths["/stac/sample"]["get"]["parameters"]}
    for name in ("balance", "per_aoi", "split", "max_delta", "max_cloud", "leaks", "seed", "limit"):
        place = described[name]
        assert place.get("description") or place["schema"].get("description"), name
