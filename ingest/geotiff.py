"""Pixels to the bytes of a Cloud-Optimized GeoTIFF, in one pass.

A raster that is one block a band is written straight: GDAL puts the directory before the blocks where all of it is
known before the first pixel. A larger one is put together in memory with its overviews and copied once.
"""

from functools import cache
from typing import Any, Final

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.io import DatasetWriter, MemoryFile
from rasterio.shutil import copy

from catalog import constants
from catalog.bands import Product
from ingest.pixels import StoredPixels
from ingest.raster import Grid

BLOCK_SIZE: Final = 512
"""Side of a block of a raster that is larger than one block."""
ZSTD_LEVEL: Final = 1
"""Of a raster of one block: a higher level saves 1 % of a chip and takes twice as long."""
LARGE_ZSTD_LEVEL: Final = 3
"""Of a larger one: a SPOT image gets a tenth to a fifth smaller."""
_INTEGER_PREDICTOR, _FLOAT_PREDICTOR = 2, 3
_MULTIPLE: Final = 16  # TIFF wants the sides of a block to be multiples of it.


def encode(stored: StoredPixels, grid: Grid, product: Product) -> bytes:
    """Write pixels as a COG: bands apart, one block a band for a chip, names and scale in the tags."""
    if is_large(grid):
        return _encode_large(stored, grid, product)
    with MemoryFile() as out:
        with out.open(driver="GTiff", **_profile(stored, grid), **_creation_options(stored, grid)) as dst:
            _describe(dst, stored, product)
            dst.write(stored.pixels)
        return bytes(out.getbuffer())


def is_large(grid: Grid) -> bool:
    """Whether a raster takes more than one block a band, and has overviews."""
    return max(grid.height, grid.width) > BLOCK_SIZE


def _encode_large(stored: StoredPixels, grid: Grid, product: Product) -> bytes:
    resampling = Resampling.nearest if product.kind == "mask" else Resampling.average
    with rasterio.open("image", "w", driver="MEM", **_profile(stored, grid)) as image, MemoryFile() as out:
        image.write(stored.pixels)
        _describe(image, stored, product)
        image.build_overviews(_overviews(grid), resampling)
        image.update_tags(OVERVIEW_RESAMPLING=resampling.name.upper())
        copy(image, out.name, driver="GTiff", copy_src_overviews=True, **_creation_options(stored, grid))
        return bytes(out.getbuffer())


def _overviews(grid: Grid) -> list[int]:
    """Return the factors of the overviews, down to one that is a single block."""
    factors = [2]
    while max(grid.height, grid.width) / factors[-1] > BLOCK_SIZE:
        factors.append(2 * factors[-1])
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
    floating, large = np.issubdtype(stored.pixels.dtype, np.floating), is_large(grid)
    return {
        "interleave": "band",
        "tiled": True,
        "blockxsize": BLOCK_SIZE if large else -(-grid.width // _MULTIPLE) * _MULTIPLE,
        "blockysize": BLOCK_SIZE if large else -(-grid.height // _MULTIPLE) * _MULTIPLE,
        "compress": "ZSTD",
        "zstd_level": LARGE_ZSTD_LEVEL if large else ZSTD_LEVEL,
        "predictor": _FLOAT_PREDICTOR if floating else _INTEGER_PREDICTOR,
    }


def _describe(dst: DatasetWriter, stored: StoredPixels, product: Product) -> None:
    dst.descriptions = tuple(band.name for band in product.bands)
    if stored.scale is not None:
        dst.scales = (stored.scale,) * dst.count


@cache
def _crs() -> CRS:
    """Return the CRS of all rasters, looked up once a process."""
    return CRS.from_string(constants.CRS)
