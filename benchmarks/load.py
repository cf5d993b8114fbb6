"""Many requests at a time: what a server can bear, and how long it takes at a part of that."""

import asyncio
from collections.abc import Mapping, Sequence
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
"""Part of a capacity that is asked for while latency is measured."""
LONG = 20.0
"""Seconds of the pace that both servers bear: at a slow pace it takes long to see a hundredth of many."""


@dataclass(frozen=True)
class Load:
    """How a server bears a load."""

    name: str
    """The server."""
    capacity: float
    """Requests a second with `CLIENTS` under way."""
    pace: float
    """Requests a second that were asked for."""
    latencies: tuple[float, ...]
    """Milliseconds from when a request was due to its answer, at that pace."""

    def percentile(self, percent: int) -> float:
        """Return a percentile of the latencies, in milliseconds."""
        return quantiles(self.latencies, n=100)[percent - 1]

    @property
    def tail(self) -> float:
        """The 99th percentile as a multiple of the median."""
        return self.percentile(99) / self.percentile(50)


def run_loads(servers: Mapping[str, Sequence[str]]) -> list[Load]:
    """Load each server (name: urls) alone: as fast as answers come, then at steady paces, whatever comes back.

    The paces are `SHARE` of what the slowest can bear, the same for all, and then `SHARE` of each one's own.
    """
    return asyncio.run(_run_loads(servers))


async def _run_loads(servers: Mapping[str, Sequence[str]]) -> list[Load]:
    # Servers drop a connection that was idle for 5 seconds, as these are while the other side is measured.
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=2)
    async with httpx.AsyncClient(limits=limits, timeout=30) as client:
        capacities = {}
        for name, urls in servers.items():
            await _closed(client, urls, SECONDS / 3)  # connections and caches
            capacities[name] = await _closed(client, urls, SECONDS)
        common = min(capacities.values()) * SHARE
        loads = [Load(n, capacities[n], common, await _open(client, servers[n], common, LONG)) for n in servers]
        for name, capacity in capacities.items():
            if capacity * SHARE > common:
                own = capacity * SHARE
                loads.append(Load(name, capacity, own, await _open(client, servers[name], own, SECONDS)))
        return loads


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


async def _open(client: httpx.AsyncClient, urls: Sequence[str], rate: float, seconds: float) -> tuple[float, ...]:
    turns, start, latencies = cycle(urls), perf_counter(), []

    async def ask(due: float) -> None:
        (await client.get(next(turns))).raise_for_status()
        latencies.append((perf_counter() - due) * 1000)

    async with asyncio.TaskGroup() as tasks:
        for number in range(int(rate * seconds)):
            due = start + number / rate
            await asyncio.sleep(max(0.0, due - perf_counter()))
            tasks.create_task(ask(due))
    return tuple(latencies)
