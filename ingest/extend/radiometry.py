"""Stored numbers to reflectance, as each catalog means them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from catalog.constants import REFLECTANCE_SCALE
from ingest.extend.bands import Layer
from ingest.extend.errors import RevisitError

SHIFT: Final = -0.1
"""Offset of reflectance since processing baseline 04.00 (25 January 2022)."""
_SHIFTED_SINCE: Final = 4.0
_WHOLE: Final = 1e-6


@dataclass(frozen=True)
class Transfer:
    """What turns the numbers of one layer into reflectance."""

    scale: float = 1.0
    """Unit of one number."""
    offset: float = 0.0
    """Added after scaling."""

    def apply(self, numbers: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        """Return reflectance, 0 where there is no data.

        Where an offset is taken off, dark pixels may come out at nothing or below. They become one unit: the published
        files, like Sentinel Hub, know no negative reflectance, and their 0 means that there is no data.
        """
        if self.scale == 1 and self.offset == 0:
            return np.where(valid, numbers, 0).astype(np.float32)
        steps = self.offset / self.scale
        if abs(steps - round(steps)) < _WHOLE:
            # Whole steps keep numbers that integers of this scale can hold.
            reflectance = (numbers.astype(np.float64) + round(steps)) * self.scale
        else:
            reflectance = numbers * self.scale + self.offset
        if self.offset < 0:
            reflectance = np.maximum(reflectance, self.scale)
        return np.where(valid, reflectance, 0).astype(np.float32)


def find_transfer(item: Mapping[str, Any], layer: Layer, tags: tuple[float, float], dtype: str) -> Transfer:
    """Return how the numbers of a layer become reflectance.

    What the item says counts, then what the file's tags say, then what all of Sentinel-2 has in common. Earth Search
    says -0.1 of every item, and by a property of its own whether that is still to be taken off.

    Args:
        item: the item.
        layer: the layer.
        tags: scale and offset of the file's band, (1, 0) where it has no tags.
        dtype: type of the file's numbers.

    Raises:
        RevisitError: nobody says what whole numbers mean.
    """
    tagged = tags != (1.0, 0.0)
    if np.dtype(dtype).kind == "f" and layer.scale is None and not tagged:
        return Transfer()
    scale = layer.scale or (tags[0] if tagged else REFLECTANCE_SCALE)
    applied = item["properties"].get("earthsearch:boa_offset_applied")
    if applied is not None:
        return Transfer(scale, 0.0 if applied else _shift(item))
    if layer.offset is not None:
        return Transfer(scale, layer.offset)
    if layer.scale is not None or tagged:
        return Transfer(scale, tags[1])
    return Transfer(scale, _shift(item))


def below_zero(numbers: npt.NDArray[Any], valid: npt.NDArray[np.bool_], transfer: Transfer) -> float:
    """Return the share of valid pixels that an offset takes below zero: large where it had been taken off before."""
    if transfer.offset >= 0 or not valid.any():
        return 0.0
    return float(np.mean(numbers[valid] * transfer.scale + transfer.offset < 0))


def _shift(item: Mapping[str, Any]) -> float:
    properties = item["properties"]
    baseline = properties.get("s2:processing_baseline", properties.get("processing:version"))
    try:
        return SHIFT if float(baseline) >= _SHIFTED_SINCE else 0.0
    except (TypeError, ValueError) as error:
        raise RevisitError(
            f"item {item['id']} says neither scale and offset of its bands nor its processing baseline: "
            "its numbers cannot be turned into reflectance"
        ) from error
