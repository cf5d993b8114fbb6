"""A new database that takes the place of the catalog's when it is whole, and not before."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import psycopg
from psycopg import sql

from catalog.connection import CONNECT_TIMEOUT, connect, translated
from catalog.settings import DatabaseSettings
from infra.contents import count_rows
from infra.errors import RestoreError
from ingest.lock import lock_catalog

_MAINTENANCE: Final = "postgres"
"""Database that every server has; none can be renamed by those who are connected to it."""
_TRIES: Final = 20
"""Tries to be alone with a database: clients that are sent away come back."""
_SEND_AWAY: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
)
_TELLING: Final = ("pgstac.collections", "pgstac.items", "pgstac.searches")
"""Tables of pgSTAC that only a catalog in use has rows in."""
_BOOKKEEPING: Final = frozenset({"worldstrat.migrations"})


@contextmanager
def replacement(settings: DatabaseSettings, *, force: bool) -> Iterator["Replacement"]:
    """Make an empty database, and where the block ends well give it the catalog's name.

    The database that had the name before is dropped where it was empty, else kept under another name. Whoever is
    connected to it is sent away for the moment of the change. Where the block fails, nothing has changed.

    Args:
        settings: of the catalog's database, which need not exist; the role must be allowed to make databases.
        force: take the place also of a catalog that is not empty.

    Raises:
        RestoreError: the catalog is not empty, or could not be replaced.
        StateError: an ingest is writing it.
        DatabaseError: the server does not answer, or does not let this role do it.
    """
    with translated(settings), closing(_administrate(settings)) as server:
        exists = _exists(server, settings.database)
        if exists:
            empty = _is_empty(settings)
            if not empty and not force:
                raise RestoreError(
                    f"The database {settings.database!r} holds a catalog. --force takes its place; it is then kept "
                    "under another name."
                )
        fresh = f"{settings.database[:40]}_new_{uuid4().hex[:8]}"
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(fresh)))
        made = Replacement(settings.model_copy(update={"database": fresh}))
        try:
            yield made
            if exists:
                made.kept = _swap(server, settings.database, fresh)
            else:
                server.execute(_rename(fresh, settings.database))
        except BaseException:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(fresh)))
            raise
        if made.kept is not None and empty:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(made.kept)))
            made.kept = None


class Replacement:
    """The database that is being filled."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings
        """How to reach it until it has the catalog's name."""
        self.kept: str | None = None
        """Name of the catalog that it took the place of, once it has; None where there was none."""


def _administrate(settings: DatabaseSettings) -> psycopg.Connection[Any]:
    elsewhere = settings.model_copy(update={"database": _MAINTENANCE})
    return psycopg.connect(
        elsewhere.dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT, application_name="worldstrat"
    )


def _exists(server: psycopg.Connection[Any], database: str) -> bool:
    return server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone() is not None


def _is_empty(settings: DatabaseSettings) -> bool:
    """Tell whether a database holds nothing that would be missed, once nobody writes it."""
    with closing(connect(settings)) as connection:
        lock_catalog(connection)
        rows = count_rows(connection)
    return not any(
        rows[table]
        for table in rows
        if table in _TELLING or (not table.startswith("pgstac.") and table not in _BOOKKEEPING)
    )


def _swap(server: psycopg.Connection[Any], database: str, fresh: str) -> str:
    """Rename both in one transaction, alone with the old one; return what that is called now."""
    kept = f"{database[:40]}_before_{datetime.now(UTC):%Y%m%dT%H%M%S}"
    _let_in(server, database, allowed=False)
    try:
        _rename_both(server, database, fresh, kept)
    except BaseException:
        _let_in(server, database, allowed=True)
        raise
    _let_in(server, kept, allowed=True)
    return kept


def _rename_both(server: psycopg.Connection[Any], database: str, fresh: str, kept: str) -> None:
    for left in reversed(range(_TRIES)):
        server.execute(_SEND_AWAY, (database,))
        try:
            with server.transaction():
                server.execute(_rename(database, kept))
                server.execute(_rename(fresh, database))
        except psycopg.errors.ObjectInUse:
            # Ended only a moment after it was told to.
            if not left:
                raise
        else:
            return


def _let_in(server: psycopg.Connection[Any], database: str, *, allowed: bool) -> None:
    server.execute(
        sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}").format(sql.Identifier(database), sql.Literal(allowed))
    )


def _rename(database: str, name: str) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(database), sql.Identifier(name))
