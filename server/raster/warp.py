"""Tiles of a decoded raster: rows and columns are picked, since the map from one grid to the other is separable.

Longitude follows from a tile's column alone and latitude from its row alone, in both tile schemes that we serve. So
where a raster lies north up in degrees, the nearest source pixel of a tile's pixel is one of 256 rows and one of 256
columns, both computed exactly, and a warp is two pickings. The sizes in between are those of rio-tiler and GDAL, which
choose the same pixels.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from affine import Affine
from morecantile import Tile, TileMatrixSet
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import calculate_default_transform
from rio_tiler.constants import WGS84_CRS
from rio_tiler.types import BBox

from server.raster.decoded import Decoded

EARTH_RADIUS = 6_378_137.0
"""Of the sphere of EPSG:3857, in metres."""
MERCATOR, DEGREES = "WebMercatorQuad", "WorldCRS84Quad"
SEPARABLE = frozenset({MERCATOR, DEGREES})
"""The tile schemes whose columns are longitudes and whose rows are latitudes."""

# Measured with GDAL 3.10: how many times those asked for the pixels of an overview are at most. The first overview has
# a limit of its own, and all bands at once have one, too.
_FIRST, _OTHERS, _OTHERS_WHOLE = 1.264, 1.2, 1.235
_EPSILON = 1e-10  # GDAL's own: a centre that lies on an edge belongs to the pixel after it
_MAX_LATITUDE = 85.06  # beyond, rio-tiler cuts a raster before it measures its pixels

Picks = NDArray[np.int64]
Picked = tuple[Picks, NDArray[np.bool_]]
"""Pixels on an axis of a raster, and whether the place they were looked for lies outside it."""


@dataclass(frozen=True)
class Tiled:
    """One tile of a raster."""

    data: NDArray[Any]
    """Stored numbers as `(band, y, x)`; `nodata` or 0 outside the raster."""
    mask: NDArray[np.bool_]
    """True where there is no data, of the same shape or of one that broadcasts to it."""
    bounds: BBox
    """Extent of the tile in its scheme's coordinates."""


def touches(bounds: BBox, tms: TileMatrixSet, tile: Tile) -> bool:
    """Tell whether a tile touches what lies between west, south, east and north."""
    left, bottom, right, top = tms.xy_bounds(tile)
    west, east = longitude(np.array([left, right]), tms)
    south, north = latitude(np.array([bottom, top]), tms)
    return bool(west < bounds[2] and east > bounds[0] and south < bounds[3] and north > bounds[1])


def warp_tile(
    raster: Decoded, tms: TileMatrixSet, tile: Tile, tilesize: int | None, indexes: tuple[int, ...]
) -> Tiled | None:
    """Make a tile, each pixel the nearest of the raster.

    Args:
        raster: the raster.
        tms: the tile scheme.
        tile: the tile.
        tilesize: pixels along a side; as many as the scheme says unless given.
        indexes: numbers of the bands, from 1.

    Returns:
        The tile; None where GDAL would not pick rows and columns: another scheme, a place near a pole.
    """
    if tms.id not in SEPARABLE or max(map(abs, raster.bounds[1::2])) > _MAX_LATITUDE:
        return None
    left, bottom, right, top = tms.xy_bounds(tile)
    size = tilesize or tms.matrix(tile.z).tileWidth
    resolution = _resolution(raster.transform, raster.width, raster.height, tms.rasterio_crs)
    across = _grid_size(right - left, size, resolution)
    whole = len(set(indexes)) == len(raster.bands)
    raster, across = _choose_level(raster, across, size, whole=whole)
    if whole:
        across = size  # GDAL warps all bands at once straight to the size asked for
    down = across
    x = left + _centres(size, across) * (right - left)
    y = top - _centres(size, down) * (top - bottom)
    transform = raster.transform
    rows = pick((latitude(y, tms) - transform.f) / transform.e, raster.height)
    columns = pick((longitude(x, tms) - transform.c) / transform.a, raster.width)
    return Tiled(*_gather(raster, indexes, rows, columns), (left, bottom, right, top))


def _choose_level(raster: Decoded, steps: int, size: int, *, whole: bool) -> tuple[Decoded, int]:
    """Return what GDAL reads for a tile of `size` pixels warped to `steps`: the raster or an overview, and the steps.

    An overview is warped to as many fewer pixels as it has fewer itself. `whole` says that all bands are read.
    """
    chosen, kept = raster, steps
    for factor, level in zip(raster.overviews, raster.levels, strict=True):
        limit = _FIRST if level is raster.levels[0] else _OTHERS_WHOLE if whole else _OTHERS
        if factor <= steps / size * limit:
            chosen, kept = level, math.floor(0.5 + steps * level.width / raster.width)
    return chosen, kept


def _gather(
    raster: Decoded, indexes: tuple[int, ...], rows: Picked, columns: Picked
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return what lies at some rows and columns of a raster, and a mask of what is empty."""
    (picked_rows, above), (picked_columns, beside) = rows, columns
    data = np.full((len(indexes), len(above), len(beside)), raster.nodata or 0, raster.bands.dtype)
    shown = _span(above), _span(beside)
    for out, index in zip(data, indexes, strict=True):
        band = raster.bands[index - 1].take(picked_rows[shown[0]], axis=0)
        out[shown] = band.take(picked_columns[shown[1]], axis=1)
    if raster.nodata is None:
        return data, (above[:, None] | beside)[None]
    return data, np.isnan(data) if math.isnan(raster.nodata) else data == raster.nodata


def _span(outside: NDArray[np.bool_]) -> slice:
    """Return the positions on an axis that lie inside a raster: they are one after the other."""
    inside = np.flatnonzero(~outside)
    return slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0)


def _centres(size: int, steps: int) -> NDArray[np.float64]:
    """Return where on an axis from 0 to 1 the pixels of a tile are read.

    rio-tiler does not warp to a grid coarser than the raster: it warps to `steps` pixels, of which it keeps `size`.
    """
    kept = np.arange(size) if steps == size else np.floor((np.arange(size) + 0.5) * (steps / size) + _EPSILON)
    return (kept + 0.5) / steps


def pick(position: NDArray[np.float64], size: int) -> Picked:
    """Return the pixels in which positions on an axis lie, and whether they lie outside it."""
    position = position + _EPSILON
    outside = (position < 0) | (position > size)
    return np.clip(np.floor(position), 0, size - 1).astype(np.int64), outside


def _grid_size(extent: float, size: int, resolution: float) -> int:
    """Return to how many pixels along a side rio-tiler warps."""
    return size if extent / size < resolution else max(1, round(extent / resolution))


@lru_cache(maxsize=4096)
def _resolution(transform: Affine, width: int, height: int, crs: CRS) -> float:
    """Return the size that the pixels of a raster would have in other coordinates, as GDAL proposes it."""
    west, north = transform * (0, 0)
    east, south = transform * (width, height)
    proposed, _, _ = calculate_default_transform(WGS84_CRS, crs, width, height, west, south, east, north)
    return float(proposed.a)


def longitude(x: NDArray[np.float64], tms: TileMatrixSet) -> NDArray[np.float64]:
    """Return degrees east of coordinates of a scheme."""
    return x if tms.id == DEGREES else np.degrees(x / EARTH_RADIUS)


def latitude(y: NDArray[np.float64], tms: TileMatrixSet) -> NDArray[np.float64]:
    """Return degrees north of coordinates of a scheme."""
    return y if tms.id == DEGREES else np.degrees(np.arctan(np.sinh(y / EARTH_RADIUS)))


def project(bounds: BBox, tms: TileMatrixSet) -> BBox:
    """Return west, south, east, north in the coordinates of a scheme."""
    if tms.id == DEGREES:
        return bounds
    west, south, east, north = (math.radians(degree) for degree in bounds)
    x, y = (west * EARTH_RADIUS, east * EARTH_RADIUS), [EARTH_RADIUS * math.asinh(math.tan(a)) for a in (south, north)]
    return x[0], y[0], x[1], y[1]
