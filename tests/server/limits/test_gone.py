"""Clients that hang up: what they asked for is no longer worked on."""

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import httpx
import pytest
from anyio import to_thread

from server.app import create_app
from server.limits.gone import stop_if_gone
from server.raster.cache import LoadingCache
from server.raster.time import stack


class Slow:
    """A function that takes a while longer, and counts its calls."""

    def __init__(self, function: Any, seconds: float) -> None:
        self.function, self.seconds = function, seconds
        self.calls = 0
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        with self._lock:
            self.calls += 1
        time.sleep(self.seconds)
        return self.function(*arguments, **options)


def _hang_up(client: httpx.Client, path: str, *, times: int, after: float) -> None:
    """Ask on so many connections, and close them all without reading."""
    address = (client.base_url.host, client.base_url.port)
    asking = [socket.create_connection(address) for _ in range(times)]
    for connection in asking:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    time.sleep(after)
    for connection in asking:
        connection.close()


def _place(client: httpx.Client) -> str:
    item = client.get("/stac/search?limit=1&collections=worldstrat-sentinel-2-l2a").json()["features"][0]
    aoi = item["properties"]["worldstrat:aoi"].replace(" ", "-")
    return f"/raster/collections/{item['collection']}/aois/{aoi}"


def test_fifty_clients_that_hang_up_leave_no_work_behind(
    serve: Any, catalog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLDSTRAT_LIMIT_HEAVY_AT_ONCE", "4")
    slow = Slow(stack.read_aligned, 0.25)
    monkeypatch.setattr(stack, "read_aligned", slow)
    app = create_app(catalog.settings())
    client = serve(app)
    path = f"{_place(client)}/stack.npy"
    assert client.get(path).status_code == 200
    alone, slow.calls = slow.calls, 0

    _hang_up(client, path, times=50, after=0.15)
    begin = time.monotonic()
    assert client.get(path).status_code == 200
    spent = time.monotonic() - begin

    assert alone == 2  # dates
    assert slow.calls <= 4 + alone  # each of those in work ended after the date it was at
    assert spent < 4 * 0.25
    turnstile = app.state.turnstiles["heavy"]
    assert (turnstile.working, turnstile.waiting) == (0, 0)
    done = slow.calls
    time.sleep(0.6)
    assert slow.calls == done


def test_items_that_nobody_waits_for_any_more_are_not_super_resolved(serve: Any, catalog: Any) -> None:
    app = create_app(catalog.settings())
    client = serve(app)
    found = client.get("/stac/search?limit=4&collections=worldstrat-sentinel-2-l2a").json()["features"]
    turnstile = app.state.turnstiles["upscaled"]
    upscaler = app.state.superresolution.items._upscaler

    with upscaler._turns.take():  # the only worker is busy
        for item in found:
            path = f"/raster/collections/{item['collection']}/items/{item['id']}/sr/preview"
            _hang_up(client, path, times=2, after=0.2)
        deadline = time.monotonic() + 3
        while turnstile.working and time.monotonic() < deadline:
            time.sleep(0.05)
        assert turnstile.working == 0
        assert upscaler._turns._places.acquire(blocking=False)  # all places but the busy one's are free again
        upscaler._turns._places.release()


@pytest.mark.anyio
async def test_a_thread_stops_between_two_steps_when_its_request_is_cancelled() -> None:
    steps: list[int] = []

    def work() -> None:
        for step in range(100):
            stop_if_gone()
            steps.append(step)
            time.sleep(0.02)

    with anyio.move_on_after(0.1):
        await to_thread.run_sync(work)

    assert 1 <= len(steps) < 20
    stop_if_gone()  # outside of a request it does nothing


@pytest.mark.anyio
async def test_who_waited_for_the_load_of_one_that_hung_up_loads_it_himself() -> None:
    cache: LoadingCache[str, str] = LoadingCache(10)
    loads: list[str] = []

    def load(name: str) -> str:
        loads.append(name)
        for _ in range(20):
            stop_if_gone()
            time.sleep(0.02)
        return name

    async def hang_up() -> None:
        with anyio.move_on_after(0.1):
            await to_thread.run_sync(cache.get, "key", lambda: load("first"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hang_up)
        await asyncio.sleep(0.03)
        assert await to_thread.run_sync(cache.get, "key", lambda: load("second")) == "second"

    assert loads == ["first", "second"]
    assert cache.kept("key") == "second"


@pytest.mark.anyio
async def test_who_hangs_up_while_he_waits_for_another_does_not_disturb_him() -> None:
    cache: LoadingCache[str, str] = LoadingCache(10)

    def load() -> str:
        time.sleep(0.6)
        return "value"

    with ThreadPoolExecutor(1) as other:
        loading = other.submit(cache.get, "key", load)
        await asyncio.sleep(0.05)
        begin = time.monotonic()
        with anyio.move_on_after(0.05):
            await to_thread.run_sync(cache.get, "key", load)
        assert time.monotonic() - begin < 0.45
        assert loading.result() == "value"


def test_a_client_that_closes_while_it_reads_is_no_error_of_the_server(
    serve: Any, catalog: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(create_app(catalog.settings()))

    _hang_up(client, "/stac/search?limit=100", times=5, after=0.0)
    time.sleep(0.3)

    assert client.get("/healthz").status_code == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
