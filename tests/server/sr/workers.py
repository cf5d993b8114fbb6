"""What happens with workers of a Ray cluster, as JSON: a process of its own, which has nothing but a loopback."""

import faulthandler
import json
import os
import re
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from fastapi.testclient import TestClient

from catalog.errors import WorldStratError
from catalog.settings import DatabaseSettings, StoreSettings
from server.app import create_app
from server.settings import ServerSettings
from server.sr.chip import Chip
from server.sr.ray_cluster import LOCAL, RayCluster
from server.sr.ray_upscaler import RayUpscaler
from server.sr.replica import APPLICATION, Options, build
from superres.inference import superresolve
from superres.model import default_model
from superres.runtime import open_runtime

OPTIONS = Options(cpus=1, min_replicas=2, max_replicas=2, max_batch=4, batch_seconds=0.05)
MODEL = default_model()
REQUESTS = 120
CALLERS = 16
PATIENCE = 240
CLOUD = slice(2, 4)


def create_chips(count: int) -> list[Chip]:
    random = np.random.default_rng(0)
    valid = np.ones((48, 52), bool)
    valid[CLOUD, CLOUD] = False
    return [
        Chip(random.uniform(0.01, 0.4, (4, 48, 52)).astype(np.float32), valid, Affine.identity()) for _ in range(count)
    ]


class Load:
    """Requests of many callers at once, and how far the answers are from those of this process."""

    def __init__(self, upscaler: RayUpscaler) -> None:
        self.upscaler = upscaler
        self.chips = create_chips(24)
        runtime = open_runtime(MODEL)
        self.expected = [superresolve(chip.reflectance, chip.valid, runtime, MODEL) for chip in self.chips]

    def run(self, count: int, meanwhile: Callable[[], None] = lambda: None) -> dict[str, Any]:
        begun = threading.Event()
        done: list[float] = []

        def ask(number: int) -> str | float:
            if number == CALLERS:
                begun.set()
            chip, expected = self.chips[number % len(self.chips)], self.expected[number % len(self.chips)]
            try:
                made = self.upscaler.upscale(chip, MODEL)
            except WorldStratError as error:
                return f"{type(error).__name__}: {error}"
            done.append(time.monotonic())
            assert np.array_equal(made.valid, expected.valid)
            return float(np.abs(made.reflectance - expected.reflectance).max())

        def disturb() -> float:
            begun.wait()
            meanwhile()
            return time.monotonic()

        with ThreadPoolExecutor(CALLERS + 1) as pool:
            disturbed = pool.submit(disturb)
            answers = list(pool.map(ask, range(count)))
            while not disturbed.done():
                answers += pool.map(ask, range(CALLERS))
            answers += pool.map(ask, range(CALLERS))
            after = sum(moment > disturbed.result() for moment in done)
        wrong = [answer for answer in answers if isinstance(answer, str)]
        far = max((answer for answer in answers if isinstance(answer, float)), default=None)
        return {"answered": len(done), "errors": wrong[:5], "difference": far, "answered_after": after}


def kill_a_replica() -> None:
    os.kill(min(find_replicas()), signal.SIGKILL)


def find_replicas() -> list[int]:
    """Return the processes of the replicas of this cluster; another test's lives in another network namespace."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            here = folder.joinpath("ns/net").readlink() == Path("/proc/self/ns/net").readlink()
            if here and folder.joinpath("cmdline").read_text().startswith("ray::ServeReplica"):
                found.append(int(folder.name))
    return found


def replace_while_asked(load: Load) -> dict[str, Any]:
    before = set(find_replicas())
    # Other resources need other processes: Serve starts and stops them one by one.
    told = load.run(REQUESTS, lambda: deploy(OPTIONS.model_copy(update={"cpus": 0.9})))
    return told | {"replicas_kept": len(before & set(find_replicas()))}


def deploy(options: Options) -> None:
    from ray import serve  # noqa: PLC0415

    serve.run(build(options), name=APPLICATION, route_prefix=None)


def read_batches() -> dict[str, float]:
    """Return how many batches and items the replicas told Prometheus of."""
    import ray  # noqa: PLC0415

    port = ray.nodes()[0]["MetricsExportPort"]
    end = time.monotonic() + 30
    found: dict[str, float] = {}
    while not found.get("sum") and time.monotonic() < end:
        time.sleep(1)
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        lines = re.findall(r"worldstrat_sr_batch_items_(sum|count)\{[^}]*\} (\S+)", text)
        found = {kind: sum(float(value) for name, value in lines if name == kind) for kind in ("sum", "count")}
    return found


def ask_application(path: str) -> dict[str, Any]:
    """Return how a tile of the web application with workers compares to one without."""
    settings = ServerSettings(database=DatabaseSettings(), store=StoreSettings())
    bodies = []
    for address in (None, LOCAL):
        os.environ.update({"WORLDSTRAT_SR_RAY_ADDRESS": address} if address else {})
        with TestClient(create_app(settings)) as client:
            answer = client.get(path)
            bodies.append(answer.content)
    return {"status": answer.status_code, "type": answer.headers["content-type"], "equal": bodies[0] == bodies[1]}


def refuse_when_full(load: Load, path: str) -> dict[str, Any]:
    """Fill the queue of slow workers, then ask by upscaler and by HTTP."""
    settings = ServerSettings(database=DatabaseSettings(), store=StoreSettings())
    big = create_chips(1)[0]
    wide = Chip(np.tile(big.reflectance, (1, 12, 12)), np.tile(big.valid, (12, 12)), big.transform)
    told: list[str] = []

    asked = threading.Event()

    def fill(_: int) -> None:
        while not asked.is_set():
            try:
                load.upscaler.upscale(wide, MODEL)
            except WorldStratError as error:
                told.append(type(error).__name__)

    with TestClient(create_app(settings)) as client, ThreadPoolExecutor(CALLERS) as pool:
        waiting = [pool.submit(fill, number) for number in range(CALLERS)]
        while not told and not all(future.done() for future in waiting):
            time.sleep(0.02)
        answer = client.get(path)
        asked.set()
    return {"upscaler": sorted(set(told)), "http": (answer.status_code, answer.headers.get("retry-after"))}


def main(path: str, report: Path) -> None:
    upscaler = RayUpscaler(RayCluster(LOCAL, OPTIONS, 120), 120)
    load = Load(upscaler)
    told: dict[str, Any] = {"first": load.run(CALLERS * 2)}
    told["application"] = ask_application(path)
    told["killed"] = load.run(REQUESTS, kill_a_replica)
    told["replaced"] = replace_while_asked(load)
    told["batches"] = read_batches()
    deploy(OPTIONS.model_copy(update={"cpus": 0.9, "max_batch": 1, "queue": 1}))
    told["full"] = refuse_when_full(load, f"{path}&clouds=keep")
    report.write_text(json.dumps(told))


if __name__ == "__main__":
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    main(sys.argv[1], Path(sys.argv[2]))
