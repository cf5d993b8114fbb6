"""How full everything is: looked at every few seconds and when Prometheus asks, since nothing tells by itself."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from server.observe.metrics import CACHE_BYTES, INFO, POOL, POOL_WAITING, TURNS

SECONDS = 5.0
"""How often it is looked; a process that another one answers for is at most as old."""


@asynccontextmanager
async def watching(app: FastAPI) -> AsyncIterator[None]:
    """Look from time to time."""
    INFO.labels(version("worldstrat")).set(1)
    look(app)
    task = asyncio.create_task(_keep_looking(app))
    try:
        yield
    finally:
        task.cancel()


def look(app: FastAPI) -> None:
    """Set the gauges."""
    for pool, state, count in _connections(app):
        POOL.labels(pool, state).set(count)
    POOL_WAITING.labels("tiles").set(app.state.dbpool.get_stats().get("requests_waiting", 0))
    for name, cache in _caches(app):
        CACHE_BYTES.labels(name).set(cache.weight)
    for kind, turnstile in app.state.turnstiles.items():
        TURNS.labels(kind, "working").set(turnstile.working)
        TURNS.labels(kind, "waiting").set(turnstile.waiting)


async def _keep_looking(app: FastAPI) -> None:
    while True:
        await asyncio.sleep(SECONDS)
        look(app)


def _connections(app: FastAPI) -> Iterator[tuple[str, str, int]]:
    search = app.state.readpool
    yield "search", "idle", search.get_idle_size()
    yield "search", "used", search.get_size() - search.get_idle_size()
    stats = app.state.dbpool.get_stats()
    yield "tiles", "idle", stats.get("pool_available", 0)
    yield "tiles", "used", stats.get("pool_size", 0) - stats.get("pool_available", 0)


def _caches(app: FastAPI) -> Iterator[tuple[str, Any]]:
    yield from app.state.raster.caches().items()
    yield "composites", app.state.places.composites
    yield from app.state.superresolution.items.caches().items()
