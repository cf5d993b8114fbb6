"""Many requests at a time: what a server can bear, and how long it takes at a part of that."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from statistics import quantiles
from time import perf_counter

import httpx

SECONDS = 6.0
"""Length of a run."""
CLIENTS = 4
"""Requests under way while capacity is measured."""
SHARE = 0.6
"""Part of the capacity that is asked for while latency is measured."""


@dataclass(frozen=True)
class Load:
    """How a server bears a load."""

    name: str
    """The server."""
    capacity: float
    """Requests a second with `CLIENTS` under way."""
    latencies: tuple[float, ...]
    """Milliseconds from when a request was due to its answer, at `SHARE` of the capacity."""

    def percentile(self, percent: int) -> float:
        """Return a percentile of the latencies, in milliseconds."""
        return quantiles(self.latencies, n=100)[percent - 1]

    @property
    def tail(self) -> float:
        """The 99th percentile as a multiple of the median."""
        return self.percentile(99) / self.percentile(50)


def run_load(name: str, urls: Sequence[str]) -> Load:
    """Ask for urls in turn: first as fast as answers come, then at a steady pace, whatever comes back."""
    return asyncio.run(_run_load(name, urls))


async def _run_load(name: str, urls: Sequence[str]) -> Load:
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(limits=limits, timeout=30) as client:
        await _closed(client, urls, SECONDS / 3)  # connections and caches
        capacity = await _closed(client, urls, SECONDS)
        return Load(name, capacity, await _open(client, urls, capacity * SHARE))


async def _closed(client: httpx.AsyncClient, urls: Sequence[str], seconds: float) -> float:
    turns, end, done = cycle(urls), perf_counter() + seconds, 0

    async def ask() -> None:
        nonlocal done
        while perf_counter() < end:
            (await client.get(next(turns))).raise_for_status()
            done += 1

    start = perf_counter()
    await asyncio.gather(*(ask() for _ in range(CLIENTS)))
    return done / (perf_counter() - start)


async def _open(client: httpx.AsyncClient, urls: Sequence[str], rate: float) -> tuple[float, ...]:
    turns, start, latencies = cycle(urls), perf_counter(), []

    async def ask(due: float) -> None:
        (await client.get(next(turns))).raise_for_status()
        latencies.append((perf_counter() - due) * 1000)

    async with asyncio.TaskGroup() as tasks:
        for number in range(int(rate * SECONDS)):
            due = start + number / rate
            await asyncio.sleep(max(0.0, due - perf_counter()))
            tasks.create_task(ask(due))
    return tuple(latencies)
