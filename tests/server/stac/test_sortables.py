"""What items can be sorted by."""

from typing import Any

import httpx
import jsonschema
import pytest

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from server.stac.sortables import MAX_FIELDS, sortables


@pytest.mark.parametrize("path", ["/stac", f"/stac/collections/{COLLECTION_SPOT}"])
def test_sortables_are_linked_and_are_a_schema(http: httpx.Client, path: str) -> None:
    links = http.get(path).raise_for_status().json()["links"]
    href = next(link["href"] for link in links if link["rel"].endswith("/sortables"))

    answer = http.get(href).raise_for_status()

    assert answer.headers["content-type"] == "application/schema+json"
    jsonschema.Draft202012Validator.check_schema(answer.json())
    assert answer.json()["$id"] == href
    assert answer.json()["properties"].keys() == sortables().keys()


@pytest.mark.parametrize("name", sorted(sortables()))
@pytest.mark.parametrize("sign", ["", "-"])
def test_items_can_be_sorted_by_every_sortable(http: httpx.Client, name: str, sign: str) -> None:
    params = {"sortby": f"{sign}{name}", "limit": 100, "collections": COLLECTION_L2A}
    found = http.get("/stac/search", params=params).raise_for_status().json()["features"]

    values = [item.get(name, item["properties"].get(name)) for item in found]
    known: list[Any] = [value for value in values if value is not None]
    assert known == sorted(known, reverse=bool(sign))


@pytest.mark.parametrize("field", ["cloud", "properties.cloud", "links", "geometry", "'; DROP TABLE items; --"])
def test_what_nobody_can_sort_by_is_refused_with_what_one_can(http: httpx.Client, field: str) -> None:
    path = f"/stac/collections/{COLLECTION_SPOT}/items"
    by_body = http.post("/stac/search", json={"sortby": [{"field": field, "direction": "asc"}]})

    for answer in (
        http.get("/stac/search", params={"sortby": f"-{field}"}),
        http.get(path, params={"sortby": f"-{field}"}),
        by_body,
    ):
        assert answer.status_code == 400
        assert "worldstrat:cloud_cover" in answer.json()["description"]


def test_too_many_fields_are_refused(http: httpx.Client) -> None:
    fields = [{"field": "id", "direction": "asc"}] * (MAX_FIELDS + 1)

    assert http.post("/stac/search", json={"sortby": fields}).status_code == 400


def test_sortables_of_no_collection_are_not_found(http: httpx.Client) -> None:
    assert http.get("/stac/collections/none/sortables").status_code == 404


def test_it_is_said_to_conform(http: httpx.Client) -> None:
    classes = http.get("/stac/conformance").raise_for_status().json()["conformsTo"]

    assert "https://api.stacspec.org/v1.1.0/item-search#sortables" in classes
    assert "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/sortables" in classes
