"""A raster of the whole globe, read at many points in bounded memory: LCCS or SMOD."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import rasterio
from pyproj import Transformer
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from catalog.constants import CRS
from ingest.aois.errors import SampleAoisError

Codes = npt.NDArray[np.int16]
Degrees = npt.NDArray[np.float64]

TILE: Final = 2048
"""Rows and columns that are read at once; 8 MB of the largest type."""
UNKNOWN: Final = -1
"""What a point outside of the raster has; no class of LCCS or SMOD is negative but the "unknown" of SMOD."""
_LCCS_VARIABLE: Final = "lccs_class"


@dataclass(frozen=True)
class Globe:
    """A raster of classes in longitude and latitude or in Mollweide's or any other projection."""

    path: Path
    """The file: GeoTIFF, or the NetCDF of Copernicus."""

    def sample(self, lon: Degrees, lat: Degrees) -> Codes:
        """Return the class of the pixel that each point lies in, `UNKNOWN` outside.

        Points are taken tile by tile: whatever their number and the size of the raster, one tile is in memory.

        Raises:
            SampleAoisError: the file cannot be read.
        """
        codes = np.full(lon.shape, UNKNOWN, np.int16)
        with self._open() as src:
            rows, columns = _pixels(src, lon, lat)
            inside = np.flatnonzero((rows >= 0) & (rows < src.height) & (columns >= 0) & (columns < src.width))
            across = -(-src.width // TILE)
            tile = rows[inside] // TILE * across + columns[inside] // TILE
            order = inside[np.argsort(tile, kind="stable")]
            starts = np.flatnonzero(np.diff(np.sort(tile), prepend=-1))
            for members in np.split(order, starts[1:]) if order.size else ():
                top, left = rows[members[0]] // TILE * TILE, columns[members[0]] // TILE * TILE
                pixels = src.read(1, window=_window(src, int(top), int(left), TILE))
                codes[members] = pixels[rows[members] - top, columns[members] - left]
        return codes

    def tiles(self, step: int) -> Iterator[tuple[int, int, npt.NDArray[np.generic]]]:
        """Yield (row, column, pixels) of the whole raster in tiles whose sides are multiples of `step`."""
        side = max(1, TILE // step) * step
        with self._open() as src:
            for top in range(0, src.height, side):
                for left in range(0, src.width, side):
                    yield top, left, src.read(1, window=_window(src, top, left, side))

    def pixels(self, lon: Degrees, lat: Degrees) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the row and the column of each point, also of those outside."""
        with self._open() as src:
            return _pixels(src, lon, lat)

    def describe(self) -> tuple[int, int, float]:
        """Return rows, columns and the area of a pixel in square metres.

        Raises:
            SampleAoisError: the file cannot be read, or is not projected.
        """
        with self._open() as src:
            if src.crs is None or not src.crs.is_projected:
                raise SampleAoisError(f"{self.path} is not in metres; give SMOD in its own projection, Mollweide's.")
            return src.height, src.width, abs(src.transform.a * src.transform.e)

    @contextmanager
    def _open(self) -> Iterator[rasterio.DatasetReader]:
        try:
            with rasterio.open(self._address()) as src:
                yield src
        except (RasterioError, OSError) as error:
            raise SampleAoisError(f"{self.path} cannot be read as a raster: {error}") from error

    def _address(self) -> str:
        """Return the file, or the variable of it that holds the classes."""
        with warnings.catch_warnings():
            # A NetCDF of several variables has no place itself; its variables have.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            src = rasterio.open(self.path)
        with src:
            variables = [name for name in src.subdatasets if name.endswith(f":{_LCCS_VARIABLE}")]
            if src.subdatasets and not variables:
                raise SampleAoisError(f"{self.path} has no variable {_LCCS_VARIABLE}; give the file of Copernicus.")
            return variables[0] if variables else str(self.path)


def _pixels(
    src: rasterio.DatasetReader, lon: Degrees, lat: Degrees
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    # Copernicus' NetCDF says nothing of its reference system; its coordinates are degrees.
    crs = src.crs.to_wkt() if src.crs else CRS
    x, y = Transformer.from_crs(CRS, crs, always_xy=True).transform(lon, lat)
    inverse = ~src.transform
    columns = inverse.a * np.asarray(x) + inverse.b * np.asarray(y) + inverse.c
    rows = inverse.d * np.asarray(x) + inverse.e * np.asarray(y) + inverse.f
    return _floor(rows), _floor(columns)


def _floor(values: Degrees) -> npt.NDArray[np.int64]:
    return np.where(np.isfinite(values), np.floor(values), -1).astype(np.int64)


def _window(src: rasterio.DatasetReader, top: int, left: int, side: int) -> Window:
    return Window(left, top, min(side, src.width - left), min(side, src.height - top))
