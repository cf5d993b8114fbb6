"""Snapshots of collections in a store, against the items they are of."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from typing import Any
from urllib.parse import urljoin

import psycopg
import pystac
import pytest
import rustac
from obstore.store import LocalStore

from catalog.asset import RasterFacts
from catalog.collection import create_collections
from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from catalog.errors import SnapshotError
from catalog.extension import SCHEMA_URI
from catalog.fingerprint import item_hash
from catalog.item import create_sentinel2_item, create_spot_item, link_related
from catalog.keys import ObjectKey
from catalog.metadata import Aoi
from catalog.objects import ObjectStore
from catalog.pgstac import CatalogWriter, connect
from catalog.settings import DatabaseSettings, StoreSettings
from catalog.snapshot import ASSET, write_snapshot
from catalog.stored import StoredItems

Json = dict[str, Any]
API = "https://example.org/base/stac/"
ASSETS = "https://example.org/base/assets/"


@pytest.fixture
def documents() -> list[Json]:
    return [collection.to_dict(include_self_link=False) for collection in create_collections()]


@pytest.fixture
def store(file_store: StoreSettings) -> ObjectStore:
    return ObjectStore.open(file_store)


@pytest.fixture
def items(rasters: dict[str, list[RasterFacts]], aoi: Aoi, store: ObjectStore) -> list[Json]:
    made = [create_spot_item(aoi, rasters["SPOT"])]
    made += [create_sentinel2_item(aoi, revisit, "L2A", rasters["L2A"]) for revisit in aoi.revisits]
    made[1].properties["worldstrat:notes"] = ["odd"]
    made[2].properties["worldstrat:smod"] = None
    link_related(made)
    for item in made:
        for asset in item.assets.values():
            folder = f"{item.collection_id}/{aoi.slug}/0123456789ab"
            asset.href = store.href(f"{folder}/{asset.href.rpartition('/')[2]}")
    return [item.to_dict(include_self_link=False) for item in made]


@pytest.fixture
def writer(database: DatabaseSettings, documents: list[Json], items: list[Json]) -> Iterator[CatalogWriter]:
    with CatalogWriter(database) as opened:
        opened.load_collections(documents)
        opened.load_items(items)
        yield opened


@pytest.fixture
def connection(database: DatabaseSettings, writer: CatalogWriter) -> Iterator[psycopg.Connection[Any]]:
    assert writer
    with closing(connect(database)) as opened:
        yield opened


def stored(connection: psycopg.Connection[Any], collection_id: str) -> Json:
    row = connection.execute("SELECT content FROM collections WHERE id = %s", (collection_id,)).fetchone()
    assert row
    return dict(row[0])


def rows_of(store: ObjectStore, key: str) -> list[Json]:
    assert isinstance(store.raw, LocalStore)
    rows: list[Json] = rustac.read_sync(f"{store.raw.prefix}/{key}", set_self_link=False)["features"]
    return rows


def resolved(row: Json, key: str, assets: str, api: str) -> Json:
    """A row with the addresses that a reader of the file finds."""
    url = f"{ASSETS}{key}"
    for asset in row["assets"].values():
        asset["href"] = assets + urljoin(url, asset["href"]).removeprefix(ASSETS)
    for link in row["links"]:
        link["href"] = api + urljoin(url, link["href"]).removeprefix(API)
    return row


def without_nulls(value: Any) -> Any:
    """JSON as the format holds it: what is null is not there."""
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    return [without_nulls(element) for element in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("collection_id", [COLLECTION_L2A, COLLECTION_SPOT])
def test_the_items_of_a_snapshot_are_those_of_the_catalog_by_their_hash(
    connection: psycopg.Connection[Any], store: ObjectStore, collection_id: str
) -> None:
    snapshot = write_snapshot(connection, store, collection_id)
    assert snapshot is not None
    rows = [resolved(row, snapshot.key, f"{store.url}/", "") for row in rows_of(store, snapshot.key)]
    expected = {item["id"]: item for item in StoredItems(connection).every([collection_id])}
    assert len(rows) == len(expected) == snapshot.rows
    for row in rows:
        assert item_hash(without_nulls(row)) == item_hash(without_nulls(expected[row["id"]]))


def test_a_strangers_item_without_links_is_in_the_snapshot_and_one_without_assets_is_named(
    connection: psycopg.Connection[Any], store: ObjectStore, items: list[Json]
) -> None:
    (spot,) = (item for item in items if item["collection"] == COLLECTION_SPOT)
    unlinked = {name: member for name, member in spot.items() if name != "links"} | {"id": "unlinked"}
    connection.execute("SELECT pgstac.create_item(%s::jsonb)", (json.dumps(unlinked),))
    snapshot = write_snapshot(connection, store, COLLECTION_SPOT)
    assert snapshot is not None
    assert {row["id"] for row in rows_of(store, snapshot.key)} == {spot["id"], "unlinked"}

    bare = {name: member for name, member in unlinked.items() if name != "assets"} | {"id": "bare"}
    connection.execute("SELECT pgstac.create_item(%s::jsonb)", (json.dumps(bare),))
    with pytest.raises(SnapshotError, match="'bare' of worldstrat-spot has no assets"):
        write_snapshot(connection, store, COLLECTION_SPOT)


def test_pystac_reads_the_items_and_finds_addresses_of_the_server(
    connection: psycopg.Connection[Any], store: ObjectStore
) -> None:
    snapshot = write_snapshot(connection, store, COLLECTION_L2A)
    assert snapshot is not None
    for row in rows_of(store, snapshot.key):
        item = pystac.Item.from_dict(row)
        item.set_self_href(f"{ASSETS}{snapshot.key}")
        for asset in item.assets.values():
            href = asset.get_absolute_href()
            assert href is not None
            assert href.startswith(f"{ASSETS}{COLLECTION_L2A}/Amnesty-POI-1-1-1/0123456789ab/")
        (link,) = [link for link in row["links"] if link["rel"] == "collection"]
        assert urljoin(f"{ASSETS}{snapshot.key}", link["href"]) == f"{API}collections/{COLLECTION_L2A}"


@pytest.mark.usefixtures("open_schemas")
def test_a_collection_names_its_snapshot_and_stays_valid(
    connection: psycopg.Connection[Any], store: ObjectStore
) -> None:
    snapshot = write_snapshot(connection, store, COLLECTION_SPOT)
    content = stored(connection, COLLECTION_SPOT)
    asset = content["assets"][ASSET]
    assert snapshot is not None
    assert asset["href"] == store.href(snapshot.key)
    assert (asset["file:size"], asset["file:checksum"]) == (store.head(snapshot.key).size, snapshot.checksum)
    assert asset["table:row_count"] == 1
    assert "worldstrat:source" in [column["name"] for column in asset["table:columns"]]
    assert ObjectKey.parse(snapshot.key) is not None
    collection = pystac.Collection.from_dict(content)
    assert SCHEMA_URI in collection.stac_extensions
    assert collection.validate()[1:] == collection.stac_extensions


def test_a_second_snapshot_of_the_same_items_is_the_same_object_of_a_later_moment(
    connection: psycopg.Connection[Any], store: ObjectStore
) -> None:
    first = write_snapshot(connection, store, COLLECTION_L2A)
    before = stored(connection, COLLECTION_L2A)["assets"][ASSET]
    second = write_snapshot(connection, store, COLLECTION_L2A)
    after = stored(connection, COLLECTION_L2A)["assets"][ASSET]
    assert first is not None
    assert second is not None
    assert (second.key, second.checksum) == (first.key, first.checksum)
    assert before["created"] < after.pop("created") == second.created.astimezone(UTC).isoformat()[:-6] + "Z"
    assert after == {name: value for name, value in before.items() if name != "created"}


def test_a_snapshot_of_other_items_lies_beside_the_one_before(
    connection: psycopg.Connection[Any], store: ObjectStore
) -> None:
    first = write_snapshot(connection, store, COLLECTION_L2A)
    connection.execute("DELETE FROM items WHERE id LIKE '%%_02'")
    second = write_snapshot(connection, store, COLLECTION_L2A)
    assert first is not None
    assert second is not None
    assert (first.rows, second.rows) == (2, 1)
    assert {first.key, second.key} <= {meta.key for meta in store.list()}
    assert stored(connection, COLLECTION_L2A)["assets"][ASSET]["href"] == store.href(second.key)


def test_an_empty_collection_names_no_snapshot(connection: psycopg.Connection[Any], store: ObjectStore) -> None:
    before = stored(connection, COLLECTION_SPOT)
    write_snapshot(connection, store, COLLECTION_SPOT)
    connection.execute("DELETE FROM items")
    assert write_snapshot(connection, store, COLLECTION_SPOT) is None
    assert stored(connection, COLLECTION_SPOT) == before


def test_loading_the_collections_again_keeps_the_snapshot(
    connection: psycopg.Connection[Any], store: ObjectStore, writer: CatalogWriter, documents: list[Json]
) -> None:
    write_snapshot(connection, store, COLLECTION_SPOT)
    before = stored(connection, COLLECTION_SPOT)
    writer.load_collections(documents)
    writer.update_collections()
    after = stored(connection, COLLECTION_SPOT)
    assert after["assets"] == before["assets"]
    assert after["stac_extensions"] == before["stac_extensions"]
