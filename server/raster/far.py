"""Tiles on which a raster is small: what lies below one pixel of the tile becomes one number.

GDAL would warp the whole tile at the raster's own resolution and then keep every so-manyth pixel, which at zoom 0 is a
raster of ten million pixels a side. Here work is bounded by the raster instead. A pixel of the tile shows the raster
where its centre lies in it; the pixel around the raster's middle always does, so that an item never vanishes.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from morecantile import Tile, TileMatrixSet
from numpy.typing import NDArray
from rio_tiler.io import Reader
from rio_tiler.models import ImageData
from rio_tiler.types import BBox

from server.raster.decoded import Decoded
from server.raster.record import Grid
from server.raster.warp import SEPARABLE, Picks, Tiled, latitude, longitude, pick, project

FAR = 8.0
"""Pixels of a raster below one of a tile, along a side, from which on the tile is made here: twice an overview's."""
_MOST_SAMPLES = 256  # along a side of one pixel: a raster's coarsest overview has about as many
_AROUND = ("buffer", "padding")


@dataclass(frozen=True)
class Place:
    """Where a raster lies on a tile."""

    tms: TileMatrixSet
    """The tile scheme, one of `SEPARABLE`."""
    bounds: BBox
    """Extent of the tile with its buffer, in the scheme's coordinates."""
    size: int
    """Pixels along a side of it."""
    raster: BBox
    """Left, top, right, bottom of the raster in pixels of the tile."""

    @classmethod
    def find(cls, grid: Grid, tms: TileMatrixSet, tile: Tile, tilesize: int | None, buffer: float) -> Self | None:
        """Return the place of a raster, None where it is not small enough for this.

        Args:
            grid: the raster's.
            tms: the tile scheme.
            tile: the tile.
            tilesize: pixels along a side; as many as the scheme says unless given.
            buffer: pixels around the tile.
        """
        if tms.id not in SEPARABLE:
            return None
        left, bottom, right, top = tms.xy_bounds(tile)
        size = tilesize or tms.matrix(tile.z).tileWidth
        pixel = (right - left) / size, (top - bottom) / size
        left, bottom = left - buffer * pixel[0], bottom - buffer * pixel[1]
        right, top = right + buffer * pixel[0], top + buffer * pixel[1]
        size += int(2 * buffer)
        pixel = (right - left) / size, (top - bottom) / size
        west, south, east, north = project(grid.bounds, tms)
        place = (west - left) / pixel[0], (top - north) / pixel[1], (east - left) / pixel[0], (top - south) / pixel[1]
        if grid.width < FAR * (place[2] - place[0]):
            return None
        return cls(tms, (left, bottom, right, top), size, place)

    @property
    def columns(self) -> range:
        """The columns of the tile that show the raster."""
        return _shown(self.raster[0], self.raster[2], self.size)

    @property
    def rows(self) -> range:
        """The rows of the tile that show the raster."""
        return _shown(self.raster[1], self.raster[3], self.size)

    @property
    def box(self) -> BBox:
        """Extent of the raster on those rows and columns, in the scheme's coordinates."""
        left, bottom, right, top = self.bounds
        across, down = (right - left) / self.size, (top - bottom) / self.size
        west, north = max(self.columns.start, self.raster[0]), max(self.rows.start, self.raster[1])
        east, south = min(self.columns.stop, self.raster[2]), min(self.rows.stop, self.raster[3])
        return left + west * across, top - south * down, left + east * across, top - north * down


def average_tile(raster: Decoded, place: Place, indexes: tuple[int, ...]) -> Tiled:
    """Make a tile of a decoded raster: the mean of what lies below each pixel; of classes and angles what lies amid.

    Args:
        raster: the raster, or an overview of it.
        place: where it lies.
        indexes: numbers of the bands, from 1.
    """
    left, bottom, right, top = place.bounds
    x, across = _samples(place.columns, place.raster[0::2], raster.width if raster.scaled else 0)
    y, down = _samples(place.rows, place.raster[1::2], raster.height if raster.scaled else 0)
    lon = longitude(left + x * ((right - left) / place.size), place.tms)
    lat = latitude(top - y * ((top - bottom) / place.size), place.tms)
    columns, _ = pick((lon - raster.transform.c) / raster.transform.a, raster.width)
    rows, _ = pick((lat - raster.transform.f) / raster.transform.e, raster.height)
    data = np.full((len(indexes), place.size, place.size), raster.nodata or 0, raster.bands.dtype)
    mask = np.ones(data.shape, np.bool_)
    shown = slice(place.rows.start, place.rows.stop), slice(place.columns.start, place.columns.stop)
    for band, index in enumerate(indexes):
        means, empty = _means(_blocks(raster.bands[index - 1], rows, columns, (down, across)), raster.nodata)
        data[band][shown], mask[band][shown] = means, empty
    return Tiled(data, mask, place.bounds)


def read_tile(src: Reader, place: Place, indexes: tuple[int, ...], options: dict[str, Any]) -> ImageData:
    """Make a tile by GDAL, which reads the raster alone: the tile around it is added afterwards.

    The edges of the raster lie at whole pixels of the tile. `padding` has no effect: there is nothing around to read.

    Args:
        src: the raster.
        place: where it lies.
        indexes: numbers of the bands, from 1.
        options: rio-tiler's.
    """
    crs = place.tms.rasterio_crs
    # Where no pixel shows the raster, one of it still says of what type and unit the numbers are.
    empty = not place.rows or not place.columns
    size: dict[str, Any] = {"height": len(place.rows) or 1, "width": len(place.columns) or 1, "max_size": None}
    others = {name: value for name, value in options.items() if name not in _AROUND}
    box = project(src.get_geographic_bounds(src.crs), place.tms) if empty else place.box
    image = src.part(box, crs, crs, indexes=indexes, **size, **others)
    shape = image.count, place.size, place.size
    array = np.ma.MaskedArray(np.zeros(shape, image.array.dtype), mask=np.ones(shape, np.bool_))
    if not empty:
        array[:, place.rows.start : place.rows.stop, place.columns.start : place.columns.stop] = image.array
    return ImageData(
        array,
        bounds=place.bounds,
        crs=crs,
        band_names=image.band_names,
        band_descriptions=image.band_descriptions,
        metadata=image.metadata,
        nodata=image.nodata,
        scales=image.scales,
        offsets=image.offsets,
    )


def _shown(low: float, high: float, size: int) -> range:
    """Return the pixels of a tile whose centre lies between two positions, or the one that holds their middle."""
    first, last = math.ceil(low - 0.5), math.floor(high - 0.5)
    if first > last:
        first = last = math.floor((low + high) / 2)
    start = min(max(first, 0), size)
    return range(start, max(start, min(last + 1, size)))


def _samples(pixels: range, raster: tuple[float, ...], length: int) -> tuple[NDArray[np.float64], int]:
    """Return where on an axis of a tile a raster is read, and how often in each pixel.

    Args:
        pixels: the pixels of the tile.
        raster: start and end of the raster.
        length: its own pixels; 0 to read it once in each.
    """
    low, high = raster
    count = max(1, min(_MOST_SAMPLES, math.ceil(length / (high - low))))
    edges = np.arange(pixels.start, pixels.stop)
    starts, ends = np.maximum(edges, low)[:, None], np.minimum(edges + 1, high)[:, None]
    return (starts + (np.arange(count) + 0.5) / count * (ends - starts)).ravel(), count


def _blocks(band: NDArray[Any], rows: Picks, columns: Picks, counts: tuple[int, int]) -> NDArray[Any]:
    """Return the numbers of each pixel of a tile as `(y, row, x, column)`."""
    down, across = counts
    picked = band.take(rows, axis=0).take(columns, axis=1)
    return picked.reshape(len(rows) // down, down, len(columns) // across, across)


def _means(blocks: NDArray[Any], nodata: float | None) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the mean of each block, as the type of its numbers, and whether there is no number in it."""
    valid = np.isfinite(blocks) if nodata is None or math.isnan(nodata) else blocks != nodata
    count = valid.sum(axis=(1, 3))
    means = blocks.sum(axis=(1, 3), dtype="float64", where=valid) / np.maximum(count, 1)
    if np.issubdtype(blocks.dtype, np.integer):
        means = np.rint(means)
    return np.where(count, means, nodata or 0).astype(blocks.dtype), count == 0
