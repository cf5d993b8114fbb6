"""Extents and summaries of collections, against those that pystac makes of the same items."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pystac
import pytest

from catalog.asset import RasterFacts
from catalog.collection import create_collections
from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from catalog.item import create_sentinel2_item, create_spot_item
from catalog.metadata import Aoi, Revisit
from catalog.pgstac import CatalogWriter, connect
from catalog.queryables import RANGED
from catalog.settings import DatabaseSettings
from catalog.upkeep import update_collections

Json = dict[str, Any]
Make = Callable[..., list[Json]]
WORLD = [[-180, -90, 180, 90]]


@pytest.fixture
def writer(database: DatabaseSettings) -> Iterator[CatalogWriter]:
    with CatalogWriter(database) as opened:
        opened.load_collections([collection.to_dict(include_self_link=False) for collection in create_collections()])
        yield opened


@pytest.fixture
def connection(database: DatabaseSettings) -> Iterator[psycopg.Connection[Any]]:
    with closing(connect(database)) as opened:
        yield opened


@pytest.fixture
def make(rasters: dict[str, list[RasterFacts]], aoi: Aoi) -> Make:
    """What makes the items of a place: a SPOT image and two revisits."""

    def items(name: str, west: float, south: float, *, delta: int = -3, **facts: Any) -> list[Json]:
        taken = facts.pop("taken", date(2019, 2, 1))
        revisits = tuple(Revisit(n, date(2019, n, 5), taken, n * delta, 4.5 * n) for n in (1, 2))
        bounds = (west, south, west + 0.016, south + 0.016)
        place = replace(aoi, name=name, bounds=bounds, revisits=revisits, **facts)
        made = [create_spot_item(place, rasters["SPOT"])]
        made += [create_sentinel2_item(place, revisit, "L2A", rasters["L2A"]) for revisit in revisits]
        return [item.to_dict(include_self_link=False) for item in made]

    return items


def stored(connection: psycopg.Connection[Any], collection_id: str) -> Json:
    row = connection.execute("SELECT content FROM collections WHERE id = %s", (collection_id,)).fetchone()
    assert row
    return dict(row[0])


def test_extent_and_ranges_are_those_that_pystac_finds_in_the_items(
    writer: CatalogWriter, connection: psycopg.Connection[Any], make: Make
) -> None:
    items = [*make("A", 13.0, 11.0), *make("B", -70.5, -20.0, delta=7), *make("C", 100.0, 51.0)]
    writer.load_items(items)
    writer.update_collections()
    content = stored(connection, COLLECTION_L2A)
    own = [pystac.Item.from_dict(item) for item in items if item["collection"] == COLLECTION_L2A]
    extent, summary = pystac.Extent.from_items(own), content["summaries"]
    assert content["extent"]["spatial"]["bbox"][0] == extent.spatial.bboxes[0]
    found = pystac.Extent.from_dict(content["extent"]).temporal.intervals
    assert found == extent.temporal.intervals
    for name in RANGED:
        values = [item.properties[name] for item in own if item.properties.get(name) is not None]
        assert summary[name] == {"minimum": min(values), "maximum": max(values)}


def test_an_extent_of_several_regions_names_the_whole_first_and_then_each(
    writer: CatalogWriter, connection: psycopg.Connection[Any], make: Make
) -> None:
    writer.load_items([*make("A", 13.0, 11.0), *make("B", 13.5, 11.5), *make("C", -70.5, -20.0)])
    writer.update_collections()
    boxes = stored(connection, COLLECTION_SPOT)["extent"]["spatial"]["bbox"]
    assert boxes[0] == pytest.approx([-70.5, -20.0, 13.516, 11.516])
    assert boxes[1:] == [pytest.approx([-70.5, -20, -70.484, -19.984]), pytest.approx([13, 11, 13.516, 11.516])]


@pytest.mark.usefixtures("open_schemas")
def test_a_collection_is_valid_with_one_region_and_with_several(
    writer: CatalogWriter, connection: psycopg.Connection[Any], make: Make
) -> None:
    for items in make("A", 13.0, 11.0), make("B", -70.5, -20.0):
        writer.load_items(items)
        writer.update_collections()
        collection = pystac.Collection.from_dict(stored(connection, COLLECTION_L2A))
        assert collection.validate()[1:] == collection.stac_extensions


def test_what_is_removed_leaves_extent_and_summaries(
    writer: CatalogWriter, connection: psycopg.Connection[Any], make: Make
) -> None:
    writer.load_items(make("A", 13.0, 11.0))
    writer.update_collections()
    before = stored(connection, COLLECTION_L2A)
    writer.load_items(make("B", -70.5, -20.0, delta=30, source="UNHCR", smod=11))
    writer.update_collections()
    grown = stored(connection, COLLECTION_L2A)["summaries"]
    assert grown["worldstrat:source"] == ["Amnesty", "UNHCR"]
    assert grown["worldstrat:delta"] == {"minimum": -6, "maximum": 60}
    connection.execute("DELETE FROM items WHERE id LIKE 'B%'")
    writer.update_collections()
    assert stored(connection, COLLECTION_L2A) == before


def test_what_changed_is_summarised_as_it_is_now(
    writer: CatalogWriter, connection: psycopg.Connection[Any], make: Make
) -> None:
    writer.load_items(make("A", 13.0, 11.0, splits=("train",)))
    writer.update_collections()
    writer.load_items(make("A", 13.0, 11.0, splits=("test",), lccs=None))
    writer.update_collections()
    summaries = stored(connection, COLLECTION_SPOT)["summaries"]
    assert summaries["worldstrat:split"] == ["test"]
    assert "worldstrat:lccs" not in summaries


def test_a_collection_that_lost_all_items_is_as_it_was_before_the_first(
    writer: CatalogWriter, connection: psycopg.Connection[Any], make: Make
) -> None:
    empty = stored(connection, COLLECTION_SPOT)
    writer.load_items(make("A", 13.0, 11.0))
    writer.update_collections()
    assert stored(connection, COLLECTION_SPOT) != empty
    connection.execute("DELETE FROM items")
    writer.update_collections()
    assert stored(connection, COLLECTION_SPOT) == empty
    assert empty["extent"]["spatial"]["bbox"] == WORLD


def test_collections_whose_items_tell_nothing_new_are_not_written(
    writer: CatalogWriter, connection: psycopg.Connection[Any], make: Make
) -> None:
    writer.load_items(make("A", 13.0, 11.0))
    assert update_collections(connection) == [COLLECTION_L2A, COLLECTION_SPOT]
    rows = "SELECT array_agg(xmin::text ORDER BY id) FROM collections"
    before = connection.execute(rows).fetchone()
    assert update_collections(connection) == []
    assert connection.execute(rows).fetchone() == before


def test_only_the_collections_that_are_named_are_read(
    writer: CatalogWriter, connection: psycopg.Connection[Any], make: Make
) -> None:
    writer.load_items(make("A", 13.0, 11.0))
    assert update_collections(connection, [COLLECTION_SPOT]) == [COLLECTION_SPOT]
    assert stored(connection, COLLECTION_L2A)["extent"]["spatial"]["bbox"] == WORLD


def test_items_without_a_date_count_with_the_period_of_the_dataset(
    writer: CatalogWriter, connection: psycopg.Connection[Any], make: Make
) -> None:
    writer.load_items(make("A", 13.0, 11.0, taken=None))
    writer.update_collections()
    interval = stored(connection, COLLECTION_SPOT)["extent"]["temporal"]["interval"]
    assert interval == [["2016-01-01T00:00:00Z", "2022-12-31T23:59:59Z"]]


def test_a_collection_of_no_images_keeps_its_extent(writer: CatalogWriter, connection: psycopg.Connection[Any]) -> None:
    begin = datetime(2015, 6, 23, tzinfo=UTC)
    extent = pystac.Extent(pystac.SpatialExtent([-180, -90, 180, 90]), pystac.TemporalExtent([[begin, None]]))
    models = pystac.Collection("sr-models", "Models.", extent, license="other")
    writer.load_collections([models.to_dict(include_self_link=False)])
    before = stored(connection, "sr-models")
    writer.update_collections()
    after = stored(connection, "sr-models")
    assert after["extent"] == before["extent"]
