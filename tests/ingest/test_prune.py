"""What `prune` takes out of a store, and what it must not."""

import json
import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from psycopg.types.json import Jsonb
from rich.console import Console

from catalog.constants import COLLECTION_L2A, COLLECTION_MODELS, COLLECTION_SPOT
from catalog.objects import ObjectStore
from catalog.pgstac import connect
from catalog.settings import DatabaseSettings, StoreSettings
from infra.cli import main
from infra.databases import database_env
from infra.stores import store_env
from ingest.errors import StateError
from ingest.lock import lock_catalog
from ingest.options import Options as IngestOptions
from ingest.prune import Options, prune
from ingest.run import ingest
from ingest.verify import Checks, verify

NAME = "Landcover-8379"
NOW = timedelta(0)
ORPHAN = f"{COLLECTION_SPOT}/{NAME}/0123456789ab/{NAME}_SPOT_ps.tif"
OLD_STYLE = f"{COLLECTION_L2A}/{NAME}/{NAME}_L2A_01_data.tif"
OUTSIDE = ("cache/super-resolved/x.tif", "worldstrat-spot-of-another/a/0123456789ab/b.tif", "readme.txt")
STRANGE = f"{COLLECTION_SPOT}/{NAME}/notes.txt"


@pytest.fixture
def held(tiny_dataset: Path, database: DatabaseSettings, file_store: StoreSettings, quiet: Console) -> Options:
    """One AOI, ingested."""
    assert ingest(IngestOptions(tiny_dataset, database, file_store), quiet).failures == []
    return Options(database, file_store, NOW)


def keys(options: Options) -> set[str]:
    return {meta.key for meta in ObjectStore.open(options.store).list()}


def put(options: Options, *names: str) -> None:
    store = ObjectStore.open(options.store)
    for name in names:
        store.put(name, b"12345", "image/tiff")


def age(options: Options, key: str, hours: float) -> None:
    path = Path(options.store.url.removeprefix("file://")) / key
    os.utime(path, (time.time() - 3600 * hours,) * 2)


def test_what_no_item_names_goes_and_all_else_stays(held: Options, quiet: Console) -> None:
    named = keys(held)
    put(held, ORPHAN, OLD_STYLE, STRANGE, *OUTSIDE)

    pruned = prune(held, quiet)

    assert keys(held) == named | {STRANGE, *OUTSIDE}
    assert (pruned.objects, pruned.bytes, pruned.strange, pruned.kept) == (2, 10, 1, len(named))
    assert not (Path(held.store.url.removeprefix("file://")) / ORPHAN).parent.exists(), "empty folders go too"
    assert verify(Checks(held.database, held.store), quiet).is_clean


def test_a_dry_run_counts_and_touches_nothing(held: Options, quiet: Console) -> None:
    put(held, ORPHAN)
    before = keys(held)
    dry = Options(held.database, held.store, NOW, dry_run=True)
    assert prune(dry, quiet) == prune(dry, quiet)
    assert (prune(dry, quiet).objects, keys(held)) == (1, before)


def test_an_object_that_may_still_get_its_item_stays(held: Options, quiet: Console) -> None:
    young, old = ORPHAN, OLD_STYLE
    put(held, young, old)
    age(held, young, 0.9)
    age(held, old, 1.1)

    pruned = prune(Options(held.database, held.store), quiet)

    assert (pruned.objects, pruned.young) == (1, 1)
    assert young in keys(held)
    assert old not in keys(held)


def test_files_that_a_killed_process_left_half_written_go(held: Options, quiet: Console) -> None:
    folder = Path(held.store.url.removeprefix("file://")) / COLLECTION_SPOT / NAME
    for name in ("x.tif#1", "y.tif#12", "z#a.txt"):
        (folder / name).write_bytes(b"half")
    assert prune(held, quiet).unfinished == 2
    assert sorted(path.name for path in folder.glob("*#*")) == ["z#a.txt"]


def test_the_version_before_of_a_changed_file_goes(
    held: Options, tiny_dataset: Path, quiet: Console, tiff: Any
) -> None:
    file = tiny_dataset / f"lr_dataset/{NAME}/L2A/{NAME}-1-L2A_data.tiff"
    before = keys(held)
    file.write_bytes(tiff(np.full((12, 30, 32), 0.5, np.float32), nodata=0))
    ingest(IngestOptions(tiny_dataset, held.database, held.store), quiet)
    assert before < keys(held), "the old object is still there for who is reading it"

    assert prune(held, quiet).objects == 1

    (gone,) = before - keys(held)
    assert gone.endswith(f"{NAME}_L2A_01_data.tif")
    assert verify(Checks(held.database, held.store), quiet).is_clean


def test_what_a_collection_names_stays(held: Options, quiet: Console) -> None:
    snapshot = f"{COLLECTION_SPOT}/snapshot/0123456789ab/items.parquet"
    model = f"{COLLECTION_MODELS}/m/0123456789ab/model.onnx"
    put(held, snapshot, model, ORPHAN)
    asset = {"href": ObjectStore.open(held.store).href(snapshot)}
    with connect(held.database) as connection:
        connection.execute(
            "UPDATE collections SET content = content || %s WHERE id = %s",
            (Jsonb({"assets": {"snapshot": asset}}), COLLECTION_SPOT),
        )
    assert prune(held, quiet).objects == 2
    assert snapshot in keys(held)
    assert model not in keys(held), "no item names it"


def test_what_an_item_of_a_strangers_collection_names_stays(held: Options, quiet: Console) -> None:
    odd = f"{COLLECTION_SPOT}/{COLLECTION_SPOT}/0123456789ab/a.tif"
    put(held, ORPHAN, odd)
    href = ObjectStore.open(held.store).href
    with connect(held.database) as connection:
        connection.execute("SELECT create_collection(%s)", (Jsonb({"id": "mine", "type": "Collection"}),))
        connection.execute(
            "SELECT create_item(%s)",
            (
                Jsonb(
                    {
                        "id": "x",
                        "collection": "mine",
                        "type": "Feature",
                        "geometry": {"type": "Point", "coordinates": [0, 0]},
                        "properties": {"datetime": "2020-01-01T00:00:00Z"},
                        "assets": {"old": {"href": href(ORPHAN)}, "odd": {"href": href(odd)}},
                    }
                ),
            ),
        )
    assert prune(held, quiet).objects == 0
    assert {ORPHAN, odd} < keys(held)


def test_a_store_that_is_named_by_another_address_keeps_its_objects(held: Options, quiet: Console) -> None:
    named = keys(held)
    put(held, ORPHAN)
    with connect(held.database) as connection:
        connection.execute(
            "UPDATE items SET content = replace(content::text, 'file:///', 'file:///mnt/')::jsonb "
            "WHERE collection <> %s",
            (COLLECTION_SPOT,),
        )
    assert prune(held, quiet).objects == 1
    assert keys(held) == named


def test_a_catalog_that_names_nothing_in_a_store_is_not_its_own(held: Options, tmp_path: Path, quiet: Console) -> None:
    other = Options(held.database, StoreSettings(url=(tmp_path / "another").as_uri()), NOW)
    put(other, ORPHAN)
    with pytest.raises(StateError, match="Is it the catalog of this store"):
        prune(other, quiet)
    assert keys(other) == {ORPHAN}


def test_where_more_would_go_than_stay_nothing_goes_without_force(held: Options, quiet: Console) -> None:
    with connect(held.database) as connection:
        connection.execute("DELETE FROM pgstac.items WHERE collection <> %s", (COLLECTION_SPOT,))
        connection.execute("UPDATE pgstac.collections SET content = content - 'assets'")
    before, dry = keys(held), prune(replace(held, dry_run=True), quiet)
    assert dry.objects > dry.kept > 0
    with pytest.raises(StateError, match=rf"{dry.objects} objects .* and only {dry.kept} stay.*--force"):
        prune(held, quiet)
    assert keys(held) == before

    assert prune(replace(held, force=True), quiet) == dry
    assert len(keys(held)) == dry.kept


def test_nothing_is_removed_while_an_ingest_writes(
    held: Options, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.lock.PATIENCE", 0.2)
    put(held, ORPHAN)
    with connect(held.database) as connection:
        lock_catalog(connection)
        with pytest.raises(StateError, match="Another ingest"):
            prune(held, quiet)
    assert ORPHAN in keys(held)


def test_a_bucket_is_pruned_alike(
    tiny_dataset: Path, database: DatabaseSettings, s3_store: StoreSettings, quiet: Console
) -> None:
    ingest(IngestOptions(tiny_dataset, database, s3_store), quiet)
    options = Options(database, s3_store, timedelta(seconds=-60))  # radosgw's clock counts whole seconds
    named = keys(options)
    put(options, ORPHAN, OLD_STYLE, *OUTSIDE)
    assert prune(options, quiet).objects == 2
    assert keys(options) == named | set(OUTSIDE)


def test_the_command_says_what_it_did(held: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**database_env(held.database), **store_env(held.store)}.items():
        monkeypatch.setenv(name, value)
    put(held, ORPHAN)
    runner = CliRunner()
    assert "too young" in runner.invoke(main, ["prune"]).stdout
    dry = runner.invoke(main, ["prune", "--older-than", "0s", "--dry-run", "--json"])
    assert json.loads(dry.stdout)["objects"] == 1
    done = runner.invoke(main, ["prune", "--older-than", "0s"])
    assert (done.exit_code, done.stdout.startswith("1 objects that no item names removed")) == (0, True)
    assert runner.invoke(main, ["prune", "--older-than", "soon"]).exit_code == 2
