"""A published raster as it is: its pixels, and the grid they should lie on."""

import warnings
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from affine import Affine
from imagecodecs import TiffError, tiff_decode
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile
from rasterio.transform import array_bounds, from_bounds

from catalog.bands import SPOT_PRODUCTS, Product
from catalog.constants import CRS
from catalog.metadata import Bounds
from ingest.errors import RasterError
from ingest.header import Header

Pixels = npt.NDArray[np.generic]

GRID_TOLERANCE = 0.5
"""How far, in pixels, a raster's edges may lie from its AOI's bounds; published ones coincide."""
_SAME_GRID = 1e-6
MAX_SIDE = 10_000
"""Most rows and columns: published rasters have about 1,000, and a damaged header may claim any number."""
MAX_PIXELS = 50_000_000
"""Most numbers of all bands: published rasters have 4 million, and compressed ones may be a thousand times smaller."""


@dataclass(frozen=True)
class Raster:
    """What one open of a published raster gave."""

    pixels: Pixels
    """Pixels, (band, y, x)."""
    transform: Affine
    """Pixel to ground as the file says it: the identity where it does not."""
    crs: str | None
    """Coordinate reference system as the file says it."""


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a raster lie in longitude and latitude."""

    height: int
    """Rows."""
    width: int
    """Columns."""
    transform: Affine
    """Pixel to ground, degrees, north-up."""

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north in degrees."""
        west, south, east, north = array_bounds(self.height, self.width, self.transform)
        return (west, south, east, north)


def read_raster(data: bytes, product: Product) -> Raster:
    """Decode a published TIFF and check that it has the bands and the type of its product.

    Raises:
        RasterError: it cannot be decoded, or is another kind of raster.
    """
    if not data:
        raise RasterError("the file is empty")
    header = Header.parse(data)
    if header is not None:
        _check(header, product)
        pixels = _decode(data, header)
        if pixels is not None:
            return Raster(pixels, header.transform, header.crs)
    return _read_with_gdal(data, product)


def place(raster: Raster, product: Product, bounds: Bounds | None, grid: Grid | None = None) -> Grid:
    """Return the grid of a raster: its own, or the AOI's bounds where the file has none.

    Args:
        raster: the raster.
        product: its kind.
        bounds: extent of the AOI, where known.
        grid: grid of the item's `data`, which a mask or an angle raster has to share.

    Raises:
        RasterError: it lies nowhere, or elsewhere than its AOI.
    """
    height, width = raster.pixels.shape[1:]
    if raster.transform.is_identity:
        if bounds is None:
            raise RasterError("it has no georeferencing and the bounds of its AOI are not known")
        placed = Grid(height, width, from_bounds(*bounds, width, height))
    else:
        if raster.crs not in {CRS, None}:
            raise RasterError(f"its CRS is {raster.crs}, not {CRS}")
        placed = Grid(height, width, raster.transform)
    _check_on_earth(placed)
    if bounds is not None:
        _check_extent(placed, bounds)
    if grid is not None:
        _check_same(placed, grid, product)
    return placed


def _read_with_gdal(data: bytes, product: Product) -> Raster:
    try:
        with warnings.catch_warnings():
            # SPOT files have no georeferencing; they get it from their AOI.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with MemoryFile(data, filename="raster.tif") as memory, memory.open(driver="GTiff") as src:
                header = Header.of(src)
                _check(header, product)
                pixels = _decode(data, header) if header.is_plain else None
                return Raster(src.read() if pixels is None else pixels, header.transform, header.crs)
    except (RasterioError, ValueError) as error:
        raise RasterError(f"cannot be read as a TIFF: {_reason(error)}") from error


def _decode(data: bytes, header: Header) -> Pixels | None:
    """Return the pixels, (band, y, x), None where it takes GDAL: libtiff alone needs half the time, GDAL knows more."""
    with suppress(TiffError, ValueError, IndexError):
        pixels: Pixels = tiff_decode(data)
        if header.by_pixel and pixels.ndim == 3:  # noqa: PLR2004
            pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
        pixels = pixels if pixels.ndim > 2 else pixels[np.newaxis]  # noqa: PLR2004
        if pixels.shape == (header.count, header.height, header.width) and {str(pixels.dtype)} == set(header.dtypes):
            return pixels
    return None


def _check(header: Header, product: Product) -> None:
    if header.count != len(product.bands):
        raise RasterError(f"it has {header.count} bands, {product.suffix} has {len(product.bands)}")
    width, height = header.width, header.height
    if max(width, height) > MAX_SIDE:
        raise RasterError(f"its header claims {width} x {height} pixels; at most {MAX_SIDE} a side are read")
    if width * height * header.count > MAX_PIXELS:
        raise RasterError(f"{width} x {height} x {header.count} numbers are too many; {MAX_PIXELS:,} are read")
    allowed = _dtypes(product)
    if set(header.dtypes) - allowed:
        raise RasterError(f"its numbers are {header.dtypes[0]}, {product.suffix} has {' or '.join(sorted(allowed))}")


def _dtypes(product: Product) -> set[str]:
    if product.kind == "mask":
        return {"float32", "uint8"}
    # SPOT is published as integers, everything of Sentinel-2 as floating point.
    return {"uint16"} if product in SPOT_PRODUCTS else {"float32"}


def _check_on_earth(grid: Grid) -> None:
    transform, (west, south, east, north) = grid.transform, grid.bounds
    # What is not finite fails every comparison.
    if transform.b or transform.d or not (transform.e < 0 < transform.a):
        raise RasterError("its grid is not north-up")
    slack = GRID_TOLERANCE * max(transform.a, -transform.e)
    if not (-180 - slack <= west < east <= 180 + slack and -90 - slack <= south < north <= 90 + slack):
        raise RasterError(f"it lies at {grid.bounds}, which are no longitudes and latitudes")


def _check_extent(grid: Grid, bounds: Bounds) -> None:
    steps = (grid.transform.a, grid.transform.e) * 2
    off = max(abs((own - aoi) / step) for own, aoi, step in zip(grid.bounds, bounds, steps, strict=True))
    if off > GRID_TOLERANCE:
        raise RasterError(f"it lies at {grid.bounds}, {off:.1f} pixels off its AOI's bounds {bounds}")


def _check_same(own: Grid, grid: Grid, product: Product) -> None:
    if (own.height, own.width) != (grid.height, grid.width):
        raise RasterError(f"{product.suffix} is {own.width} x {own.height}, its data {grid.width} x {grid.height}")
    if max(abs(a - b) for a, b in zip(own.bounds, grid.bounds, strict=True)) > _SAME_GRID:
        raise RasterError(f"{product.suffix} lies at {own.bounds}, its data at {grid.bounds}")


def _reason(error: Exception) -> str:
    """Return GDAL's own first line; rasterio's wrapper often says only "Read failed"."""
    cause = error.__cause__ or error
    return str(cause).split("\n", maxsplit=1)[0]
