"""The floor below any ingest: read, decompress and compress the same numbers, two processes, and nothing else."""

from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import imagecodecs
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from ingest import chip, geotiff
from ingest.cog import GDAL_OPTIONS

_REFLECTANCE = ("L2A_data", "L1C_data")
_MASKS = ("CLM", "CLP", "SCL", "dataMask")


def work(path: Path) -> int:
    """Do a raster; return the bytes that came of it."""
    data = path.read_bytes()
    with rasterio.Env(**GDAL_OPTIONS), MemoryFile(data) as memory, memory.open(driver="GTiff") as src:
        pixels = src.read()
    stored = _convert(pixels, path.stem.rpartition("-")[2])
    level = (geotiff if max(stored.shape) > geotiff.BLOCK_SIZE else chip).ZSTD_LEVEL
    return sum(len(_compress(block, level)) for band in stored for block in _blocks(band))


def _convert(pixels: NDArray[Any], kind: str) -> NDArray[Any]:
    if kind in _REFLECTANCE:
        return np.asarray(np.rint(pixels * np.float32(10_000)), np.uint16)
    return pixels.astype(np.uint8) if kind in _MASKS else pixels


def _blocks(band: NDArray[Any]) -> list[NDArray[Any]]:
    height, width = band.shape
    starts = [(y, x) for y in range(0, height, geotiff.BLOCK_SIZE) for x in range(0, width, geotiff.BLOCK_SIZE)]
    return [np.ascontiguousarray(band[y : y + geotiff.BLOCK_SIZE, x : x + geotiff.BLOCK_SIZE]) for y, x in starts]


def _compress(block: NDArray[Any], level: int) -> bytes:
    floating = block.dtype.kind == "f"
    predicted = imagecodecs.floatpred_encode(block) if floating else imagecodecs.delta_encode(block, axis=-1)
    return bytes(imagecodecs.zstd_encode(predicted.tobytes(), level=level))


@click.command()
@click.argument("src", type=click.Path(path_type=Path))
@click.option("--workers", default=2, show_default=True)
def main(src: Path, workers: int) -> None:
    """Do every raster of the dataset SRC."""
    with get_context("fork").Pool(workers) as pool:
        made = list(pool.imap_unordered(work, sorted(src.glob("?r_dataset/**/*.tiff")), chunksize=8))
    click.echo(f"{len(made)} rasters, {sum(made)} bytes")


if __name__ == "__main__":
    main()
