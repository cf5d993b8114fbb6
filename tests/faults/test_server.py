"""The web server's own misfortunes: a process killed, a disk full, caches gone, the clock moved."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from soak_faults import full_disk
from soak_questions import Oracle, Verdict, list_questions
from soak_server import WebServer
from soak_stack import SMALL_CACHES, proxied
from starlette.testclient import TestClient

from catalog.objects import ObjectStore
from catalog.settings import DatabaseSettings, StoreSettings
from infra.ports import free_port
from server.app import create_app
from server.settings import ServerSettings
from server.sr.store import SuperResolvedItems

FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


def test_a_server_starts_while_the_database_is_away_and_says_so(tmp_path: Path) -> None:
    """A process that takes the place of a dead one must not end the whole server because PostgreSQL is away too."""
    database = DatabaseSettings(host="127.0.0.1", port=free_port(), password=SecretStr("x"))
    app = create_app(ServerSettings(database=database, store=StoreSettings(url=tmp_path.as_uri()), pool_timeout=0.5))

    with TestClient(app) as client:
        ready, search = client.get("/readyz"), client.get("/stac/search")
        tile = client.get("/raster/collections/worldstrat-spot/items/x/info")

    assert (ready.status_code, ready.json()["store"]) == (503, "ok")
    assert search.status_code == tile.status_code == 503
    assert int(search.headers["retry-after"]) > 0


def test_a_disk_without_room_for_logs_and_caches_costs_no_answer(stack: Any, load: Any) -> None:
    with load() as seen, full_disk(stack, None):
        time.sleep(3)
    assert seen.bad() == []
    assert seen.statuses() <= {200, 206}


def test_kept_results_that_are_gone_are_made_again(stack: Any, load: Any) -> None:
    with load() as seen:
        for _ in range(2):
            for meta in stack.objects.list("cache"):
                stack.objects.delete(meta.key)
            time.sleep(0.5)
    assert seen.bad() == []
    assert seen.statuses() <= {200, 206}


def test_a_kept_result_with_another_byte_is_made_again(file_store: StoreSettings) -> None:
    store, made = ObjectStore.open(file_store), itertools.count(1)
    nobody: Any = None
    items = SuperResolvedItems(nobody, nobody, 0, lambda: store)

    def make() -> bytes:
        return b"pixels %d" % next(made)

    assert [items._kept("version", make) for _ in range(2)] == [b"pixels 1"] * 2
    key = "cache/super-resolved/version.tif"
    for damaged in (store.get(key)[:-1], b"", store.get(key).replace(b"pixels", b"pixelz")):
        store.put(key, damaged, "image/tiff")
        again = items._kept("version", make)
        assert again == items._kept("version", make) != b"pixels 1", "made once more, and kept"


@contextmanager
def another(stack: Any, folder: Path, *, workers: int = 1, **given: str) -> Iterator[tuple[Any, Oracle]]:
    """Have a second server of the same catalog, and what it answers undisturbed."""
    database, store = stack.database.cluster.settings, proxied(stack.store, stack.proxy)
    server = WebServer(folder, database, store, workers=workers, given=SMALL_CACHES | given)
    server.start()
    try:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            oracle = Oracle.learn(client, list_questions(client))
        yield replace(stack, server=server), oracle
    finally:
        server.stop()


@pytest.mark.slow  # four processes start one after the other, each of which imports everything
def test_a_killed_process_is_replaced_also_while_the_database_is_away(stack: Any, tmp_path: Path, loading: Any) -> None:
    with another(stack, tmp_path, workers=2) as (other, oracle):
        with loading(other, oracle) as seen:
            killed = other.server.kill_worker()
            seen.recovery(30)
            deadline = time.monotonic() + 60
            while len(other.server.worker_pids()) < 2 and time.monotonic() < deadline:
                time.sleep(0.1)
            with other.database.away():
                other.server.kill_worker()
                time.sleep(10)
            seen.recovery(60)
        assert killed not in other.server.worker_pids()
        assert len(other.server.worker_pids()) == 2
        other.server.wait_until_ready(30)
    bad = [answer for answer in seen.bad() if answer.verdict is not Verdict.CUT]
    assert bad == []
    assert len(seen.bad()) < 40, "only what the dead process had begun is cut off"


@pytest.mark.slow  # a server of its own
@pytest.mark.parametrize("jump", ["+90d", "-90d"])
def test_a_clock_that_jumps_is_clear_errors_of_the_store_until_it_is_set_right(
    stack: Any, tmp_path: Path, loading: Any, jump: str
) -> None:
    """S3 refuses requests that are signed in another quarter; caches, limits and pools follow the steady clock."""
    if not FAKETIME:
        pytest.skip("needs libfaketime (Debian: apt-get install libfaketime)")
    told = tmp_path / "time"
    told.write_text("+0")
    given = {
        "LD_PRELOAD": str(FAKETIME[0]),
        "FAKETIME_TIMESTAMP_FILE": str(told),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with another(stack, tmp_path, **given) as (other, oracle), loading(other, oracle) as seen:
        time.sleep(2)
        told.write_text(jump)
        time.sleep(6)
        date = httpx.get(f"{other.server.url}/healthz").headers["date"]
        told.write_text("+0")
        time.sleep(2)
        seen.recovery()
    assert time.strftime("%Y-%m", time.strptime(date, "%a, %d %b %Y %H:%M:%S %Z")) != time.strftime("%Y-%m")
    assert seen.bad() == []
    assert seen.statuses("search") == {200}
