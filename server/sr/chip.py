"""What a model is given: the four bands of an item as reflectance, and where they can be trusted."""

from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import DatasetReader

from server.raster.chip import Chips
from server.raster.record import ItemRecord
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


def read_chip(item: ItemRecord, chips: Chips, *, mask_clouds: bool) -> Chip:
    """Read an item.

    Args:
        item: the item.
        chips: its objects.
        mask_clouds: take clouds and their shadows for no data.

    Raises:
        NotUpscalableError: it has no such bands.
        RasterError: an object cannot be read.
    """
    asset = source_of(item)
    with chips.open(item, asset) as dataset:
        names = [band.name for band in asset.bands]
        indexes = [names.index(name) + 1 for name in BANDS]
        stored = dataset.read(indexes, masked=True)
        reflectance = _reflectance(dataset, indexes, stored)
        transform = dataset.transform
    seen = ~np.ma.getmaskarray(stored) & np.isfinite(reflectance)
    valid: NDArray[np.bool_] = np.all(seen, axis=0)
    if mask_clouds and cloud_asset(item):
        valid &= ~cloud_mask(chips, item, asset.grid)
    return Chip(np.where(valid, reflectance, 0).astype(np.float32), valid, transform)


def _reflectance(dataset: DatasetReader, indexes: list[int], stored: np.ma.MaskedArray) -> NDArray[np.float64]:
    scales = np.array([dataset.scales[index - 1] for index in indexes])[:, None, None]
    offsets = np.array([dataset.offsets[index - 1] for index in indexes])[:, None, None]
    return np.asarray(stored.data * scales + offsets)
