"""A stack of its own whose parts can be taken away, and a light load whose every answer is judged."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from rich.console import Console

from infra.pgstac import prepare
from infra.ports import free_port
from infra.postgres import PostgresCluster
from infra.radosgw import Radosgw
from ingest.run import Options, ingest

# The soak drives the same stack; its parts are scripts, not a package.
sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

from soak_load import Answer, Asker, Log, drive, mixed
from soak_proxy import Proxy
from soak_questions import Oracle, Verdict, list_questions
from soak_server import WebServer
from soak_stack import SMALL_CACHES, Database, Stack, proxied

RATE = 20.0
"""Requests a second."""
STORE_SECONDS = 3.0
POOL_SECONDS = 2.0
PLACES = 2
SOON = 10.0
"""Seconds within which all is right again after any fault. On a machine that does nothing else it takes one or two."""
CALM = 0.7
"""Seconds of nothing but right answers after which a stack has recovered."""
GOOD = {Verdict.RIGHT, Verdict.CLEAR}


@dataclass
class Seen:
    """What a load was answered so far."""

    log: Log

    def answers(self, kind: str = "") -> list[Answer]:
        """Return the answers to questions of a kind, or all."""
        return [answer for answer in list(self.log.answers) if answer.kind.startswith(kind)]

    def statuses(self, kind: str = "") -> set[int]:
        """Return their statuses."""
        return {answer.status for answer in self.answers(kind)}

    def bad(self) -> list[Answer]:
        """Return what no client should see: wrong pixels, unclear errors, answers that never came."""
        return [answer for answer in self.answers() if answer.verdict not in GOOD]

    def slow(self, seconds: float) -> list[Answer]:
        """Return answers that took longer."""
        return [answer for answer in self.answers() if answer.ended - answer.due > seconds]

    def recovery(self, most: float = SOON) -> float:
        """Wait until all is right again; return the seconds from now to the last answer that was not."""
        begun = time.monotonic()
        while time.monotonic() < begun + most + CALM:
            since = [answer for answer in self.answers() if answer.due >= begun]
            last = max((answer.ended for answer in since if answer.verdict is not Verdict.RIGHT), default=begun)
            if time.monotonic() > last + CALM and any(answer.due > last for answer in since):
                print(f"recovered after {last - begun:.2f} s")  # noqa: T201 - pytest -s shows it
                return last - begun
            time.sleep(0.05)
        raise AssertionError(f"not recovered after {most:g} s: {since[-1] if since else 'no answers'}")


@contextmanager
def loading(stack: Stack, oracle: Oracle, rate: float = RATE) -> Iterator[Seen]:
    """Ask the stack's server at a steady pace for the time of a block."""
    seen, end = Seen(Log()), threading.Event()

    async def ask() -> None:
        asker = Asker(stack.server.url, oracle, seen.log)
        await drive(asker, mixed(oracle, 1), rate, end.is_set, seen.log)
        await asker.close()

    thread = threading.Thread(target=asyncio.run, args=(ask(),), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        end.set()
        thread.join()


Load = Callable[[], AbstractContextManager[Seen]]


@pytest.fixture(scope="session")
def stack(
    services_folder: Path, radosgw: Radosgw, dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """PostgreSQL, objects in S3 behind a proxy, two places in both, and a web server with small caches."""
    folder, bucket = services_folder / "faults", f"faults-{uuid4().hex[:12]}"
    folder.mkdir()
    database = Database(
        PostgresCluster(folder / "postgres", log=folder / "postgres.log", port=free_port(), durable=False)
    )
    radosgw.create_bucket(bucket)
    store = radosgw.settings(bucket)
    database.start()
    try:
        prepare(database.cluster.settings)
        places = sorted(place.name for place in (dataset / "hr_dataset").iterdir())[:PLACES]
        report = ingest(Options(dataset, database.cluster.settings, store, only=tuple(places)), Console(quiet=True))
        assert report.failures == []
        given = SMALL_CACHES | {
            "WORLDSTRAT_STORE_TIMEOUT": str(STORE_SECONDS),
            "WORLDSTRAT_POOL_TIMEOUT": str(POOL_SECONDS),
        }
        with Proxy(radosgw.cluster.rgw_port) as proxy:
            logs = tmp_path_factory.mktemp("faults")
            server = WebServer(logs, database.cluster.settings, proxied(store, proxy), given=given)
            server.start()
            try:
                yield Stack.of(database, store, proxy, server, dataset)
            finally:
                server.stop()
    finally:
        database.stop()


@pytest.fixture(scope="session")
def oracle(stack: Stack) -> Oracle:
    """The undisturbed answers."""
    with httpx.Client(base_url=stack.server.url, timeout=60) as client:
        return Oracle.learn(client, list_questions(client))


@pytest.fixture
def load(stack: Stack, oracle: Oracle) -> Iterator[Load]:
    """Start the load; the stack is whole before and after."""
    stack.server.wait_until_ready(30)
    yield lambda: loading(stack, oracle)
    stack.server.wait_until_ready(30)


@pytest.fixture(name="loading")
def loading_of_another() -> Callable[..., AbstractContextManager[Seen]]:
    """Load another server than the stack's."""
    return loading


@pytest.fixture
def ask(stack: Stack) -> Iterator[httpx.Client]:
    """A client of the stack's server."""
    with httpx.Client(base_url=stack.server.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def items(stack: Stack, oracle: Oracle) -> list[dict[str, Any]]:  # noqa: ARG001 - after it learnt
    """All items."""
    answer = httpx.get(f"{stack.server.url}/stac/search?limit=100", timeout=30).raise_for_status()
    found: list[dict[str, Any]] = answer.json()["features"]
    return found
