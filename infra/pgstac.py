"""PostGIS and pgSTAC in a database, private or not."""

import logging
from importlib import metadata

import psycopg
from psycopg_pool import ConnectionPool

from catalog.settings import DatabaseSettings
from infra.errors import ServiceError


def prepare(settings: DatabaseSettings) -> str:
    """Create the PostGIS extension and bring pgSTAC to the version that this project uses; return that version.

    Raises:
        ServiceError: the server does not answer, has no PostGIS, or does not let this role do it.
    """
    wanted = metadata.version("pypgstac")
    where = f"{settings.user}@{settings.host}:{settings.port}/{settings.database}"
    try:
        with psycopg.connect(settings.dsn, connect_timeout=10, autocommit=True) as connection:
            if _version(connection) == wanted:
                return wanted
            connection.execute("create extension if not exists postgis")
        _migrate(settings)
    except psycopg.errors.FeatureNotSupported as error:
        raise ServiceError(
            f"PostgreSQL at {where} has no PostGIS ({_sentence(error)}). "
            "Install it there: `apt-get install postgresql-postgis`."
        ) from error
    except psycopg.Error as error:
        raise ServiceError(f"pgSTAC could not be set up in {where}: {_sentence(error)}") from error
    return wanted


def installed_version(settings: DatabaseSettings) -> str | None:
    """Return the version of pgSTAC in a database, None where there is none.

    Raises:
        psycopg.Error: the server does not answer.
    """
    with psycopg.connect(settings.dsn, connect_timeout=3, autocommit=True) as connection:
        return _version(connection)


def _version(connection: psycopg.Connection) -> str | None:
    known = connection.execute("select to_regclass('pgstac.migrations')").fetchone()
    if known is None or known[0] is None:
        return None
    row = connection.execute(
        "select version from pgstac.migrations order by datetime desc, version desc limit 1"
    ).fetchone()
    return str(row[0]) if row else None


def _migrate(settings: DatabaseSettings) -> None:
    # Imported late: it takes half a second that a started stack need not spend.
    from pypgstac.db import PgstacDB  # noqa: PLC0415
    from pypgstac.migrate import Migrate  # noqa: PLC0415

    logging.getLogger("pypgstac").setLevel(logging.ERROR)
    # Its own pool would never be closed; ours is.
    with ConnectionPool(settings.dsn, min_size=1, max_size=1, open=True) as pool, PgstacDB(pool=pool) as database:
        Migrate(database).run_migration()


def _sentence(error: psycopg.Error) -> str:
    return " ".join(str(error).split())
