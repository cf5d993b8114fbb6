"""PostGIS and pgSTAC in a database, private or not."""

import logging
import time
from importlib import metadata
from typing import Final

import psycopg
from psycopg_pool import ConnectionPool

from catalog.settings import DatabaseSettings
from infra.errors import ServiceError

_LOCK_TIMEOUT: Final = "3s"
"""How long a migration waits for a table, and searches behind it."""
_TRIES: Final = 20
_PAUSE: Final = 2.0
"""Seconds between two tries, in which searches go on."""


def prepare(settings: DatabaseSettings) -> str:
    """Create the PostGIS extension and bring pgSTAC to the version that this project uses; return that version.

    Raises:
        ServiceError: the server does not answer, has no PostGIS, or does not let this role do it.
    """
    wanted = wanted_version()
    where = f"{settings.user}@{settings.host}:{settings.port}/{settings.database}"
    try:
        with psycopg.connect(settings.dsn, connect_timeout=10, autocommit=True) as connection:
            found = _version(connection)
            if found == wanted:
                return wanted
            check_way(found, wanted)
            # A schema of this role's name would come before public, where pgSTAC looks for it.
            connection.execute("create extension if not exists postgis schema public")
        _migrate_when_alone(settings, wanted)
    except psycopg.errors.FeatureNotSupported as error:
        raise ServiceError(
            f"PostgreSQL at {where} has no PostGIS ({_sentence(error)}). "
            "Install it there: `apt-get install postgresql-postgis`."
        ) from error
    except psycopg.Error as error:
        raise ServiceError(f"pgSTAC could not be set up in {where}: {_sentence(error)}") from error
    return wanted


def wanted_version() -> str:
    """Return the version of pgSTAC that this software brings."""
    return metadata.version("pypgstac")


def installed_version(settings: DatabaseSettings) -> str | None:
    """Return the version of pgSTAC in a database, None where there is none.

    Raises:
        psycopg.Error: the server does not answer.
    """
    with psycopg.connect(settings.dsn, connect_timeout=3, autocommit=True) as connection:
        return _version(connection)


def check_way(found: str | None, wanted: str) -> None:
    """Make sure that there is a way from one version of pgSTAC to another; a database without any may have each.

    Raises:
        ServiceError: there is none: the database's is newer, or so old that nobody migrates it.
    """
    if found is None:
        return
    # Half a second that a started stack need not spend.
    from pypgstac.migrate import MigrationPath, migrations_dir  # noqa: PLC0415

    if found == wanted or MigrationPath(migrations_dir, found, wanted).build_path() is not None:
        return
    raise ServiceError(
        f"The database has pgSTAC {found}, and this software brings {wanted}, to which no migration leads. "
        "Where the database's is newer, use the software that migrated it, or a later one."
    )


def _migrate_when_alone(settings: DatabaseSettings, wanted: str) -> None:
    """Migrate in a moment in which nobody holds the tables for long.

    A statement that waits for a table that a backup reads would keep every search waiting behind it.
    """
    for left in reversed(range(_TRIES)):
        try:
            _migrate(settings, wanted)
        except psycopg.errors.LockNotAvailable:
            if not left:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _version(connection: psycopg.Connection) -> str | None:
    known = connection.execute("select to_regclass('pgstac.migrations')").fetchone()
    if known is None or known[0] is None:
        return None
    row = connection.execute(
        "select version from pgstac.migrations order by datetime desc, version desc limit 1"
    ).fetchone()
    return str(row[0]) if row else None


def _migrate(settings: DatabaseSettings, wanted: str) -> None:
    # Imported late: it takes half a second that a started stack need not spend.
    from pypgstac.db import PgstacDB  # noqa: PLC0415
    from pypgstac.migrate import Migrate  # noqa: PLC0415

    logging.getLogger("pypgstac").setLevel(logging.ERROR)
    # Its own pool would never be closed; ours is.
    kwargs = {"options": f"-c lock_timeout={_LOCK_TIMEOUT}"}
    with (
        ConnectionPool(settings.dsn, min_size=1, max_size=1, kwargs=kwargs, open=True) as pool,
        PgstacDB(pool=pool) as database,
    ):
        Migrate(database).run_migration(wanted)


def _sentence(error: psycopg.Error) -> str:
    return " ".join(str(error).split())
