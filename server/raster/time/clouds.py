"""Where a date of a place shows clouds rather than ground."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from server.raster.chip import Chips
from server.raster.record import AssetRecord, Grid, ItemRecord
from server.raster.time.align import read_aligned

Mask = Literal["none", "clouds"]
"""What is taken out of each date."""

HIDDEN: dict[str, tuple[int, ...]] = {
    # No data, defective, cloud shadow, clouds of medium and high probability, cirrus.
    "scl": (0, 1, 3, 8, 9, 10),
    "clm": (1,),
}
"""Rasters that tell where clouds are, the better first, and their classes that hide the ground."""


def cloud_asset(item: ItemRecord) -> AssetRecord | None:
    """Return the raster of an item that tells where clouds are, None where it has none."""
    return next((item.assets[key] for key in HIDDEN if key in item.assets), None)


def cloud_mask(chips: Chips, item: ItemRecord, grid: Grid) -> NDArray[Any]:
    """Return where the ground is hidden, as `(y, x)`; what the mask does not tell is hidden too.

    Raises:
        KeyError: the item has no raster that tells.
    """
    asset = cloud_asset(item)
    if asset is None:
        raise KeyError(item.id)
    classes = read_aligned(chips, item, asset, (1,), grid)
    return np.asarray(classes.mask[0] | np.isin(classes.data[0], HIDDEN[asset.key]))
