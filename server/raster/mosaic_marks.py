"""Marks: where an image is too small to be seen on a tile, a square in the colour that it has on average.

A mark is made of numbers, the means of the bands as the catalog's statistics give them, so that bands, expressions,
ranges and colours act on it as they do on pixels, and no object is read for it.
"""

from dataclasses import dataclass

import numpy as np
from morecantile import Tile, TileMatrixSet
from numpy.typing import NDArray
from rasterio.crs import CRS
from rio_tiler.models import ImageData
from rio_tiler.types import BBox

from server.raster.mosaic_index import Index, MosaicIndexes
from server.raster.selection import Selection
from server.raster.stack import Band, MaskedArray, combine

MARK_SIZES = (2, 3, 4, 5)
"""Least pixels along a side of a mark at zoom 0, 1, 2 and from 3 on: all of the dataset lies on one tile of zoom 0."""


@dataclass(frozen=True)
class Frame:
    """The pixels of a tile."""

    tms: TileMatrixSet
    """Its scheme, one whose axes are longitude and latitude."""
    bounds: BBox
    """Extent with its buffer, in the scheme's coordinates."""
    size: int
    """Pixels along a side."""
    mark: int = MARK_SIZES[-1]
    """Least pixels along a side of a mark."""

    @classmethod
    def of_tile(cls, tms: TileMatrixSet, tile: Tile, tilesize: int | None, buffer: float) -> "Frame":
        """Return the frame of a tile with some pixels around it."""
        left, bottom, right, top = tms.xy_bounds(tile)
        inner = tilesize or tms.matrix(tile.z).tileWidth
        across, down = buffer * (right - left) / inner, buffer * (top - bottom) / inner
        mark = MARK_SIZES[min(tile.z, len(MARK_SIZES) - 1)]
        return cls(tms, (left - across, bottom - down, right + across, top + down), inner + int(2 * buffer), mark)

    @property
    def crs(self) -> CRS:
        """Coordinates of the tile."""
        crs: CRS = self.tms.rasterio_crs
        return crs

    def place(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return left, top, right, bottom in pixels of boxes `(item, 4)` in the scheme's coordinates."""
        left, bottom, right, top = self.bounds
        across, down = self.size / (right - left), self.size / (top - bottom)
        west, south, east, north = boxes.T
        columns = (west - left) * across, (east - left) * across
        return np.stack([columns[0], (top - north) * down, columns[1], (top - south) * down], axis=1)


def grow(places: NDArray[np.float64], mark: int) -> NDArray[np.int64]:
    """Return the pixels of marks: those of what they mark, or the square around its middle where these are few.

    Args:
        places: left, top, right, bottom in pixels, `(item, 4)`.
        mark: least pixels along a side.

    Returns:
        First column, first row, last column, last row of each, the last ones exclusive.
    """
    low, high = np.floor(places[:, :2] + 0.5), np.floor(places[:, 2:] + 0.5)
    least = np.floor((places[:, :2] + places[:, 2:]) / 2 - mark / 2 + 0.5)
    small = high - low < mark
    low, high = np.where(small, least, low), np.where(small, least + mark, high)
    return np.concatenate([low, high], axis=1).astype(np.int64)


def has_means(selection: Selection) -> bool:
    """Tell whether a mean says something of all bands of a selection: of reflectance it does, of classes not."""
    return all(pick.asset.unit and not pick.asset.colormap for pick in selection.picks)


def mean_values(indexes: MosaicIndexes, index: Index, members: NDArray[np.int64], selection: Selection) -> MaskedArray:
    """Return what a selection is on average of some items of one collection, `(band, item)`."""
    places = index.places[members]
    collection = index.collections[members[0]]
    bands: dict[Band, MaskedArray] = {}
    for pick in selection.picks:
        means = indexes.means(index, collection, pick.asset.key)
        known = pick.index <= means.shape[1]
        column = means[places, pick.index - 1] if known else np.full(len(places), np.nan, np.float32)
        bands[pick.asset.key, pick.index] = np.ma.MaskedArray(column, mask=np.isnan(column))
    with np.errstate(all="ignore"):
        return combine(selection, bands)


def paint_marks(frame: Frame, pixels: NDArray[np.int64], values: MaskedArray) -> ImageData:
    """Return a tile of marks.

    Args:
        frame: the tile.
        pixels: where each mark lies, from `grow`; the first one lies on top.
        values: the numbers of each, `(band, mark)`; one without numbers is left out.
    """
    shape = len(values), frame.size, frame.size
    data, mask = np.zeros(shape, np.float32), np.ones(shape, np.bool_)
    hidden = np.ma.getmaskarray(values).any(axis=0)
    left, top, right, bottom = np.clip(pixels, 0, frame.size).T
    for mark in np.flatnonzero(~hidden)[::-1]:
        rows, columns = slice(top[mark], bottom[mark]), slice(left[mark], right[mark])
        data[:, rows, columns] = values.data[:, mark, None, None]
        mask[:, rows, columns] = False
    return ImageData(np.ma.MaskedArray(data, mask=mask), bounds=frame.bounds, crs=frame.crs)
