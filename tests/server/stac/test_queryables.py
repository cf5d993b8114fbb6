"""What a client is told that it can ask, against the items themselves."""

from typing import Any

import httpx
import pystac_client
import pytest
from jsonschema import Draft7Validator

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from catalog.landuse import LCCS_CLASSES, SMOD_CLASSES
from catalog.queryables import LISTED, RANGED, narrowed, queryables

Json = dict[str, Any]
EVERYWHERE = "/stac/queryables"
PATHS = {
    EVERYWHERE: {COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT},
    f"/stac/collections/{COLLECTION_L2A}/queryables": {COLLECTION_L2A},
    f"/stac/collections/{COLLECTION_SPOT}/queryables": {COLLECTION_SPOT},
}


@pytest.fixture(scope="session")
def features(http: httpx.Client) -> list[Json]:
    found: list[Json] = http.get("/stac/search?limit=100").raise_for_status().json()["features"]
    return found


def asked(http: httpx.Client, path: str) -> Json:
    document: Json = http.get(path).raise_for_status().json()
    return document


def values_of(features: list[Json], collections: set[str], name: str) -> list[Any]:
    own = [feature["properties"].get(name) for feature in features if feature["collection"] in collections]
    return [value for value in own if value is not None]


@pytest.mark.parametrize(("path", "collections"), PATHS.items())
def test_enums_and_ranges_are_those_of_the_items(
    http: httpx.Client, features: list[Json], path: str, collections: set[str]
) -> None:
    properties = asked(http, path)["properties"]
    for name in LISTED:
        values = values_of(features, collections, name)
        assert (name in properties) == bool(values)
        assert properties.get(name, {}).get("enum", []) == sorted(set(values))
    for name in RANGED:
        values = values_of(features, collections, name)
        assert (name in properties) == bool(values)
        if values:
            assert (properties[name]["minimum"], properties[name]["maximum"]) == (min(values), max(values))


@pytest.mark.parametrize(("path", "collections"), PATHS.items())
def test_every_item_fulfils_the_schema_of_what_can_be_asked(
    http: httpx.Client, features: list[Json], path: str, collections: set[str]
) -> None:
    document = asked(http, path)
    Draft7Validator.check_schema(document)
    # These two refer to schemas elsewhere.
    document["properties"] = {name: field for name, field in document["properties"].items() if "$ref" not in field}
    own = [feature for feature in features if feature["collection"] in collections]
    assert own
    for feature in own:
        told = {name: value for name, value in feature["properties"].items() if value is not None}
        assert not list(Draft7Validator(document).iter_errors(told))


def test_codes_of_land_use_have_their_titles(http: httpx.Client) -> None:
    properties = asked(http, EVERYWHERE)["properties"]
    for name, classes in (("worldstrat:lccs", LCCS_CLASSES), ("worldstrat:smod", SMOD_CLASSES)):
        choices = properties[name]["oneOf"]
        assert [choice["const"] for choice in choices] == properties[name]["enum"]
        assert all(choice["title"] == classes[choice["const"]] for choice in choices)


def test_dates_are_those_of_the_images(http: httpx.Client, features: list[Json]) -> None:
    field = asked(http, EVERYWHERE)["properties"]["datetime"]
    days = [feature["properties"]["start_datetime"] for feature in features]
    assert (field["type"], field["format"]) == ("string", "date-time")
    assert field["formatMinimum"] == min(days)
    assert f"from {min(days)[:10]} to " in field["description"]


def test_what_only_other_collections_have_is_no_queryable_of_spot(http: httpx.Client) -> None:
    spot = asked(http, f"/stac/collections/{COLLECTION_SPOT}/queryables")["properties"]
    assert not {"worldstrat:revisit", "worldstrat:delta", "eo:cloud_cover", "processing:level"} & spot.keys()
    assert {"worldstrat:aoi", "worldstrat:source", "datetime", "geometry", "id"} <= spot.keys()


def test_pystac_client_reads_the_queryables_of_a_collection(live_server: str) -> None:
    client = pystac_client.Client.open(f"{live_server}/stac")
    found = client.get_collection(COLLECTION_L2A).get_queryables()
    assert found["properties"]["worldstrat:revisit"]["maximum"] == 2
    assert found["$id"] == f"{live_server}/stac/collections/{COLLECTION_L2A}/queryables"


def test_a_choice_from_the_queryables_finds_what_has_it(http: httpx.Client, features: list[Json]) -> None:
    properties = asked(http, EVERYWHERE)["properties"]
    for source in properties["worldstrat:source"]["enum"]:
        query = {"filter": f"\"worldstrat:source\" = '{source}'", "limit": 100}
        found = http.get("/stac/search", params=query).raise_for_status().json()
        expected = [one for one in features if one["properties"]["worldstrat:source"] == source]
        assert found["numberMatched"] == len(expected) > 0


def test_a_catalog_without_items_offers_what_the_dataset_could_have() -> None:
    known = queryables()["properties"]
    empty = {"extent": {"temporal": {"interval": [["2016-01-01T00:00:00Z", None]]}}, "summaries": {"gsd": [10]}}
    assert narrowed(known, []) == narrowed(known, [empty]) == known


def test_a_code_that_no_table_knows_is_a_choice_without_titles() -> None:
    collection = {
        "extent": {"temporal": {"interval": [["2016-01-01T00:00:00Z", "2017-01-01T00:00:00Z"]]}},
        "summaries": {"worldstrat:source": ["UNHCR"], "worldstrat:lccs": [10, 99]},
    }
    field = narrowed(queryables()["properties"], [collection])["worldstrat:lccs"]
    assert field["enum"] == [10, 99]
    assert "oneOf" not in field
