"""The grid of an AOI: 10 m as Sentinel Hub counts them, on longitude and latitude."""

from typing import Final

from pyproj import Transformer
from rasterio.transform import from_bounds

from catalog.constants import CRS
from catalog.metadata import Bounds
from ingest.extend.errors import ExtendError
from ingest.raster import Grid

GSD: Final = 10
"""Metres."""
MAX_SIDE: Final = 1000
"""Most rows and columns: a published AOI has about 160, and all that reads AOIs reads them whole."""


def create_grid(bounds: Bounds) -> Grid:
    """Return the grid that the authors' pipeline gives an AOI.

    Its corners are taken to the UTM zone of its centre; what lies between them there, in tens of metres, is the size.

    Raises:
        ExtendError: the AOI has no whole pixel, or too many.
    """
    west, south, east, north = bounds
    to_utm = Transformer.from_crs(CRS, _utm((west + east) / 2, (south + north) / 2), always_xy=True)
    (left, right), (bottom, top) = to_utm.transform([west, east], [south, north])
    width, height = round(abs(right - left) / GSD), round(abs(top - bottom) / GSD)
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise ExtendError(f"its {width} x {height} pixels of {GSD} m are not 1 to {MAX_SIDE} a side")
    return Grid(height, width, from_bounds(west, south, east, north, width, height))


def _utm(lon: float, lat: float) -> str:
    zone = int((lon + 180) // 6) % 60 + 1
    return f"EPSG:{326 if lat >= 0 else 327}{zone:02d}"
