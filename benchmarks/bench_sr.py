"""Super-resolution beside plain tiles and beside inference tile by tile: docs/benchmarks-sr.md."""

import json
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import httpx
from bench_tiles import SENTINEL2, describe
from gpu_sr import measure as measure_card
from measure import Request, Result, run_case
from rio_tiler.io import Reader
from sr_page import Cold, SrResults, SrRow, write_sr_page
from stack import Server, running, serving
from stock_titiler import FOLDER, GDAL_SETTINGS

from infra.signals import interruptible

SEED = 7
ZOOM = 16
TILES = 24
PAGE = Path(__file__).parents[1] / "docs/benchmarks-sr.md"
NDVI = "expression=(nir-red)/(nir%2Bred)&rescale=-1,1"
PEER = "bidx=2&bidx=3&bidx=4&bidx=8&unscale=true&algorithm=ndvi&rescale=-1,1&tilesize=64"
ALONE = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def main() -> None:
    """Measure and write the page."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as stack, httpx.Client(timeout=60) as client:
        files = sorted((stack.objects / SENTINEL2).rglob("*_data.tif"))
        cold = measure_cold(client, stack.ours, files)
        print(f"cold item {cold.median:.2f} s, {cold.worst:.2f} s at most", flush=True)
        environment = GDAL_SETTINGS | {FOLDER: str(stack.objects)}
        here = ("--app-dir", str(Path(__file__).parent), "titiler_sr:app")
        with serving("titiler-sr", here, environment, Path(folder), "/openapi.json") as peer:
            rows = [
                SrRow("plain NDVI tile, same places", measure_plain(client, stack.ours, files), 1.3),
                SrRow("inference tile by tile in titiler", measure_peer(client, stack.ours, peer, files), None),
            ]
    for row in rows:
        print(f"{row.title:40s} {row.ratio:5.2f}", flush=True)
    write_sr_page(PAGE, SrResults(cold, rows, measure_workers(), measure_card()), describe())
    print(f"Written to {PAGE}")


def measure_cold(client: httpx.Client, server: Server, files: list[Path]) -> Cold:
    """Ask once for a tile of each item, of which the server has seen nothing; the first loads the network besides."""
    walls, spent = [], []
    for path in files:
        url = server.url + list_paths([path], ("sr/",))[0][0]
        before, begun = server.cpu_ms(), perf_counter()
        client.get(url).raise_for_status()
        walls.append(perf_counter() - begun)
        spent.append(server.cpu_ms() - before)
    with Reader(str(files[-1])) as reader:
        size = reader.dataset.shape
    return Cold(walls[0], tuple(walls[1:]), median(spent[1:]), size)


def measure_plain(client: httpx.Client, server: Server, files: list[Path]) -> Result:
    """Compare tiles of super-resolved items with plain ones of the same server, both warm."""
    requests = [Request(plain, fine) for plain, fine in list_paths(files, ("", "sr/"))]
    return run_case(
        client, (replace(server, name="plain"), replace(server, name="sr")), _shuffle(requests), known=False
    )


def measure_peer(client: httpx.Client, server: Server, peer: Server, files: list[Path]) -> Result:
    """Compare them with a titiler that infers for each tile."""
    ours = [paths[0] for paths in list_paths(files, ("sr/",))]
    theirs = [paths[0] for paths in list_paths(files, (None,))]
    requests = [Request(*pair) for pair in zip(ours, theirs, strict=True)]
    return run_case(client, (server, peer), _shuffle(requests), known=False)


def list_paths(files: list[Path], kinds: tuple[str | None, ...]) -> list[tuple[str, ...]]:
    """Return, for each tile within a file, its path of each kind: below the item, or the peer's for None."""
    found = []
    for path in files:
        item = path.stem.rpartition("_")[0]
        with Reader(str(path)) as reader:
            west, south, east, north = reader.bounds
            tile = reader.tms.tile((west + east) / 2, (south + north) / 2, ZOOM)
        place = f"tiles/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}.png?"
        below = f"/raster/collections/{SENTINEL2}/items/{item}/"
        found.append(
            tuple(f"/{place}url={path}&{PEER}" if kind is None else f"{below}{kind}{place}{NDVI}" for kind in kinds)
        )
    return found


def _shuffle(requests: list[Request]) -> list[Request]:
    random.Random(SEED).shuffle(requests)  # noqa: S311 - an order, not a secret
    return (requests * (TILES // len(requests) + 1))[:TILES]


def measure_workers() -> list[dict[str, Any]] | None:
    """Run `ray_sr.py` where nobody else can reach Ray; None where this machine does not let it."""
    if shutil.which("unshare") is None or subprocess.run([*ALONE, "true"], check=False).returncode:
        return None
    command = [*ALONE, sys.executable, str(Path(__file__).with_name("ray_sr.py"))]
    answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    if answer.returncode:
        sys.exit(f"Ray Serve did not do it:\n{answer.stderr[-2000:]}")
    rows: list[dict[str, Any]] = json.loads(answer.stdout.strip().splitlines()[-1])
    return rows


if __name__ == "__main__":
    with interruptible():
        main()
