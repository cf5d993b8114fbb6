"""Whole runs against a real database: what is counted, skipped, retried and kept."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from rich.console import Console

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from catalog.errors import DatabaseError, ObjectStoreError, SettingsError
from catalog.objects import ObjectStore
from catalog.pgstac import connect
from catalog.settings import DatabaseSettings, StoreSettings
from ingest.errors import SourceError, StateError
from ingest.run import PARTLY_VALIDATED, Options, ingest
from ingest.runs import Runs
from tests.ingest.tiny import multiply

NAME = "Landcover-8379"
Tiff = Callable[..., bytes]


@pytest.fixture
def options(tiny_dataset: Path, database: DatabaseSettings, file_store: StoreSettings) -> Options:
    """One AOI into an empty catalog."""
    return Options(tiny_dataset, database, file_store)


def catalog(database: DatabaseSettings) -> dict[str, Any]:
    """All that the database holds."""
    with connect(database) as connection:
        items = connection.execute("SELECT id, content FROM items").fetchall()
        collections = connection.execute("SELECT id, content FROM collections").fetchall()
    return dict(items) | dict(collections)


def known(database: DatabaseSettings) -> dict[str, str]:
    """The status of every AOI that the database knows."""
    with connect(database) as connection:
        return dict(connection.execute("SELECT aoi, status FROM worldstrat.aois").fetchall())


def test_a_run_counts_what_the_catalog_now_holds(options: Options, quiet: Console) -> None:
    report = ingest(options, quiet).to_json()
    assert (report["aois"], report["files"], report["skipped"], report["failures"]) == (1, 14, 0, [])
    assert report["items"] == {COLLECTION_L2A: 2, COLLECTION_L1C: 0, COLLECTION_SPOT: 1}
    objects = ObjectStore.open(options.store).list()
    assert report["bytes_out"] == sum(meta.size for meta in objects)
    assert len(objects) == 15
    partly, receipt = report["remarks"]
    assert partly == PARTLY_VALIDATED
    assert receipt.startswith("Receipt: 3 items are in pgSTAC as they were made, and the 15 objects")


def test_the_same_run_again_changes_nothing(options: Options, quiet: Console) -> None:
    first = ingest(options, quiet).to_json()
    before, objects = catalog(options.database), {path: path.stat().st_mtime_ns for path in _objects(options)}
    again = ingest(options, quiet).to_json()
    told = ("aois", "files", "items", "bytes_in", "bytes_out", "failures", "notes", "version", "sources", "status")
    assert {name: again[name] for name in told} == {name: first[name] for name in told}
    assert (again["skipped"], again["run"], again["remarks"], again["worker_seconds"]) == (1, 2, [], 0)
    assert catalog(options.database) == before
    assert {path: path.stat().st_mtime_ns for path in _objects(options)} == objects


def test_a_changed_file_makes_its_aoi_new(options: Options, tiny_dataset: Path, quiet: Console, tiff: Tiff) -> None:
    ingest(options, quiet)
    pixels = np.full((12, 30, 32), 0.25, np.float32)
    (tiny_dataset / f"lr_dataset/{NAME}/L2A/{NAME}-1-L2A_data.tiff").write_bytes(tiff(pixels, nodata=0))
    assert ingest(options, quiet).skipped == 0
    item = catalog(options.database)[f"{NAME}_L2A_01"]
    assert item["assets"]["data"]["raster:bands"][0]["statistics"]["mean"] == 2500


def test_a_changed_row_makes_its_aoi_new(options: Options, tiny_dataset: Path, quiet: Console) -> None:
    ingest(options, quiet)
    table = tiny_dataset / "metadata.csv"
    table.write_text(table.read_text().replace("1.5,10", "77.5,10"))
    assert ingest(options, quiet).skipped == 0
    assert catalog(options.database)[f"{NAME}_L2A_01"]["properties"]["eo:cloud_cover"] == 77.5


def test_force_ingests_again_what_has_not_changed(options: Options, quiet: Console) -> None:
    ingest(options, quiet)
    assert ingest(replace(options, force=True), quiet).skipped == 0


def test_another_store_is_filled_although_the_database_knows_the_items(
    options: Options, quiet: Console, tmp_path: Path
) -> None:
    ingest(options, quiet)
    (tmp_path / "other").mkdir()
    other = StoreSettings(url=(tmp_path / "other").as_uri())
    assert ingest(replace(options, store=other), quiet).skipped == 0
    assert len(ObjectStore.open(other).list()) == 15


def test_an_item_that_was_deleted_comes_back(options: Options, quiet: Console) -> None:
    ingest(options, quiet)
    with connect(options.database) as connection:
        connection.execute("DELETE FROM items WHERE id = %s", (f"{NAME}_SPOT",))
    assert ingest(options, quiet).skipped == 0
    assert f"{NAME}_SPOT" in catalog(options.database)


def test_items_whose_files_are_elsewhere_now_stay_and_stay_counted(
    options: Options, tiny_dataset: Path, quiet: Console
) -> None:
    before = ingest(options, quiet)
    gone = list((tiny_dataset / f"lr_dataset/{NAME}/L2A").glob(f"{NAME}-2[-.]*"))
    assert gone
    for path in gone:
        path.unlink()

    after = ingest(options, quiet)
    again = ingest(options, quiet)

    assert after.items == again.items == before.items
    for report in (after, again):
        assert (NAME, "1 L2A image gone from the source, kept in the catalog") in [
            (n.aoi, n.reason) for n in report.notes
        ]
        assert report.skipped == report.aois


def test_what_failed_is_told_until_it_is_mended_and_the_rest_stays(
    options: Options, tiny_dataset: Path, quiet: Console
) -> None:
    broken = tiny_dataset / f"lr_dataset/{NAME}/L2A/{NAME}-1-L2A_data.tiff"
    good, stat = broken.read_bytes(), broken.stat()
    broken.write_bytes(b"")
    for skipped in (0, 1):
        report = ingest(options, quiet)
        assert [problem.reason for problem in report.failures] == ["the file is empty"]
        assert (report.items.total(), report.skipped, report.status) == (2, skipped, "partial")
    assert [remark for remark in report.remarks if "--retry-failed" in remark]
    broken.write_bytes(good)
    os.utime(broken, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    report = ingest(options, quiet)
    assert (report.items.total(), report.status) == (3, "done")


def test_retrying_takes_the_aois_with_failures_and_no_others(options: Options, quiet: Console, defective: Path) -> None:
    names = ("Landcover-8379", "UNHCR-TURs005204")
    first = ingest(replace(options, src=defective, only=names), quiet)
    assert known(options.database) == {"Landcover-8379": "partial", "UNHCR-TURs005204": "done"}
    again = ingest(replace(options, src=defective, retry_failed=True), quiet)
    assert (again.aois, again.skipped, again.status) == (1, 0, "partial")
    assert again.failures == first.failures


def test_an_aoi_that_cannot_be_listed_is_a_failure_until_it_can(
    options: Options, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(options, quiet)
    with monkeypatch.context() as broken:

        def files(*_: Any) -> None:
            raise PermissionError(13, "Permission denied", f"hr_dataset/{NAME}")

        broken.setattr("ingest.sources.JoinedSource.files", files)
        report = ingest(options, quiet)
    assert [problem.reason for problem in report.failures] == ["cannot be listed: Permission denied"]
    assert (report.items.total(), report.status) == (3, "partial")
    again = ingest(options, quiet)
    assert (again.failures, again.skipped, again.status) == ([], 0, "done")


def test_an_aoi_that_is_asked_for_twice_is_ingested_once(options: Options, quiet: Console) -> None:
    assert ingest(replace(options, only=(NAME, NAME)), quiet).aois == 1


def test_an_interrupted_process_leaves_nothing_that_a_later_run_trips_over(options: Options, quiet: Console) -> None:
    # Killed between objects and items: objects of an AOI without items.
    assert ingest(options, quiet).failures == []
    store = ObjectStore.open(options.store)
    key = str(store.key(catalog(options.database)[f"{NAME}_SPOT"]["assets"]["ps"]["href"]))
    store.put(key, b"half", "image/tiff")
    assert ingest(replace(options, force=True), quiet).failures == []
    assert store.head(key).size > 4


def test_rows_without_files_and_files_without_rows_are_listed(
    options: Options, tiny_dataset: Path, quiet: Console
) -> None:
    shutil.copytree(tiny_dataset / f"hr_dataset/{NAME}", tiny_dataset / "hr_dataset/Landcover-1")
    for path in (tiny_dataset / "hr_dataset/Landcover-1").iterdir():
        path.rename(path.with_name(path.name.replace(NAME, "Landcover-1")))
    shutil.rmtree(tiny_dataset / f"lr_dataset/{NAME}")
    table = tiny_dataset / "metadata.csv"
    table.write_text(table.read_text() + table.read_text().splitlines()[1].replace(NAME, "Landcover-2") + "\n")
    report = ingest(options, quiet)
    assert ("Landcover-2", "no published files; no item") in [(note.aoi, note.reason) for note in report.notes]
    assert (NAME, "no L2A files") in [(note.aoi, note.reason) for note in report.notes]
    # Without a row and without a chip nobody knows where a SPOT image lies.
    assert {problem.aoi for problem in report.failures} == {"Landcover-1"}
    assert report.items[COLLECTION_SPOT] == 1


def test_only_the_asked_aois_are_ingested(options: Options, quiet: Console, defective: Path) -> None:
    asked = replace(options, src=defective, only=("UNHCR-TURs005204",))
    report = ingest(asked, quiet)
    assert (report.aois, report.items.total()) == (1, 4)
    assert {note.aoi for note in report.notes} == {"UNHCR-TURs005204"}


def test_an_aoi_that_does_not_exist_is_named(options: Options, quiet: Console) -> None:
    with pytest.raises(SourceError, match="has no AOI 'Landcover-0'"):
        ingest(replace(options, only=("Landcover-0",)), quiet)


def test_a_folder_without_schemas_is_refused_before_anything_is_done(
    options: Options, quiet: Console, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="is no folder of schemas"):
        ingest(replace(options, schemas=tmp_path), quiet)


def test_extents_and_summaries_are_those_of_the_items(options: Options, quiet: Console) -> None:
    ingest(options, quiet)
    collection = catalog(options.database)[COLLECTION_L2A]
    item = catalog(options.database)[f"{NAME}_L2A_01"]
    assert collection["extent"]["spatial"]["bbox"][0] == pytest.approx(item["bbox"], abs=1e-5)
    assert collection["summaries"]["worldstrat:source"] == ["Landcover"]


@pytest.mark.parametrize(
    ("arguments", "counts"),
    [
        # Another build and ingest, whose one difference here is the name of a column.
        pytest.param(("--version", "v1.1"), (3, 6, 6), marks=pytest.mark.slow),
        (("--layout", "kaggle"), (3, 6, 0)),
    ],
)
def test_every_published_layout_gives_the_same_items(
    options: Options,
    quiet: Console,
    build_dataset: Callable[..., Path],
    arguments: tuple[str, ...],
    counts: tuple[int, int, int],
) -> None:
    src = build_dataset("--aois", "3", "--revisits", "2", *arguments)
    report = ingest(replace(options, src=src, workers=2), quiet)
    assert report.failures == []
    found = (report.items[COLLECTION_SPOT], report.items[COLLECTION_L2A], report.items[COLLECTION_L1C])
    assert found == counts


def test_the_items_are_the_same_in_an_s3_store(options: Options, quiet: Console, s3_store: StoreSettings) -> None:
    report = ingest(replace(options, store=s3_store), quiet)
    assert (report.items.total(), report.failures) == (3, [])
    store = ObjectStore.open(s3_store)
    item = catalog(options.database)[f"{NAME}_L2A_01"]
    key = store.key(item["assets"]["data"]["href"])
    assert key is not None
    assert store.head(key).size == item["assets"]["data"]["file:size"]


def test_one_ingest_at_a_time_writes_a_catalog(options: Options, quiet: Console) -> None:
    ingest(options, quiet)
    with connect(options.database) as connection:
        connection.execute("SELECT pg_advisory_lock(x'574F524C4453'::bigint)")
        with pytest.raises(StateError, match="Another ingest is writing"):
            ingest(options, quiet)


def test_a_database_that_is_not_there_is_one_error(options: Options, quiet: Console) -> None:
    absent = options.database.model_copy(update={"port": 1})
    with pytest.raises(DatabaseError, match="does not answer"):
        ingest(replace(options, database=absent), quiet)


def test_a_database_without_pgstac_is_one_error(options: Options, quiet: Console) -> None:
    with psycopg.connect(options.database.dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA pgstac CASCADE")
    with pytest.raises(DatabaseError, match="has no pgSTAC"):
        ingest(options, quiet)


def test_a_database_that_stops_midway_ends_the_run_and_keeps_what_was_done(
    options: Options, quiet: Console, build_dataset: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    src = build_dataset("--aois", "3", "--revisits", "2", "--layout", "kaggle")
    monkeypatch.setattr("ingest.loader.BATCH_SIZE", 1)
    # The server ends every connection of the run after its first batch, as a stopped one does.
    save = Runs.save

    def save_and_stop(runs: Runs, states: Any) -> None:
        save(runs, states)
        with psycopg.connect(options.database.dsn, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                (options.database.database,),
            )

    monkeypatch.setattr(Runs, "save", save_and_stop)
    with pytest.raises(DatabaseError, match="does not answer"):
        ingest(replace(options, src=src), quiet)
    assert len(known(options.database)) == 1
    monkeypatch.setattr(Runs, "save", save)
    report = ingest(replace(options, src=src), quiet)
    assert (report.skipped, report.items.total()) == (1, 9)


def test_a_store_that_cannot_be_written_ends_the_run_before_any_item(options: Options, quiet: Console) -> None:
    folder = Path(options.store.url.removeprefix("file://"))
    folder.rmdir()
    folder.write_text("a file in the way")
    with pytest.raises(ObjectStoreError):
        ingest(options, quiet)
    assert COLLECTION_L2A in catalog(options.database)
    assert f"{NAME}_SPOT" not in catalog(options.database)


def test_a_store_that_fills_up_midway_keeps_what_was_done(options: Options, quiet: Console, defective: Path) -> None:
    # A folder in the way of one object is what a full disk is to that object: it cannot be written.
    ingest(replace(options, src=defective, only=("UNHCR-TURs005204",)), quiet)
    objects = Path(options.store.url.removeprefix("file://"))
    blocked = objects / COLLECTION_SPOT / "Landcover-8379"
    blocked.write_text("in the way")
    with pytest.raises(ObjectStoreError, match="Cannot write"):
        ingest(replace(options, src=defective, only=("UNHCR-TURs005204", "Landcover-8379")), quiet)
    held = catalog(options.database)
    assert "UNHCR-TURs005204_SPOT" in held
    assert "Landcover-8379_SPOT" not in held


def test_ctrl_c_ends_a_run_cleanly_and_the_next_goes_on(
    options: Options, quiet: Console, tiny_dataset: Path, tmp_path: Path
) -> None:
    database, store, src = options.database, options.store, multiply(tiny_dataset, tmp_path / "many", 40)
    environment = os.environ | {
        "PGHOST": database.host,
        "PGPORT": str(database.port),
        "PGUSER": database.user,
        "PGPASSWORD": database.password.get_secret_value(),
        "PGDATABASE": database.database,
        "WORLDSTRAT_STORE": store.url,
    }
    command: list[str | Path] = [Path(sys.executable).with_name("worldstrat"), "ingest", src, "--workers", "1"]
    running = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not list(_objects(options)):
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "Traceback" not in said
    assert len(known(database)) < 40
    report = ingest(replace(options, src=src, workers=2), quiet)
    assert (report.aois, report.items[COLLECTION_SPOT]) == (40, 40)


def _objects(options: Options) -> list[Path]:
    return [path for path in Path(options.store.url.removeprefix("file://")).rglob("*") if path.is_file()]
