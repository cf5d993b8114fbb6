"""What is done to a stack while it answers: each fault lasts a while, and ends by itself."""

import os
import random
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import httpx
from soak_proxy import LOOPBACK, Weather
from soak_stack import Stack

from catalog.constants import COLLECTION_L2A
from catalog.keys import ObjectKey
from infra.databases import database_env
from infra.stores import store_env

HANGERS = 100
"""Clients that hang up."""
BURST = 400
"""Requests of one client at once."""
STRANGER = "203.0.113.7"
"""The address that this client claims to have, of a range for examples."""
_INGEST_SECONDS = 120


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    """What it is, in words."""
    inflict: Callable[[Stack, random.Random], AbstractContextManager[object]]
    """Begins it; ends it when the block ends."""
    seconds: float = 0.0
    """How long it lasts."""
    cuts: bool = False
    """Whether answers under way may end in the middle: the process that made them is gone."""
    recovery: float = 10.0
    """Seconds after its end within which every answer is right again."""


def _weather(weather: Weather) -> Callable[[Stack, random.Random], AbstractContextManager[object]]:
    return lambda stack, _: stack.proxy.having(weather)


@contextmanager
def _restart(stack: Stack, _: random.Random) -> Iterator[None]:
    stack.database.restart()
    yield


@contextmanager
def _kill_worker(stack: Stack, _: random.Random) -> Iterator[None]:
    stack.server.kill_worker()
    yield


@contextmanager
def _drop_caches(stack: Stack, _: random.Random) -> Iterator[None]:
    for meta in stack.objects.list("cache"):
        stack.objects.delete(meta.key)
    yield


@contextmanager
def corrupt(stack: Stack, chance: random.Random) -> Iterator[str]:
    """Have an object of the store hold another byte than it did; yield its key."""
    store = stack.objects
    keys = [meta.key for meta in store.list(COLLECTION_L2A) if meta.key.endswith("_data.tif")]
    asked = [key for key in keys if (parsed := ObjectKey.parse(key)) and not parsed.file.startswith(stack.spare)]
    key = chance.choice(sorted(asked))
    whole = store.get(key)
    place = chance.randrange(len(whole) // 2, len(whole))
    store.put(key, whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :], "image/tiff")
    try:
        yield key
    finally:
        store.put_verified(key, whole, "image/tiff")


@contextmanager
def full_disk(stack: Stack, _: random.Random) -> Iterator[None]:
    """Let no process of the web server write to a file, log files included."""
    pids = stack.server.worker_pids()
    before = [_file_limit(pid, 0) for pid in pids]
    try:
        yield
    finally:
        for pid, limit in zip(pids, before, strict=True):
            _file_limit(pid, limit)


@contextmanager
def _ingest(stack: Stack, _: random.Random) -> Iterator[None]:
    database, store = database_env(stack.database.cluster.settings), store_env(stack.store)
    command = ["nice", sys.executable, "-m", "infra.cli", "ingest", str(stack.dataset), "--force"]
    command += ["--only", stack.spare, "--workers", "1", "--json"]
    subprocess.run(command, env=os.environ | database | store, check=True, capture_output=True, timeout=_INGEST_SECONDS)
    yield


@contextmanager
def _hang_up(stack: Stack, _: random.Random) -> Iterator[None]:
    items = httpx.get(f"{stack.server.url}/stac/search?limit=20").json()["features"]
    for number in range(HANGERS):
        item = items[number % len(items)]
        path = f"/raster/collections/{item['collection']}/items/{item['id']}/preview.png?hung={number}"
        with socket.create_connection((LOOPBACK, stack.server.port), timeout=5) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\n\r\n".encode())
        time.sleep(0.02)
    yield


@contextmanager
def _burst(stack: Stack, _: random.Random) -> Iterator[None]:
    with httpx.Client(base_url=stack.server.url, headers={"X-Forwarded-For": STRANGER}, timeout=30) as client:
        statuses = {client.get("/stac/collections").status_code for _number in range(BURST)}
    if httpx.codes.TOO_MANY_REQUESTS not in statuses:
        raise AssertionError(f"a burst of {BURST} requests was answered {statuses}, and never refused")
    yield


FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("PostgreSQL restarted", _restart),
        Fault("PostgreSQL stopped for 5 s", lambda stack, _: stack.database.away(), 5),
        Fault("PostgreSQL frozen for 5 s", lambda stack, _: stack.database.frozen(), 5),
        Fault("S3 takes 2 s a request, for 15 s", _weather(Weather(delay=2)), 15),
        Fault("S3 silent for 15 s", _weather(Weather(silent=True)), 15),
        Fault("S3 away for 5 s", _weather(Weather(away=True)), 5),
        Fault("S3 answers 500 for 10 s", _weather(Weather(status=500)), 10),
        Fault("S3 answers 503 for 10 s", _weather(Weather(status=503)), 10),
        Fault("S3 cuts bodies off for 10 s", _weather(Weather(damage="cut")), 10, cuts=True),
        Fault("a web worker killed", _kill_worker, cuts=True),
        Fault("kept super-resolution dropped", _drop_caches),
        Fault("an object corrupt for 15 s, then mended", corrupt, 15),
        Fault("the web server's disk full for 10 s", full_disk, 10),
        Fault("a place ingested again", _ingest),
        Fault(f"{HANGERS} clients hang up", _hang_up),
        Fault(f"{BURST} requests of one client at once", _burst),
    )
}
"""All faults by name."""


def in_turn(seed: int) -> Iterator[Fault]:
    """Yield faults for ever: all of them in a seeded order, then all in another."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    while True:
        yield from chance.sample(list(FAULTS.values()), len(FAULTS))


def _file_limit(pid: int, most: int) -> int:
    """Set how many bytes a file may have that a process writes; return what it was."""
    try:
        before, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, hard))
    except ProcessLookupError:
        return resource.RLIM_INFINITY
    return before
