"""A published raster to a Cloud-Optimized GeoTIFF, from memory to memory, and the facts about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, MemoryFile

from catalog.asset import BandStatistics
from catalog.bands import Product
from catalog.metadata import Bounds
from ingest.errors import RasterError
from ingest.geotiff import encode
from ingest.pixels import StoredPixels, statistics, store
from ingest.raster import Grid, place, read_raster

GDAL_OPTIONS: Final = {"GDAL_NUM_THREADS": 1, "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_CACHEMAX": 64}
"""One thread a worker: the pool already uses every core, and a chip is one block."""


@dataclass(frozen=True)
class Cog:
    """A Cloud-Optimized GeoTIFF in memory and what there is to say of it."""

    data: bytes
    """The file."""
    product: Product
    """What it is."""
    grid: Grid
    """Where it lies."""
    dtype: str
    """Type of the stored numbers."""
    nodata: float | None
    """Stored value that means "no data"."""
    scale: float | None
    """Unit of one stored number."""
    header_size: int
    """Bytes before the first block: one request for them opens the file."""
    statistics: tuple[BandStatistics | None, ...]
    """Of each band, in stored units; None for a band without a valid pixel."""
    notes: tuple[str, ...]
    """What was found odd and how it was taken."""


def create_cog(data: bytes, product: Product, bounds: Bounds | None, grid: Grid | None = None) -> Cog:
    """Convert the bytes of one published TIFF, decoded once.

    Args:
        data: the published file.
        product: which kind of raster it is.
        bounds: extent of its AOI, where known.
        grid: grid of the item's `data`, which masks and angles have to share.

    Raises:
        RasterError: the file is unreadable, or not what its name says.
    """
    raster = read_raster(data, product)
    placed = place(raster, product, bounds, grid)
    stored = store(raster.pixels, product)
    cog = encode(stored, placed, product)
    header_size = _verify(cog, stored)
    return Cog(
        data=cog,
        product=product,
        grid=placed,
        dtype=str(stored.pixels.dtype),
        nodata=stored.nodata,
        scale=stored.scale,
        header_size=header_size,
        statistics=statistics(stored),
        notes=stored.notes,
    )


def _verify(cog: bytes, stored: StoredPixels) -> int:
    """Decode a finished COG, compare its pixels and return the size of its header.

    Raises:
        RasterError: it cannot be read, holds other pixels than it was given, or is no COG.
    """
    try:
        with MemoryFile(cog) as memory, memory.open(driver="GTiff") as src:
            same = np.array_equal(src.read(), stored.pixels, equal_nan=src.dtypes[0] == "float32")
            directories, blocks = _offsets(src, "IFD_OFFSET", (1,)), _offsets(src, "BLOCK_OFFSET_0_0", src.indexes)
    except RasterioError as error:
        raise RasterError(f"its COG cannot be read back: {error}") from error
    if not same:
        raise RasterError("its COG gives back other pixels")
    if max(directories) > min(blocks):
        raise RasterError("its COG is not valid: a directory lies behind pixels")
    return min(blocks)


def _offsets(src: DatasetReader, tag: str, indexes: Iterable[int]) -> list[int]:
    """Return where something of the image and of each overview of it begins in the file."""
    levels: list[dict[str, int]] = [{}, *({"ovr": level} for level in range(len(src.overviews(1))))]
    return [int(src.get_tag_item(tag, "TIFF", bidx=index, **level)) for level in levels for index in indexes]
