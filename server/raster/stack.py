"""Bands of several rasters put together as one image."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from rio_tiler.models import ImageData

from server.raster.selection import Selection

Band = tuple[str, int]
"""Key of a raster and number of a band in it."""
MaskedArray = np.ma.MaskedArray[Any, Any]


def combine(selection: Selection, bands: Mapping[Band, MaskedArray]) -> MaskedArray:
    """Return the bands of a selection in its order, or what its expression makes of them.

    Args:
        selection: what was asked for.
        bands: the array of each band that was read, all of one shape.

    Returns:
        Array of shape `(band, ...)`. Masked is what has no data or no value: an expression has none where one of its
        bands has none, or where it divides by zero.
    """
    picked = [bands[pick.asset.key, pick.index] for pick in selection.picks]
    masks = np.stack([np.ma.getmaskarray(band) for band in picked])
    if selection.expression:
        values = {pick.name: band.data for pick, band in zip(selection.picks, picked, strict=True)}
        data: Any = selection.expression.evaluate(values)
        masks = np.broadcast_to(masks.any(axis=0), data.shape)
    else:
        data = np.stack([band.data for band in picked])
    if np.issubdtype(data.dtype, np.floating):
        finite = np.isfinite(data)
        masks = masks | ~finite
        data = np.where(finite, data, 0)
    return np.ma.MaskedArray(data, mask=masks)


def is_whole(selection: Selection) -> bool:
    """Tell whether what is read of the only raster of a selection is the image, band by band."""
    indexes = tuple(pick.index for pick in selection.picks)
    return not selection.expression and len(selection.reads) == 1 and selection.reads[0][1] == indexes


def stack(selection: Selection, parts: Mapping[str, ImageData]) -> ImageData:
    """Return one image of a selection.

    Args:
        selection: what was asked for.
        parts: what was read of each raster, by its key, on one grid.
    """
    if is_whole(selection):
        image = next(iter(parts.values()))
        image.band_names = image.band_descriptions = selection.names
        return image
    rows = {asset.key: {index: row for row, index in enumerate(indexes)} for asset, indexes in selection.reads}
    bands = {(key, index): parts[key].array[row] for key, found in rows.items() for index, row in found.items()}
    first = parts[selection.reads[0][0].key]
    scaling: dict[str, Any] = {}
    if not selection.expression:
        places = [(parts[pick.asset.key], rows[pick.asset.key][pick.index]) for pick in selection.picks]
        scaling = {
            "scales": [part.scales[row] for part, row in places],
            "offsets": [part.offsets[row] for part, row in places],
        }
    return ImageData(
        combine(selection, bands),
        bounds=first.bounds,
        crs=first.crs,
        band_names=selection.names,
        band_descriptions=selection.names,
        cutline_mask=first.cutline_mask,
        **scaling,
    )
