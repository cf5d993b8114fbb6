"""A raster decoded once: its numbers in memory, with what a tile needs to know of them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader
from rio_tiler.constants import WGS84_CRS

_TABLE_DTYPES = ("uint8", "uint16")


@dataclass(frozen=True)
class Decoded:
    """The numbers of a raster, north up in degrees; one is shared by all threads."""

    bands: NDArray[Any]
    """Stored numbers as `(band, y, x)`; nobody can write them."""
    transform: Affine
    """Pixel to longitude and latitude."""
    nodata: float | None
    """Stored number that means "no data"."""
    scales: tuple[float, ...]
    """Unit of a stored number, of each band."""
    offsets: tuple[float, ...]
    """What a stored 0 means, of each band."""
    overviews: tuple[int, ...]
    """How many pixels across one pixel of each overview is."""
    levels: tuple["Decoded", ...] = ()
    """The overviews themselves, in the same order."""

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers, those of the overviews included."""
        return int(self.bands.nbytes) + sum(level.nbytes for level in self.levels)

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.bands.shape[1])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.bands.shape[2])

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        west, north = self.transform.c, self.transform.f
        return west, north + self.height * self.transform.e, west + self.width * self.transform.a, north

    @property
    def scaled(self) -> bool:
        """Whether the stored numbers are in a unit other than what they mean."""
        return any(scale != 1 for scale in self.scales) or any(self.offsets)


def decode(dataset: DatasetReader, capacity: int, *, coarse: bool = False) -> Decoded | None:
    """Read a whole raster.

    Args:
        dataset: the raster.
        capacity: most bytes that the numbers may take.
        coarse: read the coarsest overview of it, where it has any.

    Returns:
        The numbers; None where there are too many of them, or where a tile of them takes more than picking rows and
        columns: a grid that is turned or not in degrees, a mask or an alpha band of its own, scaled numbers too long
        for a table.
    """
    transform = dataset.transform
    straight = transform.b == transform.d == 0 and transform.a > 0 > transform.e
    plain = {MaskFlags.all_valid, MaskFlags.nodata}
    if not straight or dataset.crs != WGS84_CRS or any(set(flags) - plain for flags in dataset.mask_flag_enums):
        return None
    if len(set(dataset.dtypes)) > 1 or len(set(dataset.nodatavals)) > 1 or _size(dataset) > capacity:
        return None
    scaled = any(scale != 1 for scale in dataset.scales) or any(dataset.offsets)
    if scaled and dataset.dtypes[0] not in _TABLE_DTYPES:
        return None
    factors = tuple(dataset.overviews(1))
    if coarse:
        return _read(dataset, max(factors, default=1))
    levels = tuple(_read(dataset, factor) for factor in factors)
    return replace(_read(dataset, 1), overviews=factors, levels=levels)


def _read(dataset: DatasetReader, factor: int) -> Decoded:
    """Read a raster, or the overview of it whose pixels are `factor` of its own across."""
    shape = dataset.count, -(-dataset.height // factor), -(-dataset.width // factor)
    bands = dataset.read(out_shape=shape)
    bands.setflags(write=False)
    return Decoded(
        bands=bands,
        transform=dataset.transform @ Affine.scale(dataset.width / shape[2], dataset.height / shape[1]),
        nodata=dataset.nodata,
        scales=tuple(dataset.scales),
        offsets=tuple(dataset.offsets),
        overviews=(),
    )


def _size(dataset: DatasetReader) -> int:
    return int(dataset.count * dataset.height * dataset.width * np.dtype(dataset.dtypes[0]).itemsize)
