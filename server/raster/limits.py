"""How much a caller may ask for at once."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from morecantile import TileMatrixSet
from rasterio.crs import CRS
from rasterio.features import bounds as shape_bounds
from rasterio.warp import transform_bounds
from rio_tiler.constants import WGS84_CRS
from rio_tiler.errors import TileOutsideBounds
from rio_tiler.types import BBox

from server.raster.errors import InvalidRequestError, OutsideItemError

MAX_SIZE = 2048
"""Most pixels along a side of an image."""
MAX_TILESIZE = 1024
"""Most pixels along a side of a tile."""
MAX_SUMMARY_SIZE = 1280
"""The same where statistics are computed: coverage by a geometry takes a hundred bytes a pixel."""
MAX_COVER_SCALE = 10
"""Finest share of a pixel, to which coverage by a geometry is computed."""
MAX_FEATURES = 100
"""Most features of a request."""
MAX_ZOOM = 24
"""Deepest zoom: a pixel is a centimetre."""
MAX_VERTICES = 10_000
"""Most vertices of a geometry."""
MAX_SPAN = 5.0
"""Widest box, in degrees: one AOI spans 0.02."""

MAX_WARPED_SPAN = 0.5
"""The same where GDAL warps it, which takes the box's area at the item's resolution: half a second for SPOT."""


def check_tilesize(tilesize: int | None) -> None:
    """Refuse a tile that is too large.

    Raises:
        InvalidRequestError: it is.
    """
    if tilesize is not None and not 1 <= tilesize <= MAX_TILESIZE:
        raise InvalidRequestError(f"A tile has 1 to {MAX_TILESIZE} pixels a side, not {tilesize}.")


def check_tile(tms: TileMatrixSet, x: int, y: int, z: int) -> None:
    """Refuse a tile that no zoom level has.

    Raises:
        TileOutsideBounds: it is one.
    """
    if tms.minzoom <= z <= tms.maxzoom:
        matrix = tms.matrix(z)
        if 0 <= x < matrix.matrixWidth and 0 <= y < matrix.matrixHeight:
            return
    raise TileOutsideBounds(f"{tms.id} has no tile {z}/{x}/{y}.")


def check_point(lon: float, lat: float) -> None:
    """Refuse what is no point.

    Raises:
        InvalidRequestError: it is not finite.
    """
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise InvalidRequestError(f"{lon},{lat} is no point.")


def check_features(count: int) -> None:
    """Refuse more features than are answered at once.

    Raises:
        InvalidRequestError: there are more.
    """
    if count > MAX_FEATURES:
        raise InvalidRequestError(f"At most {MAX_FEATURES} features are answered at once.")


def check_box(bbox: BBox, crs: CRS, item_bounds: BBox, *, warped: bool = False) -> None:
    """Refuse a box that is none, or that does not touch an item.

    Args:
        bbox: the box, in `crs`.
        crs: its coordinates.
        item_bounds: extent of the item in degrees.
        warped: it is read in coordinates other than the item's, or along the edge of a geometry.

    Raises:
        InvalidRequestError: it is no box, or far larger than an item.
        OutsideItemError: it does not touch the item.
    """
    west, south, east, north = degrees(bbox, crs)
    most = MAX_WARPED_SPAN if warped else MAX_SPAN
    if max(east - west, north - south) > most:
        where = ", as does a geometry, where it is cut out or its coordinates change" if warped else ""
        raise InvalidRequestError(f"A box spans at most {most:g} degrees{where}.")
    left, bottom, right, top = item_bounds
    if west >= right or east <= left or south >= top or north <= bottom:
        raise OutsideItemError(
            f"The box {_written(bbox)} does not touch the item, which spans {_written(item_bounds)}."
        )


def degrees(bbox: BBox, crs: CRS) -> BBox:
    """Return a box in degrees.

    Raises:
        InvalidRequestError: it is no box.
    """
    if not all(map(math.isfinite, bbox)) or bbox[0] >= bbox[2] or bbox[1] >= bbox[3]:
        raise InvalidRequestError(f"{_written(bbox)} is no box: west, south, east, north, each less than its opposite.")
    try:
        box = bbox if crs == WGS84_CRS else transform_bounds(crs, WGS84_CRS, *bbox, densify_pts=21)
    except Exception as error:
        raise InvalidRequestError(f"The box {_written(bbox)} has no place on Earth in {crs}.") from error
    west, south, east, north = box
    if not all(map(math.isfinite, box)) or east - west > 360 or south < -90 or north > 90:  # noqa: PLR2004
        raise InvalidRequestError(f"The box {_written(bbox)} has no place on Earth in {crs}.")
    return tuple(box)


def check_ratio(bbox: BBox, crs: CRS, width: int | None, height: int | None) -> None:
    """Refuse a size whose other side, which follows from the box, is too large.

    Raises:
        InvalidRequestError: it is.
    """
    if bool(width) == bool(height):
        return
    west, south, east, north = bbox
    ratio = (east - west) / (north - south)
    other = (width or 0) / ratio + (height or 0) * ratio
    if other > MAX_SIZE:
        raise InvalidRequestError(
            f"In {crs} the other side would have {other:.0f} pixels; at most {MAX_SIZE} are given."
        )


def check_shape(shape: Mapping[str, Any]) -> BBox:
    """Return the box around a GeoJSON geometry or feature.

    Raises:
        InvalidRequestError: it has too many vertices, or none.
    """
    geometry = shape.get("geometry") or shape
    count = sum(1 for _ in _vertices(geometry))
    if not 1 <= count <= MAX_VERTICES:
        raise InvalidRequestError(f"A geometry has 1 to {MAX_VERTICES} vertices, not {count}.")
    bounds: BBox = shape_bounds(geometry)
    return bounds


def _vertices(geometry: Mapping[str, Any]) -> Iterator[Any]:
    pending: list[Any] = [geometry.get("coordinates", []), *geometry.get("geometries", [])]
    while pending:
        part = pending.pop()
        if isinstance(part, Mapping):
            pending += [part.get("coordinates", []), *part.get("geometries", [])]
        elif part and isinstance(part[0], int | float):
            yield part
        else:
            pending += part


def _written(bbox: BBox) -> str:
    return ", ".join(f"{value:.6g}" for value in bbox)
