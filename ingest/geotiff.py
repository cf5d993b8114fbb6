"""A raster of several blocks to the bytes of a COG and back: put together in memory with overviews, copied once."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, DatasetWriter, MemoryFile
from rasterio.shutil import copy

from catalog import constants
from catalog.bands import Product
from ingest.chip import BLOCK_MULTIPLE
from ingest.errors import RasterError
from ingest.pixels import StoredPixels
from ingest.raster import Grid, Pixels
from ingest.tiff import FLOAT_PREDICTOR, INTEGER_PREDICTOR

BLOCK_SIZE: Final = 512
"""Side of a block."""
ZSTD_LEVEL: Final = 1
"""A higher level takes five times as long; it saves nothing of real images and 3 to 11 % of smooth made-up ones."""


def encode(stored: StoredPixels, grid: Grid, product: Product) -> bytes:
    """Write pixels as a COG: bands apart, names and scale in the tags, overviews down to one block."""
    resampling = Resampling.nearest if product.kind == "mask" else Resampling.average
    with rasterio.open("image", "w", driver="MEM", **_profile(stored, grid)) as image, MemoryFile() as out:
        image.write(stored.pixels)
        _describe(image, stored, product)
        factors = _overviews(grid)
        if factors:
            image.build_overviews(factors, resampling)
            image.update_tags(OVERVIEW_RESAMPLING=resampling.name.upper())
        copy(image, out.name, driver="GTiff", copy_src_overviews=True, **_creation_options(stored, grid))
        return bytes(out.getbuffer())


def read_back(data: bytes) -> tuple[Pixels, int]:
    """Return the pixels of a COG, (band, y, x), and the size of its header: the bytes before its first block.

    Raises:
        RasterError: it cannot be read, or is no COG.
    """
    try:
        with MemoryFile(data) as memory, memory.open(driver="GTiff") as src:
            directories, blocks = _offsets(src, "IFD_OFFSET", (1,)), _offsets(src, "BLOCK_OFFSET_0_0", src.indexes)
            pixels: Pixels = src.read()
    except RasterioError as error:
        raise RasterError(f"its COG cannot be read back: {error}") from error
    if max(directories) > min(blocks):
        raise RasterError("its COG is not valid: a directory lies behind pixels")
    return pixels, min(blocks)


def _overviews(grid: Grid) -> list[int]:
    """Return the factors of the overviews, down to one that is a single block."""
    factors: list[int] = []
    while max(grid.height, grid.width) / 2 ** len(factors) > BLOCK_SIZE:
        factors.append(2 ** (len(factors) + 1))
    return factors


def _profile(stored: StoredPixels, grid: Grid) -> dict[str, Any]:
    return {
        "count": len(stored.pixels),
        "height": grid.height,
        "width": grid.width,
        "dtype": stored.pixels.dtype,
        "crs": _crs(),
        "transform": grid.transform,
        "nodata": stored.nodata,
    }


def _creation_options(stored: StoredPixels, grid: Grid) -> dict[str, Any]:
    floating = np.issubdtype(stored.pixels.dtype, np.floating)
    sides = (min(-(-side // BLOCK_MULTIPLE) * BLOCK_MULTIPLE, BLOCK_SIZE) for side in (grid.height, grid.width))
    rows, columns = (BLOCK_SIZE, BLOCK_SIZE) if _overviews(grid) else sides
    return {
        "interleave": "band",
        "tiled": True,
        "blockxsize": columns,
        "blockysize": rows,
        "compress": "ZSTD",
        "zstd_level": ZSTD_LEVEL,
        "predictor": FLOAT_PREDICTOR if floating else INTEGER_PREDICTOR,
    }


def _describe(dst: DatasetWriter, stored: StoredPixels, product: Product) -> None:
    dst.descriptions = tuple(band.name for band in product.bands)
    if stored.scale is not None:
        dst.scales = (stored.scale,) * dst.count


def _offsets(src: DatasetReader, tag: str, indexes: Iterable[int]) -> list[int]:
    """Return where something of the image and of each overview of it begins in the file."""
    levels: list[dict[str, int]] = [{}, *({"ovr": level} for level in range(len(src.overviews(1))))]
    return [int(src.get_tag_item(tag, "TIFF", bidx=index, **level)) for level in levels for index in indexes]


@cache
def _crs() -> CRS:
    """Return the CRS of all rasters, looked up once a process."""
    return CRS.from_string(constants.CRS)
