"""Published numbers to stored numbers: nothing is lost, and no value means what it does not say."""

from dataclasses import dataclass
from functools import cache
from math import sqrt

import numpy as np
import numpy.typing as npt

from catalog.asset import BandStatistics
from catalog.bands import NO_DATA_IN_CLOUD_MASK, Product
from ingest.errors import RasterError
from ingest.raster import Pixels

_UINT16_MAX = 65535
_CLOUD_MASKS = frozenset({"clm", "clp"})


@dataclass(frozen=True)
class StoredPixels:
    """The pixels of one raster as the COG holds them."""

    pixels: Pixels
    """Pixels, (band, y, x)."""
    nodata: float | None
    """Stored value that means "no data", NaN included; None where every value means something."""
    scale: float | None
    """Unit of one stored number, None where numbers are stored as they are."""
    notes: tuple[str, ...] = ()
    """What was found odd and how it was taken."""


def store(pixels: Pixels, product: Product) -> StoredPixels:
    """Return the numbers to store for published `pixels`, (band, y, x), of a product.

    Raises:
        RasterError: a mask holds something else than whole numbers from 0 to 255.
    """
    if np.issubdtype(pixels.dtype, np.integer):
        return StoredPixels(pixels, product.nodata, product.scale)
    published = pixels.astype(np.float32, copy=False)
    finite = np.isfinite(published)
    # Most rasters are clean: no copy is made for them.
    clean = bool(finite.all())
    notes = () if clean else (_non_finite_note(finite),)
    if product.kind == "angle":
        return _store_angles(published, finite, clean=clean, notes=notes)
    if not clean:
        published = np.where(finite, published, np.float32(_fill(product)))
    if product.kind == "mask":
        return StoredPixels(_whole(published, product), product.nodata, None, notes)
    return _store_reflectance(published, product, notes)


def statistics(stored: StoredPixels) -> tuple[BandStatistics | None, ...]:
    """Return the statistics of each band's valid pixels in stored units, None for a band that has none."""
    return tuple(_band_statistics(band, stored) for band in stored.pixels)


def scaled(stored: npt.NDArray[np.uint16], scale: float) -> npt.NDArray[np.float32]:
    """Return what readers make of scaled numbers: GDAL multiplies in double precision, then rounds to single."""
    return (stored * scale).astype(np.float32)


@cache
def _all_scaled(scale: float) -> npt.NDArray[np.float32]:
    """Return what readers make of every stored number: to look one up is quicker than to compute it."""
    return scaled(np.arange(_UINT16_MAX + 1, dtype=np.uint16), scale)


def _store_reflectance(published: npt.NDArray[np.float32], product: Product, notes: tuple[str, ...]) -> StoredPixels:
    scale = product.scale
    if scale is None:
        raise RasterError(f"{product.suffix} has no scale")
    # Rounding errors of single precision stay below 0.005 over the whole range of uint16.
    whole = published * np.float32(1 / scale)
    np.rint(whole, out=whole)
    if whole.min() >= 0 and whole.max() <= _UINT16_MAX:
        integers = whole.astype(np.uint16)
        if np.array_equal(_all_scaled(scale).take(integers), published):
            return StoredPixels(integers, product.nodata, scale, notes)
    return StoredPixels(
        published, product.nodata, None, (*notes, "kept as float32: its values do not fit scaled integers")
    )


def _store_angles(
    published: npt.NDArray[np.float32], finite: npt.NDArray[np.bool_], *, clean: bool, notes: tuple[str, ...]
) -> StoredPixels:
    if clean:
        return StoredPixels(published, None, None)
    # Every number is a valid angle, so only NaN can say that there is none.
    return StoredPixels(np.where(finite, published, np.float32(np.nan)), float("nan"), None, notes)


def _whole(published: npt.NDArray[np.float32], product: Product) -> npt.NDArray[np.uint8]:
    low, high = float(published.min()), float(published.max())
    if low < 0 or high > np.iinfo(np.uint8).max:
        raise RasterError(f"{product.suffix} holds {low:g} to {high:g}, a mask has 0 to 255")
    whole = published.astype(np.uint8)
    if not np.array_equal(whole, published):
        raise RasterError(f"{product.suffix} holds fractions, a mask has whole numbers")
    return whole


def _fill(product: Product) -> int:
    """Return what a mask or a reflectance says where nothing was seen; for all but the cloud masks that is 0."""
    return NO_DATA_IN_CLOUD_MASK if product.key in _CLOUD_MASKS else product.nodata or 0


def _non_finite_note(finite: npt.NDArray[np.bool_]) -> str:
    return f"{int(finite.size - np.count_nonzero(finite))} numbers are NaN or infinite and became no data"


def _band_statistics(band: Pixels, stored: StoredPixels) -> BandStatistics | None:
    valid = _valid(band.ravel(), stored.nodata)
    if not valid.size:
        return None
    low, high, numbers = float(valid.min()), float(valid.max()), valid.astype(np.float64)
    mean = float(numbers.mean())
    numbers -= mean
    deviation = sqrt(float(np.square(numbers, out=numbers).mean()))
    return BandStatistics(low, high, mean, deviation, 100.0 * valid.size / band.size)


def _valid(numbers: Pixels, nodata: float | None) -> Pixels:
    """Return the numbers that mean something; no copy is made where all do."""
    if nodata is None:
        return numbers
    missing = np.isnan(numbers) if np.isnan(nodata) else numbers == nodata
    return numbers[~missing] if missing.any() else numbers
