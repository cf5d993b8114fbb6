"""An ingest killed at any moment (its process, its database, its S3 server) ends, run again, as an undisturbed one."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from rich.console import Console

from catalog.fingerprint import catalog_hash
from catalog.objects import ObjectStore
from catalog.pgstac import connect
from catalog.settings import DatabaseSettings, StoreSettings
from infra.ceph import RGW
from infra.databases import database_env
from infra.pgstac import prepare
from infra.ports import free_port
from infra.postgres import PostgresCluster
from infra.radosgw import Radosgw
from infra.stores import store_env
from ingest.options import Options
from ingest.prune import Options as PruneOptions
from ingest.prune import prune
from ingest.run import ingest
from ingest.verify import Checks, verify
from tests.conftest import fresh_database

pytestmark = pytest.mark.timeout(3600)  # twenty kills are forty processes

AOIS = 8
OBJECTS = 15 * AOIS
# Batches as small as the dataset, so that there are many moments between two of them.
COMMAND = "import ingest.loader as l; l.BATCH_SIZE = 4; from infra.cli import main; main(prog_name='worldstrat')"
LATE = 0.4
"""Seconds after the last object in which items, receipt and collections are written."""


@pytest.fixture
def several(tiny_dataset: Path, tmp_path: Path) -> Path:
    """Eight AOIs with small rasters: 24 items, 120 objects."""
    name, src = "Landcover-8379", tmp_path / "several"
    for number in range(AOIS):
        aoi = f"Landcover-{number}"
        for path in tiny_dataset.rglob(f"{name}*"):
            if path.is_file():
                copy = src / str(path.relative_to(tiny_dataset)).replace(name, aoi)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)
    for table in ("metadata.csv", "stratified_train_val_test_split.csv"):
        head, *rows = (tiny_dataset / table).read_text().splitlines()
        copies = [row.replace(name, f"Landcover-{number}") for number in range(AOIS) for row in rows]
        (src / table).write_text("\n".join([head, *copies]) + "\n")
    return src


class Ingest:
    """The command, as a process."""

    def __init__(self, src: Path, database: DatabaseSettings, store: StoreSettings) -> None:
        self.src, self.database, self.store = src, database, store
        self.environment = os.environ | database_env(database) | store_env(store)

    def start(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", COMMAND, "ingest", str(self.src), "--workers", "2", "--json"]
        return subprocess.Popen(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self) -> None:
        """Run it to its end."""
        process = self.start()
        _, said = process.communicate(timeout=600)
        assert process.returncode == 0, said

    def fails(self, process: "subprocess.Popen[str]") -> str:
        """Wait for the end of a process that cannot go on; return what it says."""
        _, said = process.communicate(timeout=600)
        assert process.returncode == 1, said
        assert "Traceback" not in said
        return said

    def objects(self) -> int:
        """How many objects of items are in the store; snapshots and transcripts of collections come after them."""
        return sum(not meta.key.endswith((".parquet", ".gz")) for meta in ObjectStore.open(self.store).list())

    def wait_for(self, process: "subprocess.Popen[str]", count: int) -> None:
        """Wait until there are so many objects, or the process ended."""
        while self.objects() < count and process.poll() is None:
            time.sleep(0.005)

    def outcome(self) -> tuple[str, list[Any]]:
        """Hash of all items, and what the collections say of them."""
        with connect(self.database) as connection:
            told = "SELECT id, content->'extent', content->'summaries' FROM collections ORDER BY id"
            return catalog_hash(connection), connection.execute(told).fetchall()

    def is_whole(self) -> bool:
        """Whether nothing is lost, and nothing is left over once it is pruned."""
        quiet = Console(quiet=True)
        # radosgw's clock counts whole seconds.
        prune(PruneOptions(self.database, self.store, timedelta(seconds=-60)), quiet)
        return verify(Checks(self.database, self.store), quiet).is_clean and self.objects() == OBJECTS


@pytest.fixture
def undisturbed(several: Path, database: DatabaseSettings, file_store: StoreSettings) -> tuple[str, list[Any]]:
    """What a run that nobody disturbs ends in."""
    ingest(Options(several, database, file_store, workers=2), Console(quiet=True))
    calm = Ingest(several, database, file_store)
    assert calm.is_whole()
    return calm.outcome()


@pytest.fixture
def fresh(several: Path, postgres: PostgresCluster, tmp_path: Path) -> Iterator[Callable[[], Ingest]]:
    """Make an ingest into an empty catalog and an empty folder."""
    databases = []

    def make() -> Ingest:
        manager = fresh_database(postgres)
        databases.append(manager)
        folder = tmp_path / f"objects-{len(databases)}"
        folder.mkdir()
        return Ingest(several, manager.__enter__(), StoreSettings(url=folder.as_uri()))

    yield make
    for manager in databases:
        manager.__exit__(None, None, None)


def kill_at_a_random_moment(run: Ingest, chance: random.Random) -> bool:
    """Begin an ingest and kill it: while it puts objects, or while it ends; False where it was faster."""
    moment = chance.uniform(0, 1.3)
    process = run.start()
    run.wait_for(process, min(OBJECTS, 1 + int(moment * OBJECTS)))
    time.sleep(max(0.0, moment - 1) / 0.3 * LATE)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=300)
    return process.returncode == -signal.SIGKILL


def still_at_work(session: int) -> list[str]:
    """Processes of a killed ingest that live on."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(group) == session and state not in "ZX":
            found.append(stat.parent.name)
    return found


# Each kill is two runs of the command: some ten seconds on a quiet core, half a minute on a busy one.
@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_an_ingest_killed_at_random_moments_ends_as_an_undisturbed_one(
    fresh: Callable[[], Ingest], undisturbed: tuple[str, list[Any]], kills: int
) -> None:
    chance = random.Random(20)  # noqa: S311 - moments, not secrets
    killed = 0
    for _ in range(kills):
        run = fresh()
        killed += kill_at_a_random_moment(run, chance)
        run.finish()
        assert run.outcome() == undisturbed
        assert run.is_whole()
    assert killed > kills // 3, "some were still at work"


@pytest.mark.slow  # the kills above show most of it
def test_one_ingest_killed_again_and_again_ends_as_an_undisturbed_one_and_leaves_no_process(
    fresh: Callable[[], Ingest], undisturbed: tuple[str, list[Any]]
) -> None:
    run = fresh()
    for count in (OBJECTS // 5, OBJECTS // 2):
        process = run.start()
        run.wait_for(process, count)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=300)
        deadline = time.monotonic() + 20
        while (left := still_at_work(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert left == []
    run.finish()
    assert run.outcome() == undisturbed
    assert run.is_whole()


@pytest.mark.slow  # a cluster of its own: it would take the other tests' databases with it
def test_a_database_killed_midway_is_one_clear_error_and_the_same_command_goes_on(
    several: Path, undisturbed: tuple[str, list[Any]], services_folder: Path, tmp_path: Path
) -> None:
    folder = services_folder / "killed-postgres"
    cluster = PostgresCluster(folder, log=services_folder / "killed-postgres.log", port=free_port())
    daemon = cluster.start()
    try:
        prepare(cluster.settings)
        (tmp_path / "objects-here").mkdir()
        run = Ingest(several, cluster.settings, StoreSettings(url=(tmp_path / "objects-here").as_uri()))
        for count in (OBJECTS // 3, 2 * OBJECTS // 3):
            process = run.start()
            run.wait_for(process, count)
            os.kill(daemon.pid, signal.SIGKILL)
            assert "does not answer" in run.fails(process)
            daemon = cluster.start()
        run.finish()
        assert run.outcome() == undisturbed
        assert run.is_whole()
    finally:
        cluster.stop(daemon)


@pytest.mark.slow  # an S3 server of its own: it would take the other tests' buckets with it
def test_an_s3_server_killed_midway_is_one_clear_error_and_the_same_command_goes_on(
    several: Path, undisturbed: tuple[str, list[Any]], fresh: Callable[[], Ingest], services_folder: Path
) -> None:
    if shutil.which("radosgw") is None:
        pytest.skip("needs ceph-mon, ceph-osd and radosgw")
    folder = services_folder / "killed-s3"
    server = Radosgw(folder, logs=services_folder / "killed-s3-logs", mon_port=free_port(), rgw_port=free_port())
    daemons = server.start({})
    try:
        server.create_bucket("killed")
        run = Ingest(several, fresh().database, server.settings("killed"))
        process = run.start()
        run.wait_for(process, OBJECTS // 2)
        os.kill(daemons[RGW].pid, signal.SIGKILL)
        assert "Is the object store up" in run.fails(process)
        daemons = server.start(daemons)
        run.finish()
        assert run.outcome() == undisturbed
        assert run.is_whole()
    finally:
        server.stop(daemons)


def test_a_killed_run_makes_no_item_visible_whose_objects_are_not_there(fresh: Callable[[], Ingest]) -> None:
    run = fresh()
    process = run.start()
    while not _items(run) and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=300)
    while still_at_work(process.pid):
        time.sleep(0.05)

    found = verify(Checks(run.database, run.store), Console(quiet=True))

    # Items of a batch whose AOIs were not noted yet may be there, whole; the next run takes them up.
    assert found.items > 0
    assert found.counts.keys() <= {"unknown item"}


def _items(run: Ingest) -> int:
    with psycopg.connect(run.database.dsn, autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM pgstac.items").fetchone()
    return row[0] if row else 0
