"""A published raster to a Cloud-Optimized GeoTIFF, from memory to memory, and the facts about it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from catalog.asset import BandStatistics
from catalog.bands import Product
from catalog.metadata import Bounds
from ingest import chip, geotiff
from ingest.errors import RasterError
from ingest.pixels import StoredPixels, statistics, store
from ingest.raster import Grid, place, read_raster

GDAL_OPTIONS: Final = {
    "GDAL_NUM_THREADS": 1,
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_CACHEMAX": 64 << 20,  # bytes: rasterio hands the number to GDAL's own function, which knows no megabytes
}
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
    encoded, header_size = _encode(stored, placed, product)
    return Cog(
        data=encoded,
        product=product,
        grid=placed,
        dtype=str(stored.pixels.dtype),
        nodata=stored.nodata,
        scale=stored.scale,
        header_size=header_size,
        statistics=statistics(stored),
        notes=stored.notes,
    )


def _encode(stored: StoredPixels, grid: Grid, product: Product) -> tuple[bytes, int]:
    """Return a COG, decoded again and found to hold these pixels, and the size of its header.

    Raises:
        RasterError: it gives back other pixels.
    """
    form = chip if chip.fits(grid) else geotiff
    data = form.encode(stored, grid, product)
    pixels, header_size = form.read_back(data)
    if pixels.dtype != stored.pixels.dtype or not np.array_equal(
        pixels, stored.pixels, equal_nan=pixels.dtype.kind == "f"
    ):
        raise RasterError("its COG gives back other pixels")
    return data, header_size
