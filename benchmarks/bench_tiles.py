"""Tiles of this server and of stock titiler and titiler-pgstac from the same files: docs/benchmarks.md."""

import io
import os
import platform
import random
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import httpx
import numpy as np
import rasterio
from load import run_loads
from measure import ROUNDS, Request, run_case
from page import Row, write_page
from PIL import Image
from rio_tiler.io import Reader
from stack import Server, Stack, running

from infra.signals import interruptible

SEED = 7
PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"
SPOT, SENTINEL2 = "worldstrat-spot", "worldstrat-sentinel-2-l2a"
TITILER, PGSTAC, ASYNC = "titiler", "titiler-pgstac", "async-geotiff"
TRUE_COLOR = {
    (TITILER, SPOT): "bidx=1&bidx=2&bidx=3&rescale=0,3000",
    (TITILER, SENTINEL2): "bidx=4&bidx=3&bidx=2&rescale=0,3000",
    (ASYNC, SPOT): "bidx=1&bidx=2&bidx=3&rescale=0,3000",
    (ASYNC, SENTINEL2): "bidx=4&bidx=3&bidx=2&rescale=0,3000",
    (PGSTAC, SPOT): "assets=ps%7Cbidx=1,2,3&rescale=0,3000",
    (PGSTAC, SENTINEL2): "assets=data%7Cbidx=4,3,2&rescale=0,3000",
}
NDVI = ("expression=(nir-red)/(nir%2Bred)&rescale=-1,1", "expression=(b4-b1)/(b4%2Bb1)&unscale=true&rescale=-1,1")


@dataclass(frozen=True)
class Case:
    """One comparison."""

    title: str
    collection: str
    suffix: str
    zoom: int
    target: float | None = None
    """How many times our CPU the peer should take."""
    peer: str = TITILER
    """Whom we are compared with."""
    count: int = 32
    """Tiles of a block."""
    ndvi: bool = False
    """An expression instead of true colour."""
    known: bool = False
    """The client sends the tag of what it has."""
    kept: bool = False
    """Our side may keep finished tiles."""


CASES = (
    Case("SPOT, native zoom, PNG", SPOT, "png", 17, target=5),
    Case("SPOT, one zoom out, PNG", SPOT, "png", 16),
    Case("SPOT, two zooms out, PNG", SPOT, "png", 15),
    Case("SPOT, native zoom, JPEG", SPOT, "jpg", 17),
    Case("SPOT, native zoom, WebP", SPOT, "webp", 17),
    Case("Sentinel-2, native zoom, PNG", SENTINEL2, "png", 14, target=5),
    Case("NDVI of SPOT, PNG", SPOT, "png", 17, target=4, ndvi=True),
    Case("SPOT, native zoom, PNG", SPOT, "png", 17, target=6, peer=PGSTAC),
    Case("Sentinel-2, native zoom, PNG", SENTINEL2, "png", 14, target=6, peer=PGSTAC),
    Case("SPOT, native zoom, PNG", SPOT, "png", 17, peer=ASYNC),
    Case("Sentinel-2, native zoom, PNG", SENTINEL2, "png", 14, peer=ASYNC),
    Case("a tile asked for again", SPOT, "png", 17, target=20, count=96, kept=True),
    Case("a tile that the client has", SPOT, "png", 17, target=20, count=96, known=True),
)


def main() -> None:
    """Measure and write the page."""
    rows, loads = [], []
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as stack, httpx.Client(timeout=30) as client:
        for case in CASES:
            requests = list_requests(stack, case)
            servers = choose_servers(stack, case)
            equal = compare(client, servers, requests)
            result = run_case(client, servers, requests, known=case.known)
            rows.append(Row(case.title, case.peer, result, equal, case.target))
            print(_line(rows[-1]), flush=True)
        requests = list_requests(stack, CASES[0])
        loads = run_loads(
            {
                "this server": [stack.ours.url + request.ours for request in requests],
                TITILER: [stack.titiler.url + request.stock for request in requests],
            }
        )
    write_page(PAGE, rows, loads, describe())
    print(f"Written to {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE}")


def choose_servers(stack: Stack, case: Case) -> tuple[Server, Server]:
    """Return ours and the peer of a case."""
    peers = {TITILER: stack.titiler, PGSTAC: stack.pgstac, ASYNC: stack.asynchronous}
    return stack.keeping if case.kept else stack.ours, peers[case.peer]


def list_requests(stack: Stack, case: Case) -> list[Request]:
    """Return tiles of a case in a seeded order; each is another tile until all have been asked."""
    pattern = "*_ps.tif" if case.collection == SPOT else "*_data.tif"
    found = []
    for path in sorted((stack.objects / case.collection).rglob(pattern)):
        item = path.stem.rpartition("_")[0]
        with Reader(str(path)) as reader:
            tiles = list(reader.tms.tiles(*reader.bounds, zooms=[case.zoom]))
        ours, stock = NDVI if case.ndvi else ("", TRUE_COLOR[case.peer, case.collection])
        for tile in tiles:
            place = f"tiles/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}.{case.suffix}"
            below = f"/collections/{case.collection}/items/{item}/{place}?"
            file = stack.copies / path.relative_to(stack.objects) if case.peer == ASYNC else path
            theirs = below + stock if case.peer == PGSTAC else f"/{place}?url={file}&{stock}"
            found.append(Request(f"/raster{below}{ours}", theirs))
    random.Random(SEED).shuffle(found)  # noqa: S311 - an order, not a secret
    return (found * (case.count // len(found) + 1))[: case.count]


def compare(client: httpx.Client, servers: tuple[Server, Server], requests: list[Request]) -> float:
    """Return the share of pixels that are equal within one level, of both sides' answers to some requests."""
    shares = []
    for request in requests[:20]:
        ours, theirs = (
            np.asarray(Image.open(io.BytesIO(client.get(url).raise_for_status().content)).convert("RGBA"), dtype=int)
            for url in (servers[0].url + request.ours, servers[1].url + request.stock)
        )
        shares.append((np.abs(ours - theirs) <= 1).all(axis=-1).mean())
    return float(np.mean(shares))


def describe() -> list[str]:
    """Return what was measured on, and with which versions."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "",
    )
    packages = ", ".join(
        f"{name} {version(name)}"
        for name in ("worldstrat", "titiler.core", "titiler.pgstac", "rio-tiler", "async-geotiff", "uvicorn", "isal")
    )
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {model or platform.machine()}, Linux",
        f"Python {platform.python_version()}, {packages}, GDAL {rasterio.__gdal_version__}",
        f"{ROUNDS} rounds ABBA, one request at a time, one process a side",
        f"load average of the machine at the end: {os.getloadavg()[0]:.1f}",
    ]


def _line(row: Row) -> str:
    return f"{row.title:30s} {row.peer:15s} {row.result.ratio:5.1f}x  A/A {row.result.control:.0%}"


if __name__ == "__main__":
    with interruptible():
        main()
