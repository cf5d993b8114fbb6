"""stac-api-validator and stac-check find nothing, class by class; what they are told to pass over says why."""

import json
import re
from typing import Any

import httpx
import pytest
from stac_api_validator import validations
from stac_api_validator.validations import QueryConfig, validate_api
from stac_check.lint import Linter

from catalog.constants import COLLECTION_SPOT, COLLECTIONS

CLASSES = {
    "core": "core",
    "collections": "collections",
    "features": "ogcapi-features",
    "item-search": "item-search",
    "item-search#fields": "item-search#fields",
    "item-search#filter": "item-search#filter",
    "features#filter": "features-filter",
    "item-search#query": "item-search#query",
    "item-search#sort": "item-search#sort",
}
"""What the validator calls a class, and how the address of the class that we claim ends."""

WITHOUT_COLLECTION = ("item-search#query", "item-search#sort")
"""For these the validator sends a body whose `collections` is a text, which no search may have, and so none at all."""

NO_FINDING = {
    "item-search#fields": [
        # A recommendation, which asks for another answer where `include` is there and empty than where it is absent
        # (rule 4 and rule 3). pystac-client sends both lists always, and its users want all but what they exclude.
        r"'exclude': \['geometry'\], 'include': (\[\]|None)}} response contained 'properties.worldstrat:source'",
        # It wants five fields or more where only one was asked for.
        r"'include': \['properties.worldstrat:source'\]}} response contained fewer than 5 fields",
    ],
    "item-search#query": [
        # It takes a text for a list, of its letters.
        r"\"in\": \[.*non-matching results",
    ],
}
"""Errors of the validator that are none of the server's."""

QUERY = QueryConfig(
    query_comparison_field="gsd",
    query_eq_value="1.5",
    query_neq_value="1.5",
    query_lt_value="10",
    query_lte_value="10",
    query_gt_value="1.5",
    query_gte_value="1.5",
    query_substring_field="worldstrat:source",
    query_starts_with_value="U",
    query_ends_with_value="R",
    query_contains_value="NHC",
    query_in_field="worldstrat:source",
    query_in_values="UNHCR,LCCS",
)


@pytest.mark.filterwarnings("ignore:get_all_items is deprecated:DeprecationWarning")  # the validator calls it
@pytest.mark.parametrize("name", CLASSES)
def test_the_validator_finds_nothing(
    http: httpx.Client,
    offline: set[str],
    open_schemas: None,  # noqa: ARG001 - lets pystac, which the validator ends with, find schemas
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    # It reads the OpenAPI document as YAML, of which JSON is a part, for half a minute.
    monkeypatch.setattr(validations.yaml, "safe_load", json.loads)
    (item,) = http.get("/stac/search", params={"collections": COLLECTION_SPOT, "limit": 1}).json()["features"]

    _, errors = validate_api(
        root_url=f"{http.base_url}stac/" if str(http.base_url).endswith("/") else f"{http.base_url}/stac/",
        ccs_to_validate=[name],
        collection=None if name in WITHOUT_COLLECTION else COLLECTION_SPOT,
        geometry=json.dumps(item["geometry"]),
        auth_bearer_token=None,
        auth_query_parameter=None,
        fields_nested_property="properties.worldstrat:source",
        validate_pagination=True,
        query_config=QUERY,
        transaction_collection=None,
        headers=None,
    )

    passed_over = NO_FINDING.get(name, [])
    assert [str(error) for error in errors if not any(re.search(each, str(error)) for each in passed_over)] == []
    assert offline == set()


SPOT_ITEMS = f"/stac/collections/{COLLECTION_SPOT}/items"
PROOFS = {
    "ogcapi-features-1/1.0/conf/core": (SPOT_ITEMS, 4),
    "ogcapi-features-1/1.0/conf/geojson": (SPOT_ITEMS, 4),
    "ogcapi-common-2/1.0/conf/simple-query": ("/stac/collections?bbox=-180,-90,180,90&limit=2", 3),
    "cql2/1.0/conf/basic-cql2": ("/stac/search?filter=NOT (gsd > 2 OR gsd <= 1) AND eo:cloud_cover IS NULL", 4),
    "cql2/1.0/conf/cql2-text": ("/stac/search?filter-lang=cql2-text&filter=gsd=1.5", 4),
    "cql2/1.0/conf/cql2-json": (
        '/stac/search?filter-lang=cql2-json&filter={"op":"=","args":[{"property":"gsd"},1.5]}',
        4,
    ),
    "ogcapi-features-3/1.0/conf/features-filter": (f"{SPOT_ITEMS}?filter=gsd>2", 0),
    "ogcapi-features-3/1.0/conf/filter": (f"{SPOT_ITEMS}?filter=worldstrat:source='UNHCR'", 1),
    "aggregation#filter": ("/stac/aggregate?filter=gsd=1.5", None),
    "/aggregation": ("/stac/aggregate", None),
    "sortables": ("/stac/sortables", None),
    "collection-search": ("/stac/collections?bbox=115.5,23,115.7,23.2", 3),
    "collection-search#fields": ("/stac/collections?fields=id", 3),
    "collection-search#filter": (f"/stac/collections?filter=id='{COLLECTION_SPOT}'", 1),
    "collection-search#free-text": ("/stac/collections?q=nothing-has-this-word", 0),
    "collection-search#sort": ("/stac/collections?sortby=-id", 3),
    "item-search#free-text": ("/stac/search?q=nothing-has-this-word", 0),
    "ogcapi-features#free-text": (f"{SPOT_ITEMS}?q=nothing-has-this-word", 0),
    "ogcapi-features#fields": (f"{SPOT_ITEMS}?fields=id", 4),
    "ogcapi-features#query": (f'{SPOT_ITEMS}?query={{"worldstrat:source":{{"startsWith":"U"}}}}', 1),
    "ogcapi-features#sort": (f"{SPOT_ITEMS}?sortby=-id", 4),
}
"""Requests of the classes that the validator does not know, by how their addresses end, and what matches."""


def test_every_class_that_is_claimed_is_validated_or_proved(http: httpx.Client) -> None:
    claimed = http.get("/stac/conformance").raise_for_status().json()["conformsTo"]
    assert http.get("/stac").json()["conformsTo"] == claimed
    assert http.get("/openapi.json").json()["openapi"].startswith("3.0.")  # conf/oas30
    known = (*CLASSES.values(), *PROOFS, "conf/oas30")
    assert [uri for uri in claimed if not uri.endswith(known)] == []
    assert [ending for ending in known if not any(uri.endswith(ending) for uri in claimed)] == []


@pytest.mark.parametrize("ending", PROOFS)
def test_a_class_that_the_validator_does_not_know_is_answered(http: httpx.Client, ending: str) -> None:
    address, matched = PROOFS[ending]

    answer = http.get(address).raise_for_status().json()

    if matched is not None:
        assert answer["numberMatched"] == matched


@pytest.mark.parametrize("address", [SPOT_ITEMS, "/stac/collections", "/stac/search"])
def test_sorting_is_what_it_says(http: httpx.Client, address: str) -> None:
    found = http.get(f"{address}?sortby=-id").raise_for_status().json()
    ids = [each["id"] for each in found.get("features") or found["collections"]]
    assert len(ids) > 2
    assert ids == sorted(ids, reverse=True)


CONVENTIONS = {
    "searchable_identifiers": "items keep the names that the dataset's publishers gave their places",
    "bloated_metadata": "what the dataset says of a place are a dozen properties, beside those of STAC's own",
    "bloated_links": "an item links to all that this server makes of it",
    "check_links_title": "stac-fastapi names its links by their relation",
    "geometry_coordinates_order": "no order is wrong: see below",
    "check_thumbnail": "the preview is made on demand, by the link `preview`",
}
"""Recommendations of stac-check that are not followed, and why."""

WRONG_ORDER = "Geometry coordinates may be in the wrong order (required order: longitude, latitude)"
"""What stac-check says of all places whose longitude is beyond 90 and twice the latitude, as China's are."""


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_stac_check_finds_nothing_in_collections_and_items(
    http: httpx.Client, offline: set[str], collection: str
) -> None:
    addresses = [f"{http.base_url}/stac/collections/{collection}"]
    query = {"collections": collection, "limit": 4}
    items = http.get("/stac/search", params=query).raise_for_status().json()["features"]
    addresses += [link["href"] for item in items for link in item["links"] if link["rel"] == "self"]
    assert len(addresses) == 5

    for address in addresses:
        linter: Any = Linter(address.replace("//stac", "/stac"), links=True, assets=True)
        assert linter.valid_stac, linter.error_msg
        assert set(linter.geometry_errors_msg[1:]) <= {"", WRONG_ORDER}
        assert not linter.invalid_asset_request
        assert not linter.invalid_link_format
        assert linter.create_best_practices_dict().keys() <= CONVENTIONS.keys()
    assert offline == set()
