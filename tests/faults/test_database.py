"""PostgreSQL restarted, away, frozen: what clients see, and how soon it is over."""

import asyncio
import time
from typing import Any

import asyncpg
import httpx
import psycopg
import pytest

from catalog.settings import StoreSettings
from server.lifespan import search_pool, tile_pool
from server.settings import ServerSettings


def test_a_restarted_database_costs_no_wrong_answer_and_is_noticed_at_once(stack: Any, load: Any) -> None:
    with load() as seen:
        stack.database.restart()
        seen.recovery()
        stack.database.restart()  # connections that were just opened die, too
        seen.recovery()
    assert seen.bad() == []


@pytest.mark.parametrize("seconds", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_database_that_is_away_is_a_clear_503_and_warm_tiles_go_on(
    stack: Any, load: Any, ask: httpx.Client, seconds: float
) -> None:
    with load() as seen:
        time.sleep(1)
        with stack.database.away():
            ready = ask.get("/readyz")
            search = ask.get("/stac/search")
            time.sleep(seconds)
        seen.recovery()
    assert seen.bad() == []
    assert 503 in seen.statuses("search")
    assert 200 in seen.statuses("tile, warm")
    assert seen.slow(15) == []
    assert (ready.status_code, ready.json()["store"]) == (503, "ok")
    assert search.status_code == 503
    assert "database" in search.json()["description"]
    assert int(search.headers["retry-after"]) > 0


def test_a_database_that_stands_still_for_a_moment_costs_time_only_or_a_clear_503(stack: Any, load: Any) -> None:
    with load() as seen, stack.database.frozen():
        time.sleep(3)
        begun = time.monotonic()
    with load() as after:
        after.recovery()
    assert time.monotonic() - begun < 30
    assert seen.bad() == []


def test_a_statement_that_gets_no_answer_is_given_up_by_both_pools(stack: Any) -> None:
    """A thread would else wait for ever: PostgreSQL's own limit of a statement is of no use where it stands still."""
    settings = ServerSettings(
        database=stack.database.cluster.settings,
        store=StoreSettings(url="file:///tmp"),
        statement_timeout=0.5,
        pool_timeout=1,
    )

    async def wait() -> None:
        async with search_pool(settings) as searches, tile_pool(settings) as tiles:
            with stack.database.frozen():
                with pytest.raises(TimeoutError):
                    await searches.fetchval("SELECT 1")
                with pytest.raises(psycopg.OperationalError):
                    await asyncio.to_thread(_ask, tiles)
            await searches.fetchval("SELECT 1")
            assert await asyncio.to_thread(_ask, tiles) == (1,)

    begun = time.monotonic()
    asyncio.run(wait())
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DiskFullError("no space left on device"),
        asyncpg.OutOfMemoryError("out of memory"),
        asyncpg.PostgresIOError("could not read block 7"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        psycopg.errors.DiskFull("no space left on device"),
        psycopg.errors.IoError("could not read block 7"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_database_lacks_is_503_and_not_told_to_strangers(serve: Any, error: Exception) -> None:
    answer = serve(error)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "database" in answer.json()["description"]
    assert str(error) not in answer.text


@pytest.fixture
def serve() -> Any:
    """Answer a request whose handler raises."""
    from fastapi import FastAPI  # noqa: PLC0415 - here alone
    from starlette.testclient import TestClient  # noqa: PLC0415

    from server.errors import add_error_handlers  # noqa: PLC0415

    def answer(error: Exception) -> httpx.Response:
        app = FastAPI()
        add_error_handlers(app)

        @app.get("/")
        def broken() -> None:
            raise error

        return TestClient(app, raise_server_exceptions=False).get("/")

    return answer


def _ask(pool: Any) -> Any:
    with pool.connection() as connection:
        return connection.execute("SELECT 1").fetchone()
