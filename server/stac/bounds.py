"""Bounding boxes as pgSTAC can take them."""

import math
from collections.abc import Sequence
from typing import Any

from server.errors import InvalidSearchError

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


def flat_bounds(bbox: Sequence[float]) -> Bounds:
    """Return a bounding box without its heights.

    Stock pgSTAC builds a PolyhedralSurface of a 3-D box, which PostGIS 3.3 can't intersect (an error 500 as soon as
    the box touches data). WorldStrat's footprints have no height, so that no range of heights can exclude one.

    Args:
        bbox: 4 numbers (west, south, east, north) or 6 (west, south, lowest, east, north, highest).

    Raises:
        InvalidSearchError: another count of numbers, not finite, outside the globe, or south above north.
    """
    if len(bbox) not in {4, 6}:
        raise InvalidSearchError(f"bbox has {len(bbox)} numbers; it takes 4, or 6 with heights.")
    if not all(math.isfinite(number) for number in bbox):
        raise InvalidSearchError(f"bbox {_text(bbox)} holds a number that is not finite.")
    half = len(bbox) // 2
    if len(bbox) > 4 and bbox[2] > bbox[5]:  # noqa: PLR2004
        raise InvalidSearchError(f"bbox {_text(bbox)} has its lowest height above its highest.")
    west, south, east, north = (*bbox[:2], *bbox[half : half + 2])
    if min(west, east) < -180 or max(west, east) > 180 or south < -90 or north > 90:  # noqa: PLR2004
        raise InvalidSearchError(f"bbox {_text(bbox)} reaches beyond longitudes -180..180 and latitudes -90..90.")
    if south > north:
        raise InvalidSearchError(f"bbox {_text(bbox)} has its south above its north.")
    return west, south, east, north


def crosses_antimeridian(bounds: Bounds) -> bool:
    """Tell whether a box runs east over longitude 180, as GeoJSON writes it: its west is greater than its east."""
    return bounds[0] > bounds[2]


def split_at_antimeridian(bounds: Bounds) -> dict[str, Any]:
    """Return the GeoJSON MultiPolygon of a box that crosses longitude 180; pgSTAC would search its complement."""
    west, south, east, north = bounds
    return {"type": "MultiPolygon", "coordinates": [_ring(west, south, 180, north), _ring(-180, south, east, north)]}


def _ring(west: float, south: float, east: float, north: float) -> list[list[list[float]]]:
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


def _text(bbox: Sequence[float]) -> str:
    return ",".join(f"{number:g}" for number in bbox)
