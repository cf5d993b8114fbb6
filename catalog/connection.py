"""A connection to the catalog's database, and its errors in our words: no more, so that it is quick to import."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg

from catalog.errors import DatabaseError
from catalog.settings import DatabaseSettings

CONNECT_TIMEOUT = 5
"""Seconds before a silent server counts as absent."""


def connect(settings: DatabaseSettings) -> psycopg.Connection[tuple[Any, ...]]:
    """Return a connection that commits each statement and finds pgSTAC's functions.

    Raises:
        DatabaseError: no server answers, or it refuses.
    """
    with translated(settings):
        return psycopg.connect(
            settings.dsn,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT,
            options="-c search_path=pgstac,public",
            application_name="worldstrat",
        )


@contextmanager
def frozen(connection: psycopg.Connection[Any]) -> Iterator[datetime]:
    """See the database as it is now, whatever is written meanwhile, and write nothing; yield the moment."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT now()").fetchone()
        if row is None:
            raise AssertionError("there is always a now")
        yield row[0]


@contextmanager
def translated(settings: DatabaseSettings) -> Iterator[None]:
    """Turn PostgreSQL's errors into one of ours that names the server."""
    try:
        yield
    except psycopg.OperationalError as error:
        where, reason = f"{settings.host}:{settings.port}/{settings.database}", str(error).strip().splitlines()[0]
        raise DatabaseError(f"PostgreSQL at {where} does not answer ({reason}). Is it up?") from error
    except psycopg.errors.UndefinedTable as error:
        raise DatabaseError(
            f"The database {settings.database!r} has no pgSTAC. `worldstrat up` puts it there, also on a "
            "server that PGHOST names; `pypgstac migrate` does it by hand."
        ) from error
    except psycopg.Error as error:
        raise DatabaseError(f"PostgreSQL refused: {str(error).strip().splitlines()[0]}") from error
