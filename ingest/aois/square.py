"""The square of an AOI around a point, as the authors drew it."""

from math import sqrt
from typing import Final

from pyproj import Geod

from catalog.metadata import Bounds

AREA: Final = 2.5
"""Square kilometres of a published AOI."""
_WGS84: Final = Geod(ellps="WGS84")


def square_around(lon: float, lat: float, area: float = AREA) -> Bounds:
    """Return the bounds of a square of `area` square kilometres around a point.

    Its sides lie half a side's length to the west, south, east and north, along geodesics of the WGS 84 ellipsoid.
    West is greater than east where it would cross the antimeridian.
    """
    half = 500 * sqrt(area)
    lons, lats, _ = _WGS84.fwd([lon] * 4, [lat] * 4, [270, 180, 90, 0], [half] * 4)
    return lons[0], lats[1], lons[2], lats[3]


def area_of(bounds: Bounds) -> float:
    """Return the area between bounds on the ellipsoid, in square kilometres."""
    west, south, east, north = bounds
    area, _ = _WGS84.polygon_area_perimeter([west, east, east, west], [south, south, north, north])
    return abs(area) / 1e6
