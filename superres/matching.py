"""SPOT onto Sentinel-2: registered to a fraction of a pixel, averaged onto its grid, gain and offset of each band."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from superres.model import SCALE
from superres.registration import Axis, Shift, average, register

Array = NDArray[np.floating]
Mask = NDArray[np.bool_]

MOST_SHIFT: Final = 1.0
"""Input pixels; pairs that are farther apart are dropped."""
LEAST_ALIKE: Final = 0.5
"""Least correlation of each visible band, both at 10 m; pairs that are less alike show two states of a place."""

_VISIBLE: Final = 3
_LEAST_VALID: Final = 0.5
_OUTLIER: Final = 3.0  # standard deviations
_LEAST_SPREAD: Final = 1e-6


@dataclass(frozen=True)
class Matched:
    """The sharp image on the grid of the coarse one."""

    fine: NDArray[np.float32]
    """`(4, 4h, 4w)`, reflectance as the coarse image has it; 0 where not valid."""
    valid: Mask
    """`(4h, 4w)`."""
    shift: Shift
    """How far it was moved, in input pixels."""


def match(coarse: Array, seen: Mask, sharp: Array) -> Matched | str:
    """Return a sharp image of the same extent matched to a coarse one, or why it cannot be.

    Args:
        coarse: Sentinel-2, `(4, h, w)`.
        seen: its valid pixels, `(h, w)`.
        sharp: SPOT in the same order of bands, `(4, y, x)`, on any finer grid of one extent; NaN where there is no
            data.
    """
    if seen.mean() < _LEAST_VALID:
        return f"only {seen.mean():.0%} of the revisit is valid and clear"
    height, width = coarse.shape[1:]
    axes = Axis.over(sharp.shape[1], height), Axis.over(sharp.shape[2], width)
    blurred = average(sharp[:_VISIBLE].mean(axis=0), *axes)
    shift = register(coarse[:_VISIBLE].mean(axis=0), blurred, seen & np.isfinite(blurred))
    if shift is None or not shift.trusted:
        return "the two images do not agree in any position"
    if shift.length > MOST_SHIFT:
        return f"the two images are {shift.length:.2f} pixels apart"
    rows, columns = (
        Axis(axis.fine, axis.coarse * SCALE, -by * axis.step, axis.step / SCALE)
        for axis, by in zip(axes, (shift.rows, shift.columns), strict=True)
    )
    fine = average(sharp, rows, columns, psf=0.0)
    seen_by_sensor = average(fine, Axis.over(fine.shape[1], height), Axis.over(fine.shape[2], width))
    both = seen & np.isfinite(seen_by_sensor).all(axis=0)
    for band, (image, like) in enumerate(zip(seen_by_sensor, coarse, strict=True)):
        gain, offset, alike = fit_line(image[both], like[both])
        if band < _VISIBLE and alike < LEAST_ALIKE:
            return f"the two images correlate by {alike:.2f} only"
        fine[band] = gain * fine[band] + offset
    valid = np.isfinite(fine).all(axis=0) & both.repeat(SCALE, 0).repeat(SCALE, 1)
    return Matched(np.where(valid, fine, 0).clip(0).astype(np.float32), valid, shift)


def fit_line(x: Array, y: Array) -> tuple[float, float, float]:
    """Return gain and offset of the line from x to y, outliers left out, and the correlation of all."""
    if min(x.std(), y.std()) < _LEAST_SPREAD:
        return 1.0, float(y.mean() - x.mean()), 0.0
    alike = float(np.corrcoef(x, y)[0, 1])
    kept = np.ones(len(x), bool)
    gain = offset = 0.0
    for _ in range(3):
        gain, offset = np.polyfit(x[kept], y[kept], 1)
        rest = y - gain * x - offset
        kept = np.abs(rest) <= _OUTLIER * max(rest[kept].std(), _LEAST_SPREAD)
    return float(gain), float(offset), alike
