"""What the server holds open while it runs: two database pools and the object store."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, Literal

import asyncpg
import psycopg
from fastapi import FastAPI
from psycopg_pool import ConnectionPool
from stac_fastapi.pgstac.db import con_init, translate_pgstac_errors
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from catalog.memory import give_back
from catalog.settings import DatabaseSettings
from server.errors import DatabaseUnavailableError
from server.observe.gauges import watching
from server.observe.metrics import POOL_SECONDS
from server.observe.traces import start_tracing
from server.pgstac_version import misfit
from server.settings import ServerSettings
from server.store import ServedStore, of_requests

SEARCH_PATH = "pgstac,public"
CONNECT_TIMEOUT = 5
"""Seconds to wait for PostgreSQL to accept a connection."""
RECONNECT_TIMEOUT = 2.0
"""Seconds after which the tiles' pool starts its tries to connect anew, and so never waits longer between two."""
CHECK_SECONDS = 2.0
"""Seconds within which a connection answers that it is alive, or is replaced."""
GRACE_SECONDS = 2.0
"""Seconds that a statement may take longer than PostgreSQL allows it: after that nobody is there to stop it."""
TRIM_SECONDS = 20.0
"""How often it is looked whether much memory lies free."""
MOST_FREE = 128 << 20
"""Bytes that may lie free between what is in use."""
_INTERVAL = 0.1  # seconds after which a wait looks whether it was interrupted, as psycopg has it

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def build_lifespan(settings: ServerSettings) -> Lifespan:
    """Return the application's lifespan.

    A mounted application's own lifespan never runs, so this one opens what every room needs: `app.state.readpool`
    and `get_connection` (asyncpg) for stac-fastapi-pgstac, `dbpool` (psycopg) for titiler-pgstac, and `store`.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        start_tracing()
        async with search_pool(settings) as readpool, tile_pool(settings) as dbpool:
            app.state.readpool = readpool
            app.state.get_connection = connection_getter(settings.pool_timeout)
            app.state.dbpool = dbpool
            app.state.store = ServedStore.open(settings.store, of_requests(settings.store_timeout))
            async with watching(app), giving_back():
                yield

    return lifespan


@asynccontextmanager
async def giving_back() -> AsyncIterator[None]:
    """Give free memory back from time to time: what the largest requests took would else stay with the process."""

    async def go_on() -> None:
        while True:
            await asyncio.sleep(TRIM_SECONDS)
            await asyncio.to_thread(give_back, MOST_FREE)

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()


@asynccontextmanager
async def search_pool(settings: ServerSettings) -> AsyncIterator[Any]:
    """Open the asyncpg pool of the STAC API.

    It connects when it is asked for a connection: a process that starts while PostgreSQL is away, in the place of one
    that died, would else end the whole server.
    """
    async with asyncpg.create_pool(
        settings.database.dsn,
        min_size=0,
        max_size=settings.pool_size,
        timeout=CONNECT_TIMEOUT,
        command_timeout=settings.statement_timeout + GRACE_SECONDS,
        init=con_init,
        server_settings={
            "search_path": SEARCH_PATH,
            "application_name": "worldstrat-search",
            # Else pgSTAC keeps every search and its count for ever, and a GET would write. Its searches
            # read this from the session alone, not from a search's `conf`.
            "pgstac.readonly": "true",
            "statement_timeout": _milliseconds(settings.statement_timeout),
        },
    ) as pool:
        yield pool


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is given up where PostgreSQL, or the network before it, stands still.

    PostgreSQL's own limit of a statement is of no use then; without this one a thread would wait for ever.
    """

    patience: float | None = None
    """Seconds that anything may take."""

    def wait(self, gen: Any, interval: float = _INTERVAL, timeout: float | None = None) -> Any:
        """Do what psycopg does, no longer than patience allows."""
        return super().wait(gen, interval, self.patience if timeout is None else timeout)

    @contextmanager
    def waiting(self, seconds: float) -> Iterator[None]:
        """Have another patience for the time of a block."""
        usual, self.patience = self.patience, seconds
        try:
            yield
        finally:
            self.patience = usual


@asynccontextmanager
async def tile_pool(settings: ServerSettings) -> AsyncIterator[ConnectionPool[Any]]:
    """Open the psycopg pool of the tile endpoints, which run in threads; it does not wait for PostgreSQL either."""

    class Connection(BoundedConnection):
        """A connection with the patience of these settings."""

        patience = settings.statement_timeout + GRACE_SECONDS

    def check(connection: BoundedConnection) -> None:
        """Let a connection that died with a restarted database be replaced before a request meets it."""
        try:
            with connection.waiting(CHECK_SECONDS):
                ConnectionPool.check_connection(connection)
        except psycopg.Error:
            if connection.closed:
                # The others died with it. One by one, with the pool's pauses between, a request would run out of time.
                pool.check()
            raise

    options = f"-c search_path={SEARCH_PATH} -c statement_timeout={_milliseconds(settings.statement_timeout)}"
    pool = ConnectionPool(
        settings.database.dsn,
        connection_class=Connection,
        min_size=1,
        max_size=settings.pool_size,
        timeout=settings.pool_timeout,
        kwargs={"options": options, "application_name": "worldstrat-tiles", "connect_timeout": CONNECT_TIMEOUT},
        check=check,
        # By default the waits between two tries double for five minutes: a database that is back would not be noticed.
        reconnect_timeout=RECONNECT_TIMEOUT,
        reconnect_failed=ConnectionPool.check,
        open=False,
    )
    try:
        await run_in_threadpool(pool.open)
        yield pool
    finally:
        await run_in_threadpool(pool.close)


def connection_getter(timeout: float) -> Callable[..., AbstractAsyncContextManager[Any]]:
    """Return what stac-fastapi-pgstac calls for a connection: it waits at most `timeout` seconds.

    Raises (when used):
        DatabaseUnavailableError: PostgreSQL is gone, or no connection became free in time.
    """

    @asynccontextmanager
    async def get_connection(request: Request, _: Literal["r", "w"] = "r") -> AsyncIterator[Any]:
        begin = time.perf_counter()
        try:
            async with request.app.state.readpool.acquire(timeout=timeout) as connection:
                POOL_SECONDS.observe(time.perf_counter() - begin)
                with translate_pgstac_errors(), _told_slow():
                    yield connection
        except TimeoutError as error:
            msg = f"The database had no free connection for {timeout:g} s. Try again in a moment."
            raise DatabaseUnavailableError(msg) from error
        except (OSError, *_CONNECTION_LOST) as error:
            msg = "The database does not answer. Try again in a moment."
            raise DatabaseUnavailableError(msg) from error

    return get_connection


@contextmanager
def _told_slow() -> Iterator[None]:
    """Tell a statement without an answer from a connection that nobody had: both are a TimeoutError."""
    try:
        yield
    except TimeoutError as error:
        raise DatabaseUnavailableError("The database does not answer. Try again in a moment.") from error


# 08xxx, 57P01..57P03, 53300, and asyncpg's own words for a connection that closed, or is about to, under it.
_CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


def check_database(database: DatabaseSettings) -> str:
    """Return the version of pgSTAC in the database.

    Raises:
        DatabaseUnavailableError: PostgreSQL does not answer, or holds no pgSTAC that this server knows.
    """
    try:
        with psycopg.connect(database.dsn, connect_timeout=CONNECT_TIMEOUT) as connection:
            row = connection.execute("SELECT pgstac.get_version()").fetchone()
    except psycopg.errors.InvalidSchemaName as error:
        msg = f"The database {_name(database)} has no pgSTAC. `worldstrat up` migrates one."
        raise DatabaseUnavailableError(msg) from error
    except psycopg.Error as error:
        raise _unavailable(database, error) from error
    found = str(row[0]) if row else None
    if (reason := misfit(found)) is not None:
        raise DatabaseUnavailableError(f"The database {_name(database)} is of another version: {reason}.")
    return found or "unknown"


def _unavailable(database: DatabaseSettings, error: Exception) -> DatabaseUnavailableError:
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    return DatabaseUnavailableError(f"Cannot reach the database {_name(database)}: {reason}. Is PostgreSQL up?")


def _name(database: DatabaseSettings) -> str:
    return f"{database.database} at {database.host}:{database.port}"


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
