"""What a model is given: the four bands of an item as reflectance, and where they can be trusted."""

from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from server.raster.chip import Chips
from server.raster.record import Grid, ItemRecord
from server.raster.time.align import read_aligned
from server.raster.time.clouds import cloud_asset, cloud_mask
from server.sr.record import source_of
from superres.model import BANDS


@dataclass(frozen=True)
class Chip:
    """One item at 10 m."""

    reflectance: NDArray[np.float32]
    """`(4, height, width)` in the order of `superres.model.BANDS`; 0 where there is no data."""
    valid: NDArray[np.bool_]
    """`(height, width)`: seen, and by what was asked for free of clouds."""
    transform: Affine
    """Pixel to longitude and latitude."""


def read_chip(item: ItemRecord, chips: Chips, *, mask_clouds: bool, grid: Grid | None = None) -> Chip:
    """Read an item.

    Args:
        item: the item.
        chips: its objects.
        mask_clouds: take clouds and their shadows for no data.
        grid: the pixels that are wanted, of the item's nearest; its own unless given.

    Raises:
        NotUpscalableError: it has no such bands.
        RasterError: an object cannot be read.
    """
    asset = source_of(item)
    grid = grid or asset.grid
    names = [band.name for band in asset.bands]
    read = read_aligned(chips, item, asset, [names.index(name) + 1 for name in BANDS], grid).physical
    seen = ~np.ma.getmaskarray(read) & np.isfinite(read.data)
    valid: NDArray[np.bool_] = np.all(seen, axis=0)
    if mask_clouds and cloud_asset(item):
        valid &= ~cloud_mask(chips, item, grid)
    return Chip(np.where(valid, read.data, 0).astype(np.float32), valid, grid.transform)
