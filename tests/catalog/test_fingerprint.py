"""Hashes of items and catalogs: what counts, what does not, and that pgSTAC gives back what went in."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from catalog.asset import RasterFacts
from catalog.collection import create_collections
from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from catalog.fingerprint import catalog_hash, item_hash
from catalog.item import create_sentinel2_item, create_spot_item, link_related
from catalog.metadata import Aoi
from catalog.pgstac import CatalogWriter, connect
from catalog.settings import DatabaseSettings
from catalog.stored import StoredItems

Json = dict[str, Any]


@pytest.fixture
def items(rasters: dict[str, list[RasterFacts]], aoi: Aoi) -> list[Json]:
    """The items of an AOI as a worker hands them over."""
    made = [create_spot_item(aoi, rasters["SPOT"])]
    made += [create_sentinel2_item(aoi, revisit, "L2A", rasters["L2A"]) for revisit in aoi.revisits]
    link_related(made)
    return [json.loads(json.dumps(item.to_dict(include_self_link=False, transform_hrefs=False))) for item in made]


@pytest.fixture
def writer(database: DatabaseSettings) -> Iterator[CatalogWriter]:
    with CatalogWriter(database) as opened:
        opened.load_collections([collection.to_dict(include_self_link=False) for collection in create_collections()])
        yield opened


def changed(item: Json, *path: str | int, value: Any) -> Json:
    """A copy with one member changed."""
    copied = copy.deepcopy(item)
    place: Any = copied
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return copied


def test_every_item_comes_back_from_pgstac_with_its_hash(
    database: DatabaseSettings, writer: CatalogWriter, items: list[Json]
) -> None:
    # Things that a database's JSON could lose: an explicit null, a negative zero, a number of many digits.
    items[1]["properties"] |= {"worldstrat:split": None, "view:azimuth": -0.0, "view:incidence_angle": 0.1 + 0.2}
    items[0]["assets"]["ps"]["nodata"] = None
    writer.load_items(items)
    with connect(database) as connection:
        stored = StoredItems(connection)
        found = list(stored.every())
        some = list(stored.some({COLLECTION_L2A: [items[1]["id"], "absent"], COLLECTION_SPOT: []}))
    assert {item["id"]: item_hash(item) for item in found} == {item["id"]: item_hash(item) for item in items}
    assert [item["id"] for item in some] == [items[1]["id"]]
    assert some[0]["properties"]["worldstrat:split"] is None


def test_an_item_stored_before_its_collection_changed_keeps_its_hash(
    database: DatabaseSettings, writer: CatalogWriter, items: list[Json]
) -> None:
    writer.load_items(items)
    with connect(database) as connection:
        before = catalog_hash(connection)
        for collection in create_collections():
            document = collection.to_dict(include_self_link=False)
            for asset in document["item_assets"].values():
                asset["title"] = "renamed"
            writer.load_collections([document])
        assert catalog_hash(connection) == before


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("properties", "eo:cloud_cover"), 99.0),
        (("properties", "worldstrat:split"), None),
        (("assets", "data", "file:checksum"), "1220" + "cd" * 32),
        (("assets", "data", "href"), f"s3://bucket/{COLLECTION_L2A}/a/b/other.tif"),
        (("geometry", "coordinates", 0, 0, 0), 13.5),
        (("links", 0, "href"), "collections/other"),
        (("bbox", 0), 12.0),
    ],
)
def test_any_change_of_content_is_another_hash(items: list[Json], path: tuple[str | int, ...], value: Any) -> None:
    assert item_hash(changed(items[1], *path, value=value)) != item_hash(items[1])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("properties", "created"), "2026-01-01T00:00:00Z"),
        (("properties", "updated"), "2026-01-01T00:00:00Z"),
        (("properties", "gsd"), 10.0),
    ],
)
def test_time_alone_and_the_way_of_writing_a_number_are_no_change(
    items: list[Json], path: tuple[str | int, ...], value: Any
) -> None:
    assert item_hash(changed(items[1], *path, value=value)) == item_hash(items[1])


def test_the_order_of_members_and_links_is_no_change(items: list[Json]) -> None:
    turned = dict(reversed(items[0].items()))
    turned["links"] = turned["links"][::-1]
    assert item_hash(turned) == item_hash(items[0])


def test_the_store_that_an_object_lies_in_is_no_change(items: list[Json]) -> None:
    key = f"{COLLECTION_L2A}/a/0123456789ab/x_data.tif"
    stores = ("s3://bucket/prefix", "file:///data/objects", f"file:///data/{COLLECTION_L2A}")
    hashes = {item_hash(changed(items[1], "assets", "data", "href", value=f"{store}/{key}")) for store in stores}
    assert len(hashes) == 1


def test_a_catalogs_hash_is_that_of_its_items_in_whatever_order_they_came(
    database: DatabaseSettings, writer: CatalogWriter, items: list[Json]
) -> None:
    with connect(database) as connection:
        empty = catalog_hash(connection)
        assert empty == "0" * 64
        writer.load_items(items[:1])
        one = catalog_hash(connection)
        writer.load_items(items[:0:-1])
        whole = catalog_hash(connection)
        assert len({empty, one, whole}) == 3
        assert catalog_hash(connection, [COLLECTION_SPOT]) == one
        writer.load_items([changed(items[0], "properties", "title", value="another")])
        assert catalog_hash(connection) != whole
        writer.load_items(items)
        assert catalog_hash(connection) == whole
