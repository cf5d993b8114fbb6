"""Free text on items: what words mean, and that counts and samples agree with searches."""

from typing import Any

import httpx
import psycopg
import pytest

from server.errors import InvalidSearchError
from server.stac.freetext import MAX_LENGTH, MAX_TERMS, read_words

EVIL = [
    "&",
    "a & | b",
    "'",
    "a'b",
    "\\",
    "(",
    ":*",
    "a:b",
    "<->",
    "!",
    "a\\'b",
    "@QUOTE@1@QUOTE@ x",
    "é à",
    '"',
    '"a',
    "$1",
]


def _found(http: httpx.Client, q: str, **params: Any) -> list[str]:
    answer = http.get("/stac/search", params={"q": q, "limit": 100, **params}).raise_for_status().json()
    assert answer["numberMatched"] == len(answer["features"])
    return sorted(item["id"] for item in answer["features"])


@pytest.fixture(scope="module")
def properties(http: httpx.Client) -> dict[str, dict[str, Any]]:
    features = http.get("/stac/search", params={"limit": 100}).raise_for_status().json()["features"]
    return {item["id"]: item["properties"] for item in features}


@pytest.mark.parametrize(
    ("q", "source"),
    [
        ("UNHCR", "UNHCR"),
        ("refugee camp", "UNHCR"),
        ("Refugees", "UNHCR"),
        ("mining", "ASMSpotter"),
        ("human rights", "Amnesty"),
    ],
)
def test_words_find_the_places_of_a_source(http: httpx.Client, properties: Any, q: str, source: str) -> None:
    expected = sorted(key for key, each in properties.items() if each["worldstrat:source"] == source)

    assert _found(http, q) == expected != []


@pytest.mark.parametrize(
    "name", ["worldstrat:aoi", "worldstrat:ipcc", "worldstrat:lccs_label", "worldstrat:smod_label"]
)
def test_every_name_and_label_finds_its_items(http: httpx.Client, properties: Any, name: str) -> None:
    for value in {each[name] for each in properties.values() if each.get(name)}:
        items = {key for key, each in properties.items() if each.get(name) == value}

        assert items <= set(_found(http, f'"{value}"')), value


def test_operators_join_and_exclude(http: httpx.Client, properties: Any) -> None:
    camps, mines = _found(http, "camp"), _found(http, "mine")

    assert _found(http, "camp,mine") == _found(http, "camp OR mine") == sorted(camps + mines)
    assert _found(http, "camp AND mine") == []
    assert _found(http, "camp -spot") == [item for item in camps if not item.endswith("_SPOT")] != []
    assert _found(http, "-camp") == sorted(properties.keys() - set(camps))
    assert _found(http, "camp gold") == []


def test_a_body_a_collection_and_a_filter_take_words_too(http: httpx.Client) -> None:
    expected = [item for item in _found(http, "camp") if item.endswith("_SPOT")]

    by_list = http.post("/stac/search", json={"q": ["camp", "nosuchword"], "collections": ["worldstrat-spot"]})
    by_text = http.post("/stac/search", json={"q": "camp", "collections": ["worldstrat-spot"]})
    inside = http.get("/stac/collections/worldstrat-spot/items", params={"q": "camp", "filter": "gsd < 5"})

    for answer in (by_list, by_text, inside):
        assert sorted(item["id"] for item in answer.raise_for_status().json()["features"]) == expected != []


@pytest.mark.parametrize("q", ["camp", "human rights", "camp OR mine", "nosuchword"])
def test_counts_and_samples_agree_with_the_search(http: httpx.Client, q: str) -> None:
    found = _found(http, q)

    counted = http.get("/stac/aggregate", params={"q": q}).raise_for_status().json()["aggregations"][0]["value"]
    by_body = http.post("/stac/aggregate", json={"q": [q]}).raise_for_status().json()["aggregations"][0]["value"]
    sample = http.get("/stac/sample", params={"q": q, "per_aoi": 16, "leaks": "include"}).raise_for_status().json()

    assert counted == by_body == len(found)
    assert {item["id"] for item in sample["features"]} == {item for item in found if "_L2A_" in item}


def test_pages_keep_the_words(http: httpx.Client) -> None:
    page = http.get("/stac/search", params={"q": "camp", "limit": 3}).raise_for_status().json()
    following = next(link["href"] for link in page["links"] if link["rel"] == "next")

    rest = http.get(following).raise_for_status().json()

    assert sorted(item["id"] for each in (page, rest) for item in each["features"]) == _found(http, "camp")


@pytest.mark.parametrize("text", EVIL)
def test_any_text_is_words_that_postgresql_can_read_or_is_refused(http: httpx.Client, catalog: Any, text: str) -> None:
    answer = http.get("/stac/search", params={"q": text, "limit": 1})

    assert answer.status_code in {200, 400}, answer.text
    if answer.status_code == 200:
        with psycopg.connect(catalog.database.dsn, options="-c search_path=pgstac,public") as connection:
            for alternative in read_words(text) or []:
                connection.execute("SELECT q_to_tsquery(to_jsonb(%s::text))", (alternative,))
    else:
        assert answer.json()["description"].startswith("q ")


@pytest.mark.parametrize(
    "text", ["a b", 'a "b c" -d', "a AND b OR -c, d", "Rural: cluster", "Landcover-8379", 'a -"b, c" +e f']
)
def test_what_was_read_reads_the_same_again(text: str) -> None:
    once = read_words(text)

    assert read_words(once) == once


@pytest.mark.parametrize("q", ["", "  ", "&&|", ",", "x" * (MAX_LENGTH + 1), ",".join("ab" * (MAX_TERMS + 1))])
def test_words_that_are_none_or_too_many_are_refused(q: str) -> None:
    with pytest.raises(InvalidSearchError):
        read_words(q)


@pytest.mark.parametrize("q", [7, {"a": 1}, [1], [["a"]]])
def test_what_is_no_text_is_refused(http: httpx.Client, q: Any) -> None:
    assert http.post("/stac/search", json={"q": q}).status_code == 400


def test_it_is_said_to_conform(http: httpx.Client) -> None:
    classes = http.get("/stac/conformance").raise_for_status().json()["conformsTo"]

    assert "https://api.stacspec.org/v1.0.0-rc.1/item-search#free-text" in classes
    assert "https://api.stacspec.org/v1.0.0-rc.1/ogcapi-features#free-text" in classes
