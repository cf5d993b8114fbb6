"""Items a second through Ray Serve by handle, with and without batches, as JSON.

Run it where nobody can reach Ray, as `bench_sr.py` does: in a network namespace that has a loopback alone.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
from affine import Affine
from ray import serve

from server.sr.chip import Chip
from server.sr.ray_cluster import LOCAL, RayCluster
from server.sr.ray_upscaler import RayUpscaler
from server.sr.replica import APPLICATION, Options, build
from superres.model import default_model

SIDE = 160
ITEMS = 64
CALLERS = 16
BATCHES = (1, 8)
OPTIONS = Options(cpus=2, min_replicas=1, max_replicas=1, queue=2 * CALLERS)


def measure() -> list[dict[str, Any]]:
    """Return items a second of one replica on the CPU for each size of batch."""
    random, model = np.random.default_rng(0), default_model()
    valid = np.ones((SIDE, SIDE), bool)
    images = random.uniform(0.01, 0.4, (CALLERS, 4, SIDE, SIDE)).astype(np.float32)
    chips = [Chip(image, valid, Affine.identity()) for image in images]
    upscaler = RayUpscaler(RayCluster(LOCAL, OPTIONS, 120), 120)
    rows = []
    for batch in BATCHES:
        upscaler.upscale(chips[0], model)
        serve.run(build(OPTIONS.model_copy(update={"max_batch": batch})), name=APPLICATION, route_prefix=None)

        def ask(number: int) -> float:
            begun = perf_counter()
            upscaler.upscale(chips[number % CALLERS], model)
            return perf_counter() - begun

        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(ask, range(CALLERS)))
            begun = perf_counter()
            latencies = list(pool.map(ask, range(ITEMS)))
            seconds = perf_counter() - begun
        alone = min(ask(0) for _ in range(5))
        rows.append(
            {
                "batch": batch,
                "items_per_second": ITEMS / seconds,
                "median_ms": float(np.median(latencies)) * 1000,
                "alone_ms": alone * 1000,
            }
        )
    return rows


if __name__ == "__main__":
    json.dump(measure(), sys.stdout)
