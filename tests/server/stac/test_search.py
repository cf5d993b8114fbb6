"""Searching the STAC API over a real pgSTAC, through the client that people use."""

import json
from datetime import datetime
from typing import Any

import httpx
import psycopg
import pystac
import pystac_client
import pytest

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT, COLLECTIONS

# Usage counters, too: a row that is updated is written.
KEPT = """
select (select array[count(*), sum(usecount)] from pgstac.searches),
       (select array[count(*), sum(usecount)] from pgstac.search_wheres)
"""


@pytest.fixture
def stac(live_server: str) -> pystac_client.Client:
    return pystac_client.Client.open(f"{live_server}/stac")


def _spatial(item: pystac.Item) -> tuple[float, ...]:
    assert item.bbox is not None
    return tuple(item.bbox)


def test_the_client_opens_it_and_finds_the_collections(stac: pystac_client.Client) -> None:
    assert stac.id == "worldstrat"
    assert {collection.id for collection in stac.get_collections()} == set(COLLECTIONS)


def test_it_pages_through_all_items_and_meets_each_once(stac: pystac_client.Client, catalog: Any) -> None:
    search = stac.search(limit=5, max_items=None)

    found = [(item.collection_id, item.id) for item in search.items()]

    assert search.matched() == catalog.items
    assert len(found) == len(set(found)) == catalog.items


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_page_says_how_many_match(http: httpx.Client, method: str, catalog: Any) -> None:
    body = {"limit": 9, "collections": [COLLECTION_L2A]}
    link: dict[str, Any] | None = {"method": method, "href": "/stac/search", "body": body}
    if method == "GET":
        link = {"method": "GET", "href": f"/stac/search?limit=9&collections={COLLECTION_L2A}"}
    seen = 0
    while link is not None:
        page = http.request(link["method"], link["href"], json=link.get("body")).raise_for_status().json()
        assert page["numberMatched"] == catalog.aois * catalog.revisits
        assert page["numberReturned"] == len(page["features"])
        seen += page["numberReturned"]
        link = next((link for link in page["links"] if link["rel"] == "next"), None)
    assert seen == catalog.aois * catalog.revisits


def test_searches_leave_nothing_in_the_database(http: httpx.Client, catalog: Any) -> None:
    def kept() -> Any:
        with psycopg.connect(catalog.database.dsn) as connection:
            return connection.execute(KEPT).fetchone()

    before = kept()
    for number in range(30):
        query = f"limit=1&collections={COLLECTION_L2A}&filter=eo:cloud_cover<{200 + number}"
        page = http.get(f"/stac/search?{query}").raise_for_status().json()
        assert page["numberMatched"] == catalog.aois * catalog.revisits
        following = next(link["href"] for link in page["links"] if link["rel"] == "next")
        assert http.get(following).json()["features"][0]["id"] != page["features"][0]["id"]
    for path in ("aggregate?aggregations=total_count", "sample?limit=2", f"collections/{COLLECTION_L2A}/items?limit=2"):
        http.get(f"/stac/{path}").raise_for_status()
    http.post("/stac/search", json={"limit": 3, "ids": ["nowhere"]}).raise_for_status()

    assert kept() == before


def test_an_item_is_found_by_where_it_is(stac: pystac_client.Client) -> None:
    place = next(stac.search(collections=[COLLECTION_SPOT]).items())
    bbox = _spatial(place)

    found = list(stac.search(bbox=bbox).items())

    aoi = place.properties["worldstrat:aoi"]
    assert {item.properties["worldstrat:aoi"] for item in found} == {aoi}
    assert len({item.collection_id for item in found}) == len(COLLECTIONS)
    assert [item.id for item in stac.search(collections=[COLLECTION_SPOT], intersects=place.geometry).items()] == [
        place.id
    ]


def test_an_item_is_found_by_its_day(stac: pystac_client.Client) -> None:
    one = next(stac.search(collections=[COLLECTION_L2A]).items())
    assert isinstance(one.datetime, datetime)
    day = one.datetime.date().isoformat()

    found = list(stac.search(datetime=day, collections=[COLLECTION_L2A]).items())

    assert one.id in {item.id for item in found}
    assert all(item.datetime is not None and item.datetime.date().isoformat() == day for item in found)
    assert list(stac.search(datetime="1990-01-01/1999-12-31").items()) == []


@pytest.mark.parametrize("name", ["worldstrat:source", "worldstrat:ipcc", "worldstrat:split", "worldstrat:smod"])
def test_cql2_text_and_json_find_what_the_items_say(stac: pystac_client.Client, name: str) -> None:
    items = list(stac.search(collections=[COLLECTION_L2A]).items())
    value = next(item.properties[name] for item in items if item.properties[name] is not None)
    expected = {item.id for item in items if item.properties[name] == value}
    literal = f"'{value}'" if isinstance(value, str) else value
    as_json = {"op": "=", "args": [{"property": name}, value]}

    by_text = stac.search(
        method="GET", collections=[COLLECTION_L2A], filter=f'"{name}" = {literal}', filter_lang="cql2-text"
    )
    by_json = stac.search(collections=[COLLECTION_L2A], filter=as_json, filter_lang="cql2-json")

    assert {item.id for item in by_text.items()} == expected
    assert {item.id for item in by_json.items()} == expected


def test_the_source_is_found_in_the_words_of_the_readme(stac: pystac_client.Client) -> None:
    found = list(stac.search(filter="\"worldstrat:source\" = 'UNHCR'", filter_lang="cql2-text", method="GET").items())

    assert found
    assert {item.properties["worldstrat:source"] for item in found} == {"UNHCR"}
    assert all(item.properties["worldstrat:aoi"].startswith("UNHCR") for item in found)


def test_conditions_combine_and_sort(stac: pystac_client.Client, catalog: Any) -> None:
    search = stac.search(
        collections=[COLLECTION_L2A],
        filter={"op": "<=", "args": [{"property": "worldstrat:revisit"}, 2]},
        sortby=["-worldstrat:revisit", "+id"],
    )

    found = [(item.properties["worldstrat:revisit"], item.id) for item in search.items()]

    assert len(found) == 2 * catalog.aois
    assert found == sorted(found, key=lambda pair: (-pair[0], pair[1]))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"worldstrat:source": {"startsWith": "UN"}}, "worldstrat:source = 'UNHCR'"),
        ({"worldstrat:source": {"endsWith": "CR"}}, "worldstrat:source = 'UNHCR'"),
        ({"worldstrat:source": {"contains": "NHC"}}, "worldstrat:source = 'UNHCR'"),
        ({"worldstrat:source": {"contains": "%"}}, "id = 'none'"),
        ({"worldstrat:source": {"startsWith": "U_H"}}, "id = 'none'"),
        ({"worldstrat:source": {"in": ["UNHCR", "ASMSpotter"]}}, "worldstrat:source IN ('UNHCR', 'ASMSpotter')"),
        ({"gsd": {"gt": 2, "lte": 10}, "worldstrat:source": {"neq": "UNHCR"}}, "gsd=10 AND worldstrat:source<>'UNHCR'"),
    ],
)
def test_a_query_finds_what_the_filter_that_it_stands_for_finds(
    http: httpx.Client, query: dict[str, Any], found: str
) -> None:
    other = "worldstrat:split IS NOT NULL"
    asked = {"query": json.dumps(query), "limit": 100}
    filtered = http.get("/stac/search", params={"filter": found, "limit": 100}).raise_for_status().json()
    both = http.get("/stac/search", params={"filter": f"{found} AND {other}"}).raise_for_status().json()

    answer = http.get("/stac/search", params=asked).raise_for_status().json()

    assert [item["id"] for item in answer["features"]] == [item["id"] for item in filtered["features"]]
    assert http.get("/stac/search", params=asked | {"filter": other}).json()["numberMatched"] == both["numberMatched"]
    posted = http.post("/stac/search", json={"query": query, "limit": 100}).raise_for_status().json()
    assert posted["numberMatched"] == answer["numberMatched"]


@pytest.mark.parametrize("query", [[1], {"gsd": 2}, {"gsd": {"like": 2}}, {"gsd": {"in": 2}}, {"gsd": {"contains": 2}}])
def test_what_is_no_query_is_refused(http: httpx.Client, query: Any) -> None:
    assert http.post("/stac/search", json={"query": query}).status_code == 400


def test_the_query_extension_answers_too(stac: pystac_client.Client, catalog: Any) -> None:
    assert stac.search(query={"gsd": {"lt": 2}}).matched() == catalog.aois


def test_fields_leave_out_what_was_not_asked_for(http: httpx.Client) -> None:
    body = {"limit": 1, "fields": {"include": ["id", "properties.worldstrat:split"], "exclude": ["links", "assets"]}}

    (item,) = http.post("/stac/search", json=body).json()["features"]

    assert item["properties"].keys() == {"worldstrat:split"}
    assert not {"assets", "links", "geometry", "stac_extensions"} & item.keys()


def test_fields_of_an_asset_still_become_urls(http: httpx.Client) -> None:
    fields = "id,collection,assets.ps.href,-links"

    answer = http.get("/stac/search", params={"collections": COLLECTION_SPOT, "limit": 1, "fields": fields})

    (item,) = answer.json()["features"]
    assert item["assets"]["ps"].keys() == {"href"}
    assert item["assets"]["ps"]["href"].startswith(f"{str(http.base_url).rstrip('/')}/assets/{COLLECTION_SPOT}/")


def test_an_items_own_collection_endpoint_filters_alike(http: httpx.Client, catalog: Any) -> None:
    params = {"filter": '"worldstrat:revisit" = 1', "limit": 2}

    page = http.get(f"/stac/collections/{COLLECTION_L2A}/items", params=params).raise_for_status().json()

    assert page["numberMatched"] == catalog.aois
    assert {item["properties"]["worldstrat:revisit"] for item in page["features"]} == {1}
    following = next(link["href"] for link in page["links"] if link["rel"] == "next")
    assert http.get(following).json()["numberMatched"] == catalog.aois


def test_collections_are_found_by_words_and_place(stac: pystac_client.Client) -> None:
    assert {found.id for found in stac.collection_search(q="pansharpened").collections()} == {COLLECTION_SPOT}
    place = next(stac.search(collections=[COLLECTION_SPOT]).items())
    assert len(list(stac.collection_search(bbox=_spatial(place)).collections())) == len(COLLECTIONS)


@pytest.mark.parametrize("path", ["/stac/queryables", f"/stac/collections/{COLLECTION_SPOT}/queryables"])
def test_queryables_name_our_properties_with_their_values(http: httpx.Client, path: str) -> None:
    document = http.get(path).raise_for_status()

    queryables = document.json()["properties"]
    assert document.headers["content-type"] == "application/schema+json"
    assert {"worldstrat:source", "worldstrat:ipcc", "worldstrat:split"} <= queryables.keys()
    assert "UNHCR" in queryables["worldstrat:source"]["enum"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_heights_in_a_box_change_nothing(http: httpx.Client, method: str, catalog: Any) -> None:
    bbox = [-180, -90, -500, 180, 90, 9000]
    if method == "GET":
        answer = http.get("/stac/search", params={"bbox": ",".join(map(str, bbox)), "limit": 1})
    else:
        answer = http.post("/stac/search", json={"bbox": bbox, "limit": 1})

    assert answer.status_code == 200
    assert answer.json()["numberMatched"] == catalog.items


def test_a_box_over_the_antimeridian_is_two_halves(http: httpx.Client) -> None:
    def ids(west: float, east: float) -> set[str]:
        body = {"bbox": [west, -90, east, 90], "limit": 1000}
        return {item["id"] for item in http.post("/stac/search", json=body).json()["features"]}

    assert ids(-180, -20) | ids(60, 180) == ids(60, -20) != ids(-180, 180)


def test_a_page_has_a_largest_size(serve: Any, catalog: Any) -> None:
    client = serve(catalog.settings(max_limit=3))

    page = client.get("/stac/search", params={"limit": 5000}).json()

    assert (page["numberReturned"], page["numberMatched"]) == (3, catalog.items)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"filter": "gsd >"}, "Invalid filter"),
        ({"filter": "gsd"}, "Invalid filter"),
        ({"filter": "gsd = 'ten'"}, "ten"),
        ({"filter": '{"op": "guess", "args": []}', "filter-lang": "cql2-json"}, "guess"),
        ({"filter": "gsd = 1", "filter-lang": "sql"}, "cql2-text"),
        ({"query": "{"}, "JSON"),
        ({"intersects": "here"}, "JSON"),
        ({"intersects": '{"type": "Point", "coordinates": [1]}'}, "intersects"),
        ({"limit": "0"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"bbox": "1,2,3"}, "4 or 6"),
        ({"bbox": "0,0,300,10"}, "180"),
        ({"bbox": "0,10,1,5"}, "latitude"),
        ({"bbox": "0,0,9,1,1,8"}, "levation"),
        ({"datetime": "yesterday"}, "datetime"),
        ({"datetime": "2020-02-01T00:00:00Z/2020-01-01T00:00:00Z"}, "before"),
        ({"token": "guess"}, "token"),
        ({"ids": "a\0b"}, "0000"),
    ],
)
def test_a_search_without_meaning_is_refused_in_words(http: httpx.Client, params: dict[str, str], words: str) -> None:
    answer = http.get("/stac/search", params=params)

    assert answer.status_code == 400
    assert answer.json().keys() == {"code", "description"}
    assert words in answer.json()["description"]


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        {"limit": -1},
        {"bbox": [0, 0, 1]},
        {"bbox": [0, 0, 1, 1], "intersects": {"type": "Point", "coordinates": [0, 0]}},
        {"filter": {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Blob", "coordinates": []}]}},
        {"filter": {"op": "s_intersects", "args": [{"property": "geometry"}, [-180, -90, 0, 180, 90, 9]]}},
        {"query": {"gsd": {"about": 1}}},
    ],
)
def test_a_body_without_meaning_is_refused_too(http: httpx.Client, body: Any) -> None:
    answer = http.post("/stac/search", json=body)

    assert answer.status_code == 400, answer.text
    assert answer.json().keys() == {"code", "description"}


def test_a_caller_can_not_change_the_databases_settings(http: httpx.Client, catalog: Any) -> None:
    body = {"conf": {"context": "off", "nohydrate": True}, "limit": 1}

    page = http.post("/stac/search", json=body).json()

    assert page["numberMatched"] == catalog.items
    assert "type" in next(iter(page["features"][0]["assets"].values()))


@pytest.mark.parametrize(
    "path",
    [
        "/stac/collections/none",
        "/stac/collections/none/items",
        "/stac/collections/none/queryables",
        f"/stac/collections/{COLLECTION_SPOT}/items/none",
        "/stac/nothing",
    ],
)
def test_what_is_not_there_is_404(http: httpx.Client, path: str) -> None:
    answer = http.get(path)

    assert answer.status_code == 404
    assert answer.json().keys() == {"code", "description"}


def test_words_that_can_not_be_looked_for_are_refused(http: httpx.Client) -> None:
    answer = http.get("/stac/collections", params={"q": "&&|"})

    assert answer.status_code == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(http: httpx.Client, method: str) -> None:
    for path in (
        "/stac/collections",
        f"/stac/collections/{COLLECTION_SPOT}",
        f"/stac/collections/{COLLECTION_SPOT}/items",
    ):
        assert http.request(method, path, json={}).status_code == 405


def test_a_body_beyond_reason_is_refused_unread(http: httpx.Client) -> None:
    answer = http.post("/stac/search", content=b" " * 2_000_000, headers={"content-type": "application/json"})

    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body", [{"fields": None}, {"limit": True}, {"bbox": [False, 0, 1, 1]}, {"fields": False}], ids=json.dumps
)
def test_a_boolean_is_no_number_and_null_no_fields(http: httpx.Client, body: dict[str, Any]) -> None:
    answer = http.post("/stac/search", json=body)

    assert answer.status_code == 400
    assert next(iter(body)) in answer.json()["description"]
