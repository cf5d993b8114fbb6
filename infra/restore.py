"""A catalog brought back from a backup: into a new database, compared, and only then in the old one's place."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from threading import Thread
from typing import Any, Final

import psycopg
from psycopg import sql
from rich.console import Console

from catalog.connection import connect, translated
from catalog.objects import ObjectStore
from catalog.settings import DatabaseSettings
from infra.backup import client_env, measured
from infra.contents import Contents
from infra.errors import RestoreError
from infra.manifest import DUMP, Manifest, Origin, server_major
from infra.piped import Piped
from infra.postgres_programs import find_client
from infra.replacement import replacement

# pg_dump empties the search path; pgSTAC's generated columns call functions by names that then mean nothing.
_NO_PATH: Final = b"SELECT pg_catalog.set_config('search_path', '', false);"
_PATH: Final = b"SELECT pg_catalog.set_config('search_path', 'pgstac, public', false);"
_OPTIONS: Final = "-c maintenance_work_mem=256MB -c synchronous_commit=off -c client_min_messages=warning"
_PGSTAC_ROLE: Final = re.compile(r"pgstac_\w+")


@dataclass(frozen=True)
class Restored:
    """A catalog that was brought back."""

    manifest: Manifest
    """What it was brought back from."""
    kept: str | None
    """Database that holds the catalog of before; None where there was none."""


def restore(source: ObjectStore, database: DatabaseSettings, console: Console, *, force: bool) -> Restored:
    """Bring a catalog back; it is there as a whole and as it was, or nothing has changed.

    Args:
        source: the backup.
        database: where the catalog shall be; the database need not exist.
        console: where progress goes.
        force: take the place also of a catalog that is not empty.

    Raises:
        BackupError: there is no backup, or of a later version of this software.
        RestoreError: the backup is damaged, does not fit this server, or what came of it is not what it was.
        MissingProgramError: there is no pg_restore, or no psql, that knows it.
        WorldStratError: the database or the store failed.
    """
    manifest = Manifest.read(source)
    if measured(source, console) != (manifest.size, manifest.checksum):
        raise RestoreError(f"{source.href(DUMP)} is damaged: its size or SHA-256 is not what its manifest says.")
    with replacement(database, force=force) as place:
        with closing(connect(place.settings)) as connection:
            _check(connection, manifest.origin)
        console.print("Restoring.")
        _load(source, manifest, place.settings)
        with closing(connect(place.settings)) as connection, translated(place.settings):
            _finish(connection, manifest.origin, place.settings.database)
            different = list(manifest.contents.differences(Contents.read(connection, console)))
        if different:
            raise RestoreError(f"What came of the backup is not what it was of: {'; '.join(different[:5])}.")
    return Restored(manifest, place.kept)


def _check(connection: psycopg.Connection[Any], origin: Origin) -> None:
    """Find what this server lacks; make pgSTAC's roles, which belong to a server and not to a database.

    Raises:
        RestoreError: an older PostgreSQL, an extension or a role that is missing.
    """
    if (version := server_major(connection)) < origin.postgres:
        raise RestoreError(f"The backup is of PostgreSQL {origin.postgres} and this server is of {version}.")
    offered = {name for (name,) in connection.execute("SELECT name FROM pg_available_extensions")}
    if lacking := sorted(origin.extensions.keys() - offered):
        raise RestoreError(f"This server lacks the extensions {', '.join(lacking)}: install them there.")
    known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    lacking = sorted(set(origin.roles) - known)
    if strange := [role for role in lacking if not _PGSTAC_ROLE.fullmatch(role)]:
        remedy = " ".join(f'CREATE ROLE "{role}";' for role in strange)
        raise RestoreError(f"This server lacks roles that the catalog's objects belong to. Make them: {remedy}")
    for role in lacking:
        name = sql.Identifier(role)
        connection.execute(sql.SQL("CREATE ROLE {}").format(name))
        connection.execute(sql.SQL("GRANT {} TO current_user").format(name))


def _load(source: ObjectStore, manifest: Manifest, database: DatabaseSettings) -> None:
    """Run the dump's statements in one transaction.

    Raises:
        RestoreError: one of them failed.
    """
    version = manifest.origin.postgres
    reader = [str(find_client("pg_restore", version)), "--file=-"]
    writer = [str(find_client("psql", version)), "--no-psqlrc", "--quiet", "--no-password", "--single-transaction"]
    writer += ["--set=ON_ERROR_STOP=1"]
    env = client_env(database, _OPTIONS)
    with Piped(reader, None, fed=True, read=True) as pg_restore, Piped(writer, env, fed=True, read=False) as psql:
        feeding = Thread(target=pg_restore.feed, args=(source.pieces(DUMP),), daemon=True)
        feeding.start()
        psql.feed(_with_path(pg_restore.output()))
        if reason := psql.failed() or pg_restore.failed():
            raise RestoreError(f"The dump could not be restored: {reason}")
        feeding.join()


def _with_path(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a dump's statements with pgSTAC in the search path; that is said before anything else."""
    first = next(pieces, b"")
    yield first.replace(_NO_PATH, _PATH, 1)
    yield from pieces


def _finish(connection: psycopg.Connection[Any], origin: Origin, name: str) -> None:
    """Give the database its settings, and the planner statistics: neither is in a dump."""
    for setting in origin.settings:
        variable, _, value = setting.partition("=")
        # As pg_dump does it: what a list is written as, only the variable itself knows.
        connection.execute("SELECT set_config(%s, %s, false)", (variable, value))
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET {} FROM CURRENT").format(sql.Identifier(name), sql.Identifier(variable))
        )
    connection.execute("SET default_statistics_target = 10")
    connection.execute("ANALYZE")
