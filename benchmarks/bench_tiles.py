"""Tiles of this server and of stock titiler, from the same files, and the page docs/benchmarks.md."""

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
from measure import ROUNDS, Request, Result, run_case
from page import Row, write_page
from PIL import Image
from rio_tiler.io import Reader
from stack import Stack, running

from infra.signals import interruptible

SEED = 7
PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"
SPOT, SENTINEL2 = "worldstrat-spot", "worldstrat-sentinel-2-l2a"
TRUE_COLOR = {SPOT: "bidx=1&bidx=2&bidx=3&rescale=0,3000", SENTINEL2: "bidx=4&bidx=3&bidx=2&rescale=0,3000"}
NDVI = ("expression=(nir-red)/(nir%2Bred)&rescale=-1,1", "expression=(b4-b1)/(b4%2Bb1)&unscale=true&rescale=-1,1")


@dataclass(frozen=True)
class Case:
    """One comparison."""

    title: str
    collection: str
    suffix: str
    zoom: int
    count: int
    target: float | None = None
    """How many times our CPU the peer should take."""
    ndvi: bool = False
    known: bool = False


CASES = (
    Case("SPOT, native zoom, PNG", SPOT, "png", 17, 80, target=5),
    Case("SPOT, one zoom out, PNG", SPOT, "png", 16, 40),
    Case("SPOT, native zoom, JPEG", SPOT, "jpg", 17, 80),
    Case("SPOT, native zoom, WebP", SPOT, "webp", 17, 80),
    Case("Sentinel-2, native zoom, PNG", SENTINEL2, "png", 14, 80, target=5),
    Case("NDVI of SPOT, PNG", SPOT, "png", 17, 80, target=4, ndvi=True),
    Case("a tile that the client has", SPOT, "png", 17, 80, target=20, known=True),
)


def main() -> None:
    """Start everything, measure, write the page."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="worldstrat-bench-") as name, httpx.Client(timeout=60) as client:
        Path(name).chmod(0o755)  # PostgreSQL runs as another user
        with running(Path(name)) as stack:
            for case in CASES:
                requests = list_requests(stack, case)
                equal = compare(client, stack, requests)
                result = run_case(client, (stack.ours, stack.stock), requests, known=case.known)
                rows.append(Row(case.title, result, equal, case.target))
                print(_line(rows[-1].title, result))
    write_page(PAGE, rows, describe())
    print(f"Written to {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE}")


def list_requests(stack: Stack, case: Case) -> list[Request]:
    """Return tiles of a case in a seeded order; each is another tile until all have been asked."""
    pattern = "*_ps.tif" if case.collection == SPOT else "*_data.tif"
    found = []
    for path in sorted((stack.objects / case.collection).rglob(pattern)):
        item = path.stem.rpartition("_")[0]
        with Reader(str(path)) as reader:
            tiles = list(reader.tms.tiles(*reader.bounds, zooms=[case.zoom]))
        ours, stock = NDVI if case.ndvi else ("", TRUE_COLOR[case.collection])
        for tile in tiles:
            place = f"tiles/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}.{case.suffix}"
            mine = f"/raster/collections/{case.collection}/items/{item}/{place}?{ours}"
            found.append(Request(mine, f"/{place}?url={path}&{stock}"))
    random.Random(SEED).shuffle(found)  # noqa: S311 - an order, not a secret
    return (found * (case.count // len(found) + 1))[: case.count]


def compare(client: httpx.Client, stack: Stack, requests: list[Request]) -> float:
    """Return the share of pixels that are equal within one level, of both sides' answers to some requests."""
    shares = []
    for request in requests[:20]:
        ours, theirs = (
            np.asarray(Image.open(io.BytesIO(client.get(url).raise_for_status().content)).convert("RGBA"), dtype=int)
            for url in (stack.ours.url + request.ours, stack.stock.url + request.stock)
        )
        shares.append((np.abs(ours - theirs) <= 1).all(axis=-1).mean())
    return float(np.mean(shares))


def describe() -> list[str]:
    """Return what was measured on, and with which versions."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "",
    )
    packages = ", ".join(f"{name} {version(name)}" for name in ("worldstrat", "titiler.core", "rio-tiler", "uvicorn"))
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {model or platform.machine()}, Linux",
        f"Python {platform.python_version()}, {packages}, GDAL {rasterio.__gdal_version__}",
        f"{ROUNDS} rounds ABBA, one request at a time, one process a side",
        f"load average of the machine at the end: {os.getloadavg()[0]:.1f}",
    ]


def _line(title: str, result: Result) -> str:
    return f"{title:32s} {result.ratio:5.1f}x  A/A {result.control:.0%}"


if __name__ == "__main__":
    with interruptible():
        main()
