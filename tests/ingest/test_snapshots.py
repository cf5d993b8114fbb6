"""Snapshots at the end of an ingest, and by the command."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rustac
from click.testing import CliRunner
from psycopg.types.json import Jsonb
from rich.console import Console

from catalog.collection import create_collections
from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT, COLLECTIONS
from catalog.objects import ObjectStore
from catalog.pgstac import CatalogWriter, connect
from catalog.settings import DatabaseSettings, StoreSettings
from catalog.snapshot import asset_of
from infra.cli import main
from ingest import snapshots
from ingest.errors import ExportError
from ingest.lock import lock_catalog
from ingest.options import Options
from ingest.run import ingest
from ingest.snapshots import Standing, keep_snapshots, renew_snapshots, standings

ITEM = {
    "id": "item-@",
    "collection": "mine",
    "type": "Feature",
    "geometry": {"type": "Point", "coordinates": [0, 0]},
    "properties": {"datetime": "2020-01-01T00:00:00Z"},
    "assets": {"data": {"href": "https://example.com/a.tif"}},
    "links": [],
}


@pytest.fixture
def filled(ingested: Any, database: DatabaseSettings) -> DatabaseSettings:
    """The ingested items in a database of its own, with the state of their AOIs."""
    from catalog.stored import StoredItems  # noqa: PLC0415 - beside its one use
    from ingest.runs_schema import ensure_tables  # noqa: PLC0415

    with closing(connect(ingested.database)) as connection:
        items = list(StoredItems(connection).every())
    with CatalogWriter(database) as writer:
        writer.load_collections([collection.to_dict(include_self_link=False) for collection in create_collections()])
        writer.load_items(items)
    with closing(connect(database)) as connection:
        ensure_tables(connection)
        connection.execute("INSERT INTO worldstrat.runs (sources, version) VALUES ('{}', '1')")
        ingest_again(connection, COLLECTION_L2A, "a", [i["id"] for i in items if i["collection"] == COLLECTION_L2A])
        ingest_again(connection, COLLECTION_SPOT, "b", [i["id"] for i in items if i["collection"] == COLLECTION_SPOT])
    return database


def ingest_again(connection: Any, collection: str, aoi: str, ids: list[str]) -> None:
    """Note an AOI as an ingest does."""
    held = json.dumps({collection: dict.fromkeys(ids, "hash")})
    connection.execute(
        "INSERT INTO worldstrat.aoi_runs (run, aoi, status, version, items) VALUES (1, %s, 'done', '1', %s) "
        "ON CONFLICT (run, aoi) DO UPDATE SET finished = now(), items = EXCLUDED.items",
        (aoi, held),
    )


def standing(database: DatabaseSettings, collection: str) -> Standing:
    with closing(connect(database)) as connection:
        (found,) = standings(connection, [collection])
    return found


def test_an_ingest_renews_the_snapshots_of_what_it_changed_and_no_others(
    filled: DatabaseSettings, file_store: StoreSettings
) -> None:
    assert standing(filled, COLLECTION_L2A).is_worth_it
    assert keep_snapshots(filled, file_store) == []
    before = {name: standing(filled, name) for name in COLLECTIONS}
    assert not any(one.is_outdated for one in before.values())
    with closing(connect(filled)) as connection:
        ingest_again(connection, COLLECTION_SPOT, "b", ["x"])
    assert keep_snapshots(filled, file_store) == []
    assert standing(filled, COLLECTION_L2A) == before[COLLECTION_L2A]
    after, earlier = standing(filled, COLLECTION_SPOT).created, before[COLLECTION_SPOT].created
    assert after is not None
    assert earlier is not None
    assert after > earlier


def test_a_few_changes_in_a_large_collection_are_told_instead(
    filled: DatabaseSettings, file_store: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_snapshots(filled, file_store)
    monkeypatch.setattr(snapshots, "QUICK", 2)
    monkeypatch.setattr(snapshots, "SHARE", 0.5)
    with closing(connect(filled)) as connection:
        ingest_again(connection, COLLECTION_SPOT, "b", ["x"])
    (told,) = keep_snapshots(filled, file_store)
    assert told == f"1 of 4 items of {COLLECTION_SPOT} are newer than its snapshot; `worldstrat snapshot` renews it."
    (made,) = renew_snapshots(filled, file_store, (), force=False)
    assert (made.collection, made.rows) == (COLLECTION_SPOT, 4)
    assert keep_snapshots(filled, file_store) == []


def test_the_command_writes_what_is_old_and_says_so(
    filled: DatabaseSettings, file_store: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", filled.host)
    monkeypatch.setenv("PGPORT", str(filled.port))
    monkeypatch.setenv("PGUSER", filled.user)
    monkeypatch.setenv("PGPASSWORD", filled.password.get_secret_value())
    monkeypatch.setenv("PGDATABASE", filled.database)
    monkeypatch.setenv("WORLDSTRAT_STORE", file_store.url)
    first = CliRunner().invoke(main, ["snapshot", "--json"])
    assert first.exit_code == 0, first.output
    told = {one["collection"]: one for one in json.loads(first.stdout)}
    assert {name: one["items"] for name, one in told.items()} == {
        name: standing(filled, name).items for name in COLLECTIONS
    }
    for one in told.values():
        path = Path(file_store.url.removeprefix("file://"), one["key"])
        assert path.stat().st_size == one["bytes"]
        assert len(rustac.read_sync(str(path))["features"]) == one["items"]
    assert "as they are" in CliRunner().invoke(main, ["snapshot"]).stdout
    again = CliRunner().invoke(main, ["snapshot", "--force", "--collection", COLLECTION_SPOT])
    assert again.stdout.startswith(f"{COLLECTION_SPOT}: 4 items")


def test_a_collection_that_is_not_there_is_named(filled: DatabaseSettings, file_store: StoreSettings) -> None:
    with pytest.raises(ExportError, match="no collection nothing"):
        renew_snapshots(filled, file_store, ("nothing",), force=False)


def test_what_no_ingest_brings_is_written_whenever_it_is_asked_for(
    filled: DatabaseSettings, file_store: StoreSettings
) -> None:
    with closing(connect(filled)) as connection:
        connection.execute("SELECT create_collection(%s)", (Jsonb({"id": "mine", "type": "Collection"}),))
        for number in (1, 2):
            connection.execute(
                "SELECT create_item(replace(%s::text, '@', %s)::jsonb)",
                (Jsonb(ITEM), str(number)),
            )
            (made,) = renew_snapshots(filled, file_store, ("mine",), force=False)
            assert made.rows == number


def test_an_ingest_that_is_done_does_not_fail_where_another_begins(
    filled: DatabaseSettings, file_store: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.lock.PATIENCE", 0.2)
    with closing(connect(filled)) as other:
        lock_catalog(other)
        told = keep_snapshots(filled, file_store)
    assert len(told) == len(COLLECTIONS)
    assert all("`worldstrat snapshot` renews it" in one for one in told)
    assert standing(filled, COLLECTION_SPOT).created is None
    assert keep_snapshots(filled, file_store) == []


def test_a_snapshot_of_what_is_gone_is_no_longer_named(filled: DatabaseSettings, file_store: StoreSettings) -> None:
    keep_snapshots(filled, file_store)
    with closing(connect(filled)) as connection:
        connection.execute("DELETE FROM items WHERE collection = %s", (COLLECTION_SPOT,))
        assert standing(filled, COLLECTION_SPOT).is_outdated
        keep_snapshots(filled, file_store)
        row = connection.execute("SELECT content FROM collections WHERE id = %s", (COLLECTION_SPOT,)).fetchone()
    assert row is not None
    assert asset_of(row[0]) is None
    assert len(list(ObjectStore.open(file_store).list(COLLECTION_SPOT))) == 1


def test_an_ingest_that_is_asked_to_leaves_a_snapshot_of_each_collection(
    dataset: Path, database: DatabaseSettings, file_store: StoreSettings
) -> None:
    first = min(folder.name for folder in (dataset / "hr_dataset").iterdir())
    options = Options(dataset, database, file_store, only=(first,))
    ingest(options, Console(quiet=True))
    assert standing(database, COLLECTION_SPOT).created is None
    # Nothing is new now; what an earlier run left undone is done all the same.
    report = ingest(replace(options, snapshot=True), Console(quiet=True))
    assert (report.skipped, report.failures) == (1, [])
    for name, items in ((COLLECTION_SPOT, 1), (COLLECTION_L2A, 2)):
        found = standing(database, name)
        assert found.items == items
        assert found.created is not None
        assert not found.is_outdated
