"""What a model is given: the four bands of an item as reflectance, and where they can be trusted."""

from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import DatasetReader

from server.raster.chip import Chips
from server.raster.record import ItemRecord
from server.sr.record import source_of
from superres.model import BANDS

_CLOUD_PRODUCTS = (("scl", (0, 1, 8, 9, 10)), ("clm", (1, 255)))
"""Rasters that tell clouds, the better first, and their values for clouds and for what was not seen."""


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
        mask_clouds: take what the scene classification (or else the cloud mask) calls cloud for no data.

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
    if mask_clouds:
        valid &= ~_clouds(item, chips, valid.shape)
    return Chip(np.where(valid, reflectance, 0).astype(np.float32), valid, transform)


def _reflectance(dataset: DatasetReader, indexes: list[int], stored: np.ma.MaskedArray) -> NDArray[np.float64]:
    scales = np.array([dataset.scales[index - 1] for index in indexes])[:, None, None]
    offsets = np.array([dataset.offsets[index - 1] for index in indexes])[:, None, None]
    return np.asarray(stored.data * scales + offsets)


def _clouds(item: ItemRecord, chips: Chips, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    for key, values in _CLOUD_PRODUCTS:
        if key in item.assets:
            with chips.open(item, item.assets[key]) as dataset:
                classes = dataset.read(1, out_shape=shape)  # an item whose masks have another size is read on one grid
            return np.isin(classes, values)
    return np.zeros(shape, bool)
