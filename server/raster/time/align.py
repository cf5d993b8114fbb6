"""Rasters of several dates on one grid.

Dates of a place are published on the same bounds, but one may have a row or a column more than another. All are read
on one grid: of each of its pixels the source pixel in which its centre lies (nearest), or what GDAL's warper makes of
the pixels around it by another method. Classes and masks are always the nearest.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.warp import reproject
from rio_tiler.constants import WGS84_CRS

from server.raster.chip import Chips
from server.raster.decoded import Decoded
from server.raster.record import AssetRecord, Grid, ItemRecord
from server.raster.warp import pick

NEAREST = "nearest"


@dataclass(frozen=True)
class Aligned:
    """Bands of one raster on a grid."""

    data: NDArray[Any]
    """Stored numbers as `(band, y, x)`."""
    mask: NDArray[np.bool_]
    """True where there is no data, of the same shape."""
    units: tuple[tuple[float, float], ...]
    """Scale and offset of each band."""

    @property
    def physical(self) -> np.ma.MaskedArray[Any, Any]:
        """The numbers in physical units as float32; classes, masks and angles as they are."""
        if all(unit == (1, 0) for unit in self.units):
            return np.ma.MaskedArray(self.data, mask=self.mask)
        scales, offsets = np.array(self.units, np.float64).T[:, :, None, None]
        return np.ma.MaskedArray((self.data * scales + offsets).astype(np.float32), mask=self.mask)


def common_grid(grids: Iterable[Grid]) -> Grid:
    """Return the grid that most dates have, the first of equals."""
    return Counter(grids).most_common(1)[0][0]


def window(grid: Grid, bounds: tuple[float, float, float, float]) -> Grid:
    """Return the part of a grid that a box touches; at least a pixel."""
    west, south, east, north = bounds
    (left, top), (right, bottom) = ~grid.transform * (west, north), ~grid.transform * (east, south)
    first = (min(max(int(left), 0), grid.width - 1), min(max(int(top), 0), grid.height - 1))
    last = min(int(np.ceil(right)), grid.width), min(int(np.ceil(bottom)), grid.height)
    size = max(last[0] - first[0], 1), max(last[1] - first[1], 1)
    return Grid(grid.transform @ Affine.translation(*first), size[1], size[0])


def read_aligned(
    chips: Chips,
    item: ItemRecord,
    asset: AssetRecord,
    indexes: Sequence[int],
    grid: Grid,
    *,
    resampling: str = NEAREST,
) -> Aligned:
    """Return bands of a raster on a grid.

    Args:
        chips: holds the item's objects.
        item: the item.
        asset: one of its rasters.
        indexes: numbers of the bands, from 1.
        grid: the grid.
        resampling: name of the method for reflectance and angles; what has no unit is a class or a mask.
    """
    method = resampling if asset.unit else NEAREST
    raster = chips.decoded(item, asset)
    if raster and method == NEAREST:
        return _pick(raster, indexes, grid)
    with chips.open(item, asset) as dataset:
        return _warp(dataset, indexes, grid, method)


def _pick(raster: Decoded, indexes: Sequence[int], grid: Grid) -> Aligned:
    bands = np.array(indexes) - 1
    here, there = grid.transform, raster.transform
    x = here.c + np.arange(0.5, grid.width, dtype=np.float64) * here.a
    y = here.f + np.arange(0.5, grid.height, dtype=np.float64) * here.e
    columns, beside = pick((x - there.c) / there.a, raster.width)
    rows, above = pick((y - there.f) / there.e, raster.height)
    data = raster.bands[bands].take(rows, axis=1).take(columns, axis=2)
    mask = np.broadcast_to(above[:, None] | beside, data.shape)
    if raster.nodata is not None:
        mask = mask | (np.isnan(data) if np.isnan(raster.nodata) else data == raster.nodata)
    return Aligned(data, mask, tuple((raster.scales[band], raster.offsets[band]) for band in bands))


def _warp(dataset: DatasetReader, indexes: Sequence[int], grid: Grid, resampling: str) -> Aligned:
    """Warp band by band: a WarpedVRT would warp all of them for each block of one."""
    data = np.full((len(indexes), grid.height, grid.width), np.nan, np.float32)
    for out, index in zip(data, indexes, strict=True):
        reproject(
            dataset.read(index, masked=True).astype(np.float32).filled(np.nan),
            out,
            src_transform=dataset.transform,
            src_crs=dataset.crs,
            src_nodata=np.nan,
            dst_transform=grid.transform,
            dst_crs=WGS84_CRS,
            dst_nodata=np.nan,
            resampling=Resampling[resampling],
        )
    units = tuple((dataset.scales[index - 1], dataset.offsets[index - 1]) for index in indexes)
    return Aligned(data, np.isnan(data), units)
