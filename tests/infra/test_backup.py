"""A catalog written away and brought back: the same by its hashes, or nothing has changed."""

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql
from rich.console import Console

from catalog.connection import connect
from catalog.errors import DatabaseError
from catalog.objects import ObjectStore, multihash
from catalog.settings import DatabaseSettings, StoreSettings
from infra.backup import backup
from infra.cli import main
from infra.contents import Contents
from infra.databases import database_env
from infra.errors import MissingProgramError, RestoreError
from infra.manifest import DUMP, MANIFEST, Manifest
from infra.postgres import PostgresCluster
from infra.postgres_programs import find_client
from infra.restore import restore
from infra.stores import store_env
from ingest.errors import StateError
from ingest.lock import lock_catalog
from tests.conftest import IngestedSample

QUIET = Console(quiet=True)


def contents(database: DatabaseSettings) -> Contents:
    with closing(connect(database)) as connection:
        return Contents.read(connection, QUIET)


def databases(cluster: PostgresCluster) -> set[str]:
    with psycopg.connect(cluster.settings_for("postgres").dsn) as server:
        return {name for (name,) in server.execute("SELECT datname FROM pg_database")}


@pytest.fixture(scope="module")
def backed_up(ingested: IngestedSample, tmp_path_factory: pytest.TempPathFactory) -> tuple[ObjectStore, Manifest]:
    """A backup of the ingested sample."""
    target = ObjectStore.open(StoreSettings(url=(tmp_path_factory.mktemp("backups") / "one").as_uri()))
    return target, backup(ingested.database, target, QUIET)


@pytest.fixture
def copy(backed_up: tuple[ObjectStore, Manifest], tmp_path: Path) -> Path:
    """A copy of that backup, to be damaged."""
    return Path(shutil.copytree(backed_up[0].url.removeprefix("file://"), tmp_path / "copy"))


@pytest.fixture
def environment(database: DatabaseSettings, file_store: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have commands find an empty catalog by the environment."""
    for name, value in (database_env(database) | store_env(file_store)).items():
        monkeypatch.setenv(name, value)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_a_restored_catalog_is_the_one_that_was_backed_up(
    ingested: IngestedSample, backed_up: tuple[ObjectStore, Manifest], database: DatabaseSettings
) -> None:
    source, manifest = backed_up

    done = restore(source, database, QUIET, force=False)

    assert done.kept is None
    before = contents(ingested.database)
    assert contents(database) == before == manifest.contents
    assert before.rows["worldstrat.aoi_runs"] > 0
    with closing(connect(ingested.database)) as there, closing(connect(database)) as here:
        for told in ("SELECT pgstac.get_version()", "SELECT pgstac.search('{\"limit\": 100}')"):
            assert here.execute(told).fetchone() == there.execute(told).fetchone()


def test_a_catalog_goes_to_a_bucket_and_comes_back_where_its_database_was_dropped(
    ingested: IngestedSample,
    s3_store: StoreSettings,
    postgres: PostgresCluster,
    database: DatabaseSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (database_env(ingested.database) | store_env(s3_store)).items():
        monkeypatch.setenv(name, value)
    written = run("backup", f"{s3_store.url}/backups/monday", "--json")
    assert written.exit_code == 0, written.output
    with psycopg.connect(postgres.settings_for("postgres").dsn, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.database)))
    monkeypatch.setenv("PGDATABASE", database.database)

    brought = run("restore", f"{s3_store.url}/backups/monday")

    assert brought.exit_code == 0, brought.output
    assert contents(database) == Contents.model_validate(json.loads(written.stdout)["contents"])
    assert f"Restored {sum(contents(database).items.values())} items" in brought.stdout
    secret = ingested.database.password.get_secret_value()
    assert secret
    assert secret not in written.output + brought.output


def test_what_is_written_while_a_backup_is_made_is_not_in_it(
    ingested: IngestedSample, database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = ObjectStore.open(StoreSettings(url=(tmp_path / "out").as_uri()))
    source = database.model_copy(update={"database": ingested.database.database})
    table = f"worldstrat.made_{uuid4().hex}"
    read = Contents.read

    def meanwhile(connection: Any, console: Console) -> Contents:
        with psycopg.connect(source.dsn, autocommit=True) as other:
            other.execute(f"CREATE TABLE {table} AS SELECT 1 AS one")
        return read(connection, console)

    with monkeypatch.context() as patched:
        patched.setattr(Contents, "read", meanwhile)
        manifest = backup(source, target, QUIET)
    try:
        restore(target, database, QUIET, force=False)
        assert table not in manifest.contents.rows
        assert table not in contents(database).rows
        assert table in contents(source).rows
    finally:
        with psycopg.connect(source.dsn, autocommit=True) as other:
            other.execute(f"DROP TABLE {table}")


def test_a_catalog_in_use_is_replaced_only_by_force_and_then_kept_and_its_readers_come_to_the_new_one(
    backed_up: tuple[ObjectStore, Manifest], database: DatabaseSettings, postgres: PostgresCluster
) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA mine CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO mine.kept VALUES ('old')")
    before = contents(database)
    with pytest.raises(RestoreError, match=r"holds a catalog\. --force takes its place"):
        restore(backed_up[0], database, QUIET, force=False)
    assert contents(database) == before

    with psycopg.connect(database.dsn, autocommit=True) as reader:
        done = restore(backed_up[0], database, QUIET, force=True)
        with pytest.raises(psycopg.OperationalError):
            reader.execute("SELECT 1")

    assert contents(database) == backed_up[1].contents
    assert done.kept is not None
    try:
        assert contents(postgres.settings_for(done.kept)) == before
    finally:
        with psycopg.connect(postgres.settings_for("postgres").dsn, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(done.kept)))


def test_a_damaged_dump_is_found_before_anything_is_touched(
    copy: Path, database: DatabaseSettings, postgres: PostgresCluster
) -> None:
    known = databases(postgres)
    dump = bytearray((copy / DUMP).read_bytes())
    dump[len(dump) // 2] ^= 1
    (copy / DUMP).write_bytes(dump)
    with pytest.raises(RestoreError, match=r"catalog.dump is damaged: its size or SHA-256 is not what"):
        restore(ObjectStore.open(StoreSettings(url=copy.as_uri())), database, QUIET, force=True)
    assert databases(postgres) == known


@pytest.mark.parametrize("cut", [2, 1000])
def test_a_dump_that_cannot_be_restored_leaves_the_catalog_as_it_was(
    copy: Path, database: DatabaseSettings, postgres: PostgresCluster, cut: int
) -> None:
    known, before = databases(postgres), contents(database)
    whole = (copy / DUMP).read_bytes()
    (copy / DUMP).write_bytes(whole[: len(whole) // cut])
    _lie(copy, size=len(whole) // cut, checksum=multihash((copy / DUMP).read_bytes()))
    with pytest.raises(RestoreError, match=r"The dump could not be restored: \w+"):
        restore(ObjectStore.open(StoreSettings(url=copy.as_uri())), database, QUIET, force=True)
    assert (databases(postgres), contents(database)) == (known, before)


def test_a_catalog_that_is_not_what_it_was_is_no_restored_one(
    copy: Path, database: DatabaseSettings, postgres: PostgresCluster
) -> None:
    known = databases(postgres)
    told = json.loads((copy / MANIFEST).read_text())["contents"]
    _lie(copy, contents=told | {"catalog_hash": "0" * 64})
    with pytest.raises(RestoreError, match="is not what it was of: the hash of all items: 0000"):
        restore(ObjectStore.open(StoreSettings(url=copy.as_uri())), database, QUIET, force=True)
    assert databases(postgres) == known


def _lie(folder: Path, **members: Any) -> None:
    told = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(told | members))


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        ({"postgres": 99}, "The backup is of PostgreSQL 99 and this server is of"),
        ({"extensions": {"teleport": "1"}}, "lacks the extensions teleport: install them there"),
        ({"roles": ["the_boss"]}, 'lacks roles .* CREATE ROLE "the_boss";'),
    ],
)
def test_a_server_that_cannot_hold_the_catalog_is_told_what_it_lacks(
    copy: Path, database: DatabaseSettings, origin: dict[str, Any], reason: str
) -> None:
    told = json.loads((copy / MANIFEST).read_text())["origin"]
    _lie(copy, origin=told | origin)
    with pytest.raises(RestoreError, match=reason):
        restore(ObjectStore.open(StoreSettings(url=copy.as_uri())), database, QUIET, force=True)


@pytest.mark.usefixtures("environment")
def test_commands_say_what_is_no_backup_and_never_write_over_one(copy: Path, tmp_path: Path) -> None:
    again = run("backup", copy)
    assert (again.exit_code, "is not empty, and a backup overwrites nothing" in again.stderr) == (1, True)
    (tmp_path / "nothing").mkdir()
    none = run("restore", tmp_path / "nothing")
    assert (none.exit_code, "is no backup: it has no manifest.json" in none.stderr) == (1, True)
    _lie(copy, format=2)
    later = run("restore", copy)
    assert (later.exit_code, "Was it made by a later one?" in later.stderr) == (1, True)


def test_a_catalog_that_is_being_written_is_not_replaced(
    backed_up: tuple[ObjectStore, Manifest], database: DatabaseSettings
) -> None:
    with closing(connect(database)) as writer:
        lock_catalog(writer)
        with pytest.raises(StateError, match="Another ingest is writing this catalog"):
            restore(backed_up[0], database, QUIET, force=True)


def test_a_backup_that_fails_leaves_no_manifest_and_no_half_dump(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Contents:
        raise DatabaseError("it rains")

    monkeypatch.setattr(Contents, "read", fails)
    target = ObjectStore.open(StoreSettings(url=(tmp_path / "out").as_uri()))
    with pytest.raises(DatabaseError, match="it rains"):
        backup(database, target, QUIET)
    assert target.list() == []


def test_a_client_of_an_older_version_than_the_server_is_not_taken() -> None:
    with pytest.raises(MissingProgramError, match=r"pg_dump of PostgreSQL 99 or later is not installed \(found: \d"):
        find_client("pg_dump", 99)
