"""Counting for several servers together, in a real Redis."""

import asyncio
import logging
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client

from infra.ports import free_port
from server.app import create_app
from server.limits import shared
from server.limits.shared import SharedWindows
from server.limits.windows import MemoryWindows, Quota

pytestmark = pytest.mark.anyio

QUOTA = Quota("tile", 5, 60)
Open = Callable[[], SharedWindows]


class Redis:
    """A Redis of the test's own: on the loopback, keeping nothing."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._command += ["--appendonly", "no", "--dir", str(folder)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        with redis_client.Redis(port=self.port) as client:
            for _ in range(200):
                try:
                    client.ping()
                except redis_client.ConnectionError:
                    time.sleep(0.05)
                else:
                    return
        pytest.fail("redis-server did not start")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A running Redis."""
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server")
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def windows(redis: Redis) -> AsyncIterator[Open]:
    """What servers count with."""
    opened = []

    def open_one() -> SharedWindows:
        opened.append(SharedWindows(redis.url))
        return opened[-1]

    yield open_one
    for each in opened:
        await each.close()


async def test_two_servers_count_a_client_together(windows: Open) -> None:
    one, other = windows(), windows()

    taken = [await counting.take("a", QUOTA) for counting in (one, other) * 4]

    assert [each.allowed for each in taken] == [True] * 5 + [False] * 3
    assert [each.remaining for each in taken] == [4, 3, 2, 1, 0, 0, 0, 0]
    assert all(0 < each.reset <= 60 for each in taken)
    assert taken[-1].retry > 0
    assert (await other.take("b", QUOTA)).allowed


async def test_it_counts_as_one_process_would(windows: Open) -> None:
    counting, alone = windows(), MemoryWindows(time.time)

    for _ in range(8):
        there, here = await counting.take("a", QUOTA), await alone.take("a", QUOTA)
        assert (there.allowed, there.remaining) == (here.allowed, here.remaining)
        assert 0 < there.reset <= QUOTA.seconds  # its windows begin with a client's first request


async def test_without_redis_each_counts_alone_says_so_once_and_finds_back(
    redis: Redis, windows: Open, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "RETRY_SECONDS", 0.3)
    caplog.set_level(logging.INFO, "server.limits.shared")
    counting = windows()
    assert (await counting.take("a", QUOTA)).allowed

    redis.stop()
    begin = time.monotonic()
    taken = [await counting.take("a", QUOTA) for _ in range(6)]
    assert [each.allowed for each in taken] == [True] * 5 + [False]
    assert time.monotonic() - begin < 2
    await asyncio.sleep(0.35)
    await counting.take("a", QUOTA)
    assert [record.levelname for record in caplog.records] == ["WARNING"]

    redis.start()
    await asyncio.sleep(0.35)
    assert (await counting.take("a", QUOTA)).allowed
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_redis_that_is_not_there_is_no_error_of_a_request(
    serve: Any, catalog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLDSTRAT_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    monkeypatch.setenv("WORLDSTRAT_LIMIT_SEARCHES", "2")
    monkeypatch.setenv("WORLDSTRAT_LIMIT_SECONDS", "3600")
    client = serve(create_app(catalog.settings()))

    answers = [client.get("/stac", headers={"X-Forwarded-For": "203.0.113.7"}).status_code for _ in range(3)]

    assert answers == [200, 200, 429]
