"""A catalog of an older version brought to this one: the same items, and readers that notice nothing."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool
from pypgstac.db import PgstacDB
from pypgstac.migrate import Migrate
from rich.console import Console

from catalog import revisions
from catalog.connection import connect
from catalog.errors import SchemaVersionError
from catalog.extension import SCHEMA_URI
from catalog.fingerprint import CatalogSum, catalog_hash
from catalog.migrations import Step, migrate
from catalog.settings import DatabaseSettings, StoreSettings
from catalog.stored import Item, StoredItems
from infra.cli import main
from infra.databases import database_env
from infra.errors import ServiceError
from infra.pgstac import installed_version, prepare, wanted_version
from infra.postgres import PostgresCluster
from infra.upgrade import upgrade
from ingest.options import Options
from ingest.run import ingest
from ingest.runs_schema import ensure_tables
from ingest.verify import Checks, verify
from server.app import create_app
from server.pgstac_version import misfit
from server.settings import ServerSettings
from tests.conftest import IngestedSample

QUIET = Console(quiet=True)
OLD_URI = "https://worldstrat.github.io/stac/v0.9.0/schema.json"


def run(monkeypatch: pytest.MonkeyPatch, database: DatabaseSettings, *arguments: str) -> Result:
    for name, value in database_env(database).items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(main, arguments)


def hash_of(database: DatabaseSettings) -> str:
    with closing(connect(database)) as connection:
        return catalog_hash(connection)


def pgstac_of(settings: DatabaseSettings, version: str) -> None:
    """Install an older pgSTAC in a database without any."""
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    with ConnectionPool(settings.dsn, min_size=1, max_size=1, open=True) as pool, PgstacDB(pool=pool) as database:
        Migrate(database).run_migration(version)


@pytest.fixture
def bare(postgres: PostgresCluster) -> Iterator[DatabaseSettings]:
    """A database without pgSTAC."""
    name = f"bare_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.settings_for("postgres").dsn, autocommit=True) as server:
        server.execute(f"create database {name}")
        yield postgres.settings_for(name)
        server.execute(f"drop database {name} with (force)")


def without_nulls(item: Item) -> Item:
    """Return an item as older versions of pgSTAC kept it: their loaders drop what is null."""
    return item | {"properties": {name: value for name, value in item["properties"].items() if value is not None}}


def test_a_database_without_pgstac_gets_it_where_that_is_asked_for(
    bare: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(bare.dsn, autocommit=True) as connection:
        connection.execute(f"create schema {bare.user}")  # comes before public on this role's search path
    refused = run(monkeypatch, bare, "upgrade")
    assert refused.exit_code == 1
    assert "worldstrat upgrade --install" in refused.output

    for _ in range(2):
        assert run(monkeypatch, bare, "upgrade", "--install").exit_code == 0
    assert installed_version(bare) == wanted_version()


@pytest.mark.parametrize("version", ["0.9.12", pytest.param("0.8.6", marks=pytest.mark.slow)])  # the same way, longer
def test_a_catalog_of_an_older_pgstac_has_the_same_items_afterwards(
    ingested: IngestedSample, bare: DatabaseSettings, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pgstac_of(bare, version)
    with closing(connect(ingested.database)) as here, closing(connect(bare)) as there:
        for (content,) in here.execute("SELECT content FROM collections ORDER BY id"):
            there.execute("SELECT create_collection(%s)", (Jsonb(content),))
        items = [without_nulls(item) for item in StoredItems(here).every()]
        there.execute("SELECT create_items(%s)", (Jsonb(items),))
    expected = CatalogSum()
    for item in items:
        expected.add(item)
    assert (expected.items, hash_of(bare)) == (20, expected.hexdigest())
    forecast = run(monkeypatch, bare, "upgrade", "--dry-run", "--json")
    assert forecast.exit_code == 0, forecast.output
    assert json.loads(forecast.stdout)["pgstac_before"] == version
    assert installed_version(bare) == version

    done = run(monkeypatch, bare, "upgrade")

    assert done.exit_code == 0, done.output
    wanted = installed_version(ingested.database)
    assert installed_version(bare) == wanted
    assert done.stdout.startswith(f"pgSTAC {version} -> {wanted}\ntables: runs")
    assert hash_of(bare) == expected.hexdigest()
    assert "Nothing to do" in run(monkeypatch, bare, "upgrade").stdout


def test_a_newer_pgstac_is_refused_with_a_remedy(database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(connect(database)) as connection:
        connection.execute("SELECT set_version('99.1.0')")
    refused = run(monkeypatch, database, "upgrade")
    assert refused.exit_code == 1
    assert "has pgSTAC 99.1.0, and this software brings" in refused.stderr
    with pytest.raises(ServiceError, match=r"use the software that migrated it, or a later one\."):
        prepare(database)
    assert installed_version(database) == "99.1.0"


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("0.9.12", "pgSTAC 0.9.12, older than this server's 0.10: `worldstrat upgrade`"),
        ("0.11.0", "pgSTAC 0.11.0, newer than this server's 0.10: run the server that migrated it"),
    ],
)
def test_a_server_names_a_pgstac_that_it_does_not_know_and_does_not_begin_with_it(
    database: DatabaseSettings, file_store: StoreSettings, version: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLDSTRAT_STORE", file_store.url)
    with TestClient(create_app(ServerSettings(database=database, store=file_store))) as client:
        assert client.get("/readyz").status_code == 200
        with closing(connect(database)) as connection:
            connection.execute("SELECT set_version(%s)", (version,))

        ready = client.get("/readyz")

        assert (ready.status_code, ready.json()["database"]) == (503, f"its schema is {words}")
    refused = run(monkeypatch, database, "serve")
    assert refused.exit_code == 1
    assert words in refused.stderr


def test_the_server_knows_the_pgstac_that_this_software_brings() -> None:
    assert misfit(wanted_version()) is None


def test_tables_of_a_later_version_are_left_alone(database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(connect(database)) as connection:
        ensure_tables(connection)
        connection.execute("INSERT INTO worldstrat.migrations (part, version, name) VALUES ('ingest', 2, 'later')")
        with pytest.raises(SchemaVersionError, match="tables of ingest are of version 2, and this software knows 1"):
            ensure_tables(connection)
    assert "use the later one" in run(monkeypatch, database, "upgrade").stderr


def test_tables_of_before_versions_were_noted_keep_their_rows(database: DatabaseSettings) -> None:
    with closing(connect(database)) as connection:
        ensure_tables(connection)
        connection.execute("INSERT INTO worldstrat.runs (sources, version) VALUES ('{}', '1')")
        connection.execute("DROP TABLE worldstrat.migrations")
        assert ensure_tables(connection) == ["runs and what they made of each place"]
        assert ensure_tables(connection) == []
        assert connection.execute("SELECT count(*) FROM worldstrat.runs").fetchone() == (1,)


def test_steps_are_taken_once_in_order_and_none_where_one_fails(database: DatabaseSettings) -> None:
    taken: list[int] = []

    def step(number: int) -> Step:
        return Step(str(number), lambda _: taken.append(number))

    steps = [step(number) for number in (1, 2, 3)]

    def fails(connection: psycopg.Connection[Any]) -> None:
        connection.execute("CREATE TABLE worldstrat.half ()")
        connection.execute("SELECT nonsense")

    with closing(connect(database)) as connection:
        assert migrate(connection, "part", steps[:1]) == ["1"]
        with pytest.raises(psycopg.errors.UndefinedColumn):
            migrate(connection, "part", [*steps[:2], Step("fails", fails)])
        assert connection.execute("SELECT to_regclass('worldstrat.half')").fetchone() == (None,)
        taken.clear()
        assert migrate(connection, "part", steps) == ["2", "3"]
        assert taken == [2, 3]
        assert migrate(connection, "other", steps[:1]) == ["1"]


@pytest.fixture
def of_old(dataset: Path, database: DatabaseSettings, file_store: StoreSettings) -> Options:
    """A catalog whose items follow an older version of the extension, which called a property by another name."""
    first = min(folder.name for folder in (dataset / "hr_dataset").iterdir())
    options = Options(dataset, database, file_store, workers=1, only=(first,))
    assert ingest(options, QUIET).failures == []
    with closing(connect(database)) as connection:
        connection.execute(
            "UPDATE items SET content = replace(replace(content::text, %s, %s), 'worldstrat:delta', 'worldstrat:days')"
            "::jsonb",
            (SCHEMA_URI, OLD_URI),
        )
    return options


def days_to_delta(item: Item) -> Item | None:
    properties = {name.replace("worldstrat:days", "worldstrat:delta"): v for name, v in item["properties"].items()}
    return item | {"properties": properties}


def test_items_of_an_older_extension_are_rewritten_without_their_files_and_verify_finds_nothing(
    of_old: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(revisions.REVISIONS, OLD_URI, (SCHEMA_URI, days_to_delta))
    before = hash_of(of_old.database)

    done = upgrade(of_old.database, QUIET).items

    assert (done.found, done.rewritten, done.marked) == (5, 5, [])
    assert hash_of(of_old.database) != before
    checks = Checks(of_old.database, of_old.store)
    assert verify(checks, QUIET).is_clean
    again = ingest(of_old, QUIET)
    assert (again.aois, again.skipped) == (1, 1)
    upgraded = hash_of(of_old.database)
    assert ingest(replace(of_old, force=True), QUIET).failures == []
    assert hash_of(of_old.database) == upgraded


def test_places_whose_files_alone_tell_what_is_new_are_made_again_by_the_next_ingest(of_old: Options) -> None:
    done = upgrade(of_old.database, QUIET).items
    assert (done.found, done.rewritten, done.marked) == (5, 0, list(of_old.only))

    again = ingest(of_old, QUIET)

    assert (again.aois, again.skipped, again.failures) == (1, 0, [])
    assert verify(Checks(of_old.database, of_old.store), QUIET).is_clean
    assert upgrade(of_old.database, QUIET).is_nothing
