"""`/healthz` (the process runs), `/readyz` (both ways to the database, and the store, answer), and `/metrics`."""

import asyncio
import platform
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import obstore
from fastapi import APIRouter
from obstore.store import LocalStore
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse

from server.errors import RETRY_AFTER

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from catalog.objects import ObjectStore

CHECK_TIMEOUT = 3.0
"""Seconds that each of the checks may take; they run side by side."""
PACKAGES = ("stac-fastapi.pgstac", "titiler.pgstac", "rio-tiler", "rasterio")

health_router = APIRouter(tags=["Health"])


@health_router.get("/healthz", summary="Is the process up?")
async def healthz() -> dict[str, Any]:
    """Say that the process answers, and of what versions it is made. Asks nobody else."""
    return {"status": "ok", "versions": versions()}


@health_router.get(
    "/readyz",
    summary="Can requests be served?",
    responses={
        503: {
            "description": "The database or the object store does not answer; the body names which.",
            "content": {"application/json": {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}},
        }
    },
)
async def readyz(request: Request) -> JSONResponse:
    """Say whether the database and the object store answer, each within 3 seconds.

    `database` is asked as a search asks it, `tiles` is the same database as the raster endpoints reach it.
    """
    checks = {"database": _database, "tiles": _tiles, "store": _store}
    results = await asyncio.gather(*(_checked(check, request) for check in checks.values()))
    problems = {name: result for name, result in zip(checks, results, strict=True) if result is not None}
    parts = {name: problems.get(name, "ok") for name in checks}
    if not problems:
        return JSONResponse({"status": "ok", **parts})
    return JSONResponse({"status": "unavailable", **parts}, 503, {"Retry-After": RETRY_AFTER})


@health_router.get("/metrics", summary="Counters for Prometheus", response_class=PlainTextResponse)
async def metrics() -> PlainTextResponse:
    """Count what this process did, in the text format of Prometheus."""
    return PlainTextResponse(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def versions() -> dict[str, str]:
    """Return the versions that a bug report needs."""
    return {
        "worldstrat": version("worldstrat"),
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


async def _checked(check: Callable[[Request], Awaitable[None]], request: Request) -> str | None:
    """Return None where the check passes, else why not in a few words."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await check(request)
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT:g} s"
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the answer is "not ready"
        return str(error).split("\n")[0][:200] or type(error).__name__
    return None


async def _database(request: Request) -> None:
    async with request.app.state.get_connection(request, "r") as connection:
        await connection.fetchval("SELECT pgstac.get_version()")


async def _tiles(request: Request) -> None:
    pool: ConnectionPool = request.app.state.dbpool
    # Not in the threads that requests use: while all of those wait for the database, this has to say so.
    await asyncio.to_thread(_connect, pool)


def _connect(pool: "ConnectionPool") -> None:
    # A little less than the check as a whole, so that its own words are told.
    with pool.connection(timeout=CHECK_TIMEOUT - 0.5) as connection:
        connection.execute("SELECT pgstac.get_version()")


async def _store(request: Request) -> None:
    store: ObjectStore = request.app.state.store
    # A folder that is gone would list as empty.
    if isinstance(store.raw, LocalStore) and (store.raw.prefix is None or not store.raw.prefix.is_dir()):
        msg = "the folder of the object store is gone"
        raise FileNotFoundError(msg)
    await obstore.list_with_delimiter_async(store.raw)
