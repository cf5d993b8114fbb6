"""`/healthz` (the process runs) and `/readyz` (both ways to the database, its schema, and the store, answer)."""

import asyncio
import logging
import platform
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import obstore
import rasterio
from fastapi import APIRouter
from obstore.store import LocalStore
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse

from server.errors import RETRY_AFTER, DatabaseUnavailableError
from server.pgstac_version import misfit
from superres.model import default_model

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from catalog.objects import ObjectStore

logger = logging.getLogger(__name__)

CHECK_TIMEOUT = 3.0
"""Seconds that each of the checks may take; they run side by side."""
PACKAGES = ("stac-fastapi.pgstac", "titiler.core", "titiler.pgstac", "rio-tiler", "rasterio")

health_router = APIRouter(tags=["Health"])


class NotReadyError(Exception):
    """A part does not answer as it should; the message may be shown to anybody."""


@health_router.get("/healthz", summary="Is the process up?")
async def healthz(request: Request) -> dict[str, Any]:
    """Say that the process answers, and of what versions it is made. Asks nobody else.

    `pgstac` is the version that the database had when it was last asked whether it is ready.
    """
    return {"status": "ok", "versions": versions(getattr(request.app.state, "pgstac", None))}


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

    `database` is asked as a search asks it, and for the version of its schema; `tiles` is the same database as the
    raster endpoints reach it.
    """
    checks = {"database": _database, "tiles": _tiles, "store": _store}
    results = await asyncio.gather(*(_checked(name, check, request) for name, check in checks.items()))
    problems = {name: result for name, result in zip(checks, results, strict=True) if result is not None}
    parts = {name: problems.get(name, "ok") for name in checks}
    if not problems:
        return JSONResponse({"status": "ok", **parts})
    return JSONResponse({"status": "unavailable", **parts}, 503, {"Retry-After": RETRY_AFTER})


def versions(pgstac: str | None = None) -> dict[str, str]:
    """Return the versions that a bug report needs.

    Args:
        pgstac: that of the database's schema, where it is known.
    """
    model = default_model()
    return {
        "worldstrat": version("worldstrat"),
        "python": platform.python_version(),
        **({"pgstac": pgstac} if pgstac else {}),
        "gdal": rasterio.__gdal_version__,
        "proj": rasterio.__proj_version__,
        "model": f"{model.id} {model.version}",
        **{package: version(package) for package in PACKAGES},
    }


async def _checked(name: str, check: Callable[[Request], Awaitable[None]], request: Request) -> str | None:
    """Return None where the check passes, else why not in words that tell a stranger nothing of our insides."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await check(request)
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT:g} s"
    except (NotReadyError, DatabaseUnavailableError) as error:
        return str(error)
    except PoolTimeout:
        return "no free connection"
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the answer is "not ready"
        logger.warning("Not ready: %s: %s: %s", name, type(error).__name__, error)
        return "does not answer"
    return None


async def _database(request: Request) -> None:
    async with request.app.state.get_connection(request, "r") as connection:
        found = await connection.fetchval("SELECT pgstac.get_version()")
    request.app.state.pgstac = found
    if (reason := misfit(found)) is not None:
        raise NotReadyError(reason)


async def _tiles(request: Request) -> None:
    pool: ConnectionPool = request.app.state.dbpool
    # Not in the threads that requests use: while all of those wait for the database, this has to say so.
    await asyncio.to_thread(_connect, pool)


def _connect(pool: "ConnectionPool") -> None:
    # A little less than the check as a whole, so that its own words are told.
    with pool.connection(timeout=CHECK_TIMEOUT - 0.5) as connection:
        connection.execute("SELECT 1")


async def _store(request: Request) -> None:
    store: ObjectStore = request.app.state.store
    # A folder that is gone would list as empty.
    if isinstance(store.raw, LocalStore) and (store.raw.prefix is None or not store.raw.prefix.is_dir()):
        raise NotReadyError("the folder of the object store is gone")
    await obstore.list_with_delimiter_async(store.raw)
