"""A published raster to a Cloud-Optimized GeoTIFF, from memory to memory, and the facts about it."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, MemoryFile
from rio_cogeo.cogeo import cog_translate, cog_validate

from catalog.asset import BandStatistics
from catalog.bands import Product
from catalog.constants import CRS
from catalog.metadata import Bounds
from ingest.errors import RasterError
from ingest.pixels import StoredPixels, statistics, store
from ingest.raster import Grid, place, read_raster

BLOCK_SIZE: Final = 512
"""Side of a block of a raster that is larger than one block."""
GDAL_OPTIONS: Final = {"GDAL_NUM_THREADS": 1, "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_CACHEMAX": 64}
"""One thread a worker: the pool already uses every core, and a chip is one block."""
_COMPRESSION: Final = {"compress": "ZSTD", "zstd_level": 3}
_INTEGER_PREDICTOR, _FLOAT_PREDICTOR = 2, 3
_MULTIPLE: Final = 16  # TIFF wants the sides of a block to be multiples of it.


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


def encode(stored: StoredPixels, grid: Grid, product: Product) -> bytes:
    """Write pixels as a COG: bands apart, one block a band for a chip, names and scale in the tags."""
    profile = {
        "driver": "GTiff",
        "count": len(stored.pixels),
        "height": grid.height,
        "width": grid.width,
        "dtype": stored.pixels.dtype,
        "crs": CRS,
        "transform": grid.transform,
        "nodata": stored.nodata,
        "interleave": "band",
    }
    large = max(grid.height, grid.width) > BLOCK_SIZE
    with MemoryFile() as plain:
        with plain.open(**profile) as dst:
            dst.write(stored.pixels)
            dst.descriptions = tuple(band.name for band in product.bands)
            if stored.scale is not None:
                dst.scales = (stored.scale,) * dst.count
        with plain.open() as src, MemoryFile() as out:
            cog_translate(
                src,
                out.name,
                _creation_options(stored, grid, large=large),
                in_memory=True,
                quiet=True,
                overview_level=None if large else 0,
                overview_resampling=(Resampling.nearest if product.kind == "mask" else Resampling.average).name,
            )
            return bytes(out.getbuffer())


def _creation_options(stored: StoredPixels, grid: Grid, *, large: bool) -> dict[str, Any]:
    floating = np.issubdtype(stored.pixels.dtype, np.floating)
    return {
        "driver": "GTiff",
        "interleave": "band",
        "tiled": True,
        "blockxsize": BLOCK_SIZE if large else -(-grid.width // _MULTIPLE) * _MULTIPLE,
        "blockysize": BLOCK_SIZE if large else -(-grid.height // _MULTIPLE) * _MULTIPLE,
        "predictor": _FLOAT_PREDICTOR if floating else _INTEGER_PREDICTOR,
        **_COMPRESSION,
    }


def _verify(cog: bytes, stored: StoredPixels) -> int:
    """Check layout and pixels of a finished COG and return the size of its header.

    Raises:
        RasterError: it is no valid COG, or holds other pixels than it was given.
    """
    with MemoryFile(cog) as memory:
        valid, errors, warnings = cog_validate(memory.name, strict=True, quiet=True)
        if not valid:
            raise RasterError(f"its COG is not valid: {'; '.join([*errors, *warnings])}")
        try:
            with memory.open(driver="GTiff") as src:
                same = np.array_equal(src.read(), stored.pixels, equal_nan=src.dtypes[0] == "float32")
                header_size = _header_size(src)
        except RasterioError as error:
            raise RasterError(f"its COG cannot be read back: {error}") from error
    if not same:
        raise RasterError("its COG gives back other pixels")
    return header_size


def _header_size(src: DatasetReader) -> int:
    """Return the offset of the first block: all directories of a COG lie before it, and overviews before the image."""
    levels: list[dict[str, int]] = [{}, *({"ovr": level} for level in range(len(src.overviews(1))))]
    return min(int(src.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1, **level)) for level in levels)
