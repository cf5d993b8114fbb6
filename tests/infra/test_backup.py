"""A catalog written away and brought back: the same by its hashes, or nothing has changed."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from catalog.connection import connect
from catalog.errors import DatabaseError
from catalog.fingerprint import catalog_hash
from catalog.objects import ObjectStore
from catalog.settings import DatabaseSettings, StoreSettings
from infra.backup import backup
from infra.cli import main
from infra.contents import Contents
from infra.databases import database_env
from infra.errors import BackupError, MissingProgramError, RestoreError
from infra.manifest import DUMP, MANIFEST, Manifest
from infra.postgres import PostgresCluster
from infra.postgres_programs import find_client
from infra.restore import restore
from infra.stores import store_env
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


def test_a_restored_catalog_is_the_one_that_was_backed_up_with_ingest_and_searches_going_on(
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
