"""Several revisits of a place as one image at 2.5 m: registered, made alike, fused; its averages are one revisit's.

The first revisit is the reference. What comes out shows its date: the others add detail within its pixels, and the mean
of each 4 x 4 block stays the reference's pixel, as in every other answer of this room.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from superres.consistency import keep_within, make_consistent
from superres.inference import LEAST, MOST, Upscaled
from superres.interpolation import keys
from superres.matching import LEAST_ALIKE, MOST_SHIFT, fit_line
from superres.model import SCALE
from superres.registration import Shift, register

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

MAX_FRAMES: Final = 8
"""Most revisits of one image; more bring nothing that is worth their time."""

_VISIBLE: Final = 3
_LEAST_SHARED: Final = 0.25  # of the pixels: with less in common, gains and shifts are guesses
_SPREAD_FACTOR: Final = 1.645  # standard deviations of a normal distribution that hold 90 %
_KEYS_OWN: Final = -0.5  # the sharpness that reproduces a parabola, so that moving blurs least
_REACH: Final = 2  # pixels on each side that a moved pixel is made of


@dataclass(frozen=True)
class Frame:
    """One revisit at 10 m."""

    reflectance: Array
    """`(4, h, w)`."""
    valid: Mask
    """`(h, w)`."""


@dataclass(frozen=True)
class Placed:
    """A revisit that lies on the reference once moved, and is like it once its bands are stretched."""

    index: int
    """Its number; the reference's is 0."""
    shift: Shift
    """How far it is moved, in input pixels."""
    gains: tuple[float, ...]
    """Factor of each band."""
    offsets: tuple[float, ...]
    """What is added to each band after that, in reflectance."""


@dataclass(frozen=True)
class Dropped:
    """A revisit that is not used."""

    index: int
    """Its number."""
    reason: str
    """Why."""


def place_frames(frames: Sequence[Frame]) -> tuple[list[Placed], list[Dropped]]:
    """Register revisits to the first, to a fraction of a pixel, and match their bands to it.

    Those are dropped that share too little clear ground with it, agree with it in no position, lie more than a pixel
    away, or show another state of the place.

    Args:
        frames: all of one shape, the reference first.

    Raises:
        ValueError: they differ in shape.
    """
    bands = len(frames[0].reflectance)
    placed = [Placed(0, Shift(0.0, 0.0, 1.0), (1.0,) * bands, (0.0,) * bands)]
    dropped: list[Dropped] = []
    for index, frame in enumerate(frames[1:], 1):
        outcome = _place(frames[0], frame, index)
        if isinstance(outcome, Placed):
            placed.append(outcome)
        else:
            dropped.append(outcome)
    return placed, dropped


def stack_frames(frames: Sequence[Frame], placed: Sequence[Placed], count: int) -> Array:
    """Return what a network of several revisits is given, `(4 * count, h, w)`, the reference first.

    As in training the revisits come as they were seen, and the reference stands in for those that are missing; so it
    does for what a revisit does not show.

    Args:
        frames: the revisits.
        placed: which of them are used.
        count: how many the network takes.
    """
    reference = frames[0].reflectance
    used = [frames[each.index] for each in placed[:count]]
    seen = [np.where(frame.valid, frame.reflectance, reference) for frame in used]
    return np.concatenate([*seen, *[reference] * (count - len(seen))]).astype(np.float32)


def fuse(reference: Frame, placed: Sequence[Placed], upscaled: Sequence[Upscaled], scale: int = SCALE) -> Upscaled:
    """Fuse revisits that were super-resolved one by one.

    Each is moved onto the reference and its bands are stretched; a pixel is the median of those that show it. Then the
    averages of blocks are moved onto the reference, as `superresolve` does.

    The interval is the median of the model's own, joined (as the root of squares) with 90 % of the spread of the
    revisits. It is not divided by their number: one network makes the same mistakes on all of them.

    Args:
        reference: the first revisit, at 10 m.
        placed: where each lies, the reference first.
        upscaled: each on the fine grid, in the same order.
        scale: how many times finer that is.
    """
    first = upscaled[0]
    fine, interval = np.zeros_like(first.reflectance), np.zeros_like(first.interval)
    for band in range(len(fine)):
        values, spans = [], []
        for place, made in zip(placed, upscaled, strict=True):
            by = (place.shift.rows * scale, place.shift.columns * scale)
            gain, offset = place.gains[band], place.offsets[band]
            values.append(gain * _moved(made.reflectance[band], made.valid, *by) + offset)
            spans.append(abs(gain) * _moved(made.interval[band], made.valid, *by))
        stack = np.stack(values)
        fine[band] = _median(stack)
        interval[band] = np.hypot(_median(np.stack(spans)), _SPREAD_FACTOR * _deviation(stack))
    coarse = reference.reflectance
    blank = ~first.valid
    fine = np.where(blank, first.reflectance, fine)
    filled = np.where(reference.valid, coarse, 0).astype(np.float32)
    fine = keep_within(make_consistent(fine, filled, scale), filled, scale, LEAST, MOST)
    fine[:, blank], interval[:, blank] = 0, 0
    return Upscaled(fine, interval, first.valid)


def _place(reference: Frame, frame: Frame, index: int) -> Placed | Dropped:
    both = reference.valid & frame.valid
    if both.mean() < _LEAST_SHARED:
        return Dropped(index, f"only {both.mean():.0%} of the place is clear in it and in the reference")
    fixed, moving = (each.reflectance[:_VISIBLE].mean(axis=0) for each in (reference, frame))
    shift = register(fixed, moving, both)
    if shift is None or not shift.trusted:
        return Dropped(index, "it does not agree with the reference in any position")
    if shift.length > MOST_SHIFT:
        return Dropped(index, f"it lies {shift.length:.2f} pixels from the reference")
    lines = []
    for band, (image, like) in enumerate(zip(frame.reflectance, reference.reflectance, strict=True)):
        moved = _moved(image, frame.valid, shift.rows, shift.columns)
        shared = reference.valid & np.isfinite(moved)
        gain, offset, alike = fit_line(moved[shared], like[shared])
        if band < _VISIBLE and alike < LEAST_ALIKE:
            return Dropped(index, f"it correlates with the reference by {alike:.2f} only")
        lines.append((gain, offset))
    gains, offsets = zip(*lines, strict=True)
    return Placed(index, shift, gains, offsets)


def _moved(image: Array, valid: Mask, rows: float, columns: float) -> Array:
    """Return an image moved down and to the right by cubic interpolation, NaN where anything unseen has a say."""
    seen = np.where(valid, image, np.nan).astype(np.float32)
    return _slid(_slid(seen, rows, 0), columns, 1)


def _slid(image: Array, by: float, axis: int) -> Array:
    if by == 0:
        return image
    whole = math.floor(-by)
    positions = np.arange(1 - _REACH, 1 + _REACH)
    weights = keys(np.abs(positions - (-by - whole)), _KEYS_OWN)
    margin = abs(whole) + _REACH
    padding = [(margin, margin) if each == axis else (0, 0) for each in range(image.ndim)]
    padded = np.pad(image, padding, constant_values=np.nan)
    size = image.shape[axis]
    moved = np.zeros_like(image)
    for position, weight in zip(positions, weights, strict=True):
        if weight:
            start = margin + whole + int(position)
            moved += np.float32(weight) * padded.take(range(start, start + size), axis)
    return moved


def _median(stack: Array) -> Array:
    """Return the median along the first axis of what is no NaN; `nanmedian` takes fifty times as long."""
    ordered = np.sort(stack, axis=0)  # NaN comes last
    seen = np.isfinite(stack).sum(axis=0)
    middles = (np.maximum(seen - 1, 0) // 2, np.minimum(seen // 2, len(stack) - 1))
    low, high = (np.take_along_axis(ordered, middle[None], axis=0)[0] for middle in middles)
    return np.asarray((low + high) / 2)


def _deviation(stack: Array) -> Array:
    """Return the standard deviation along the first axis of what is no NaN; 0 where one is left."""
    finite = np.isfinite(stack)
    seen = finite.sum(axis=0)
    mean = np.where(finite, stack, 0).sum(axis=0) / np.maximum(seen, 1)
    squares = np.where(finite, (stack - mean) ** 2, 0).sum(axis=0)
    return np.asarray(np.sqrt(squares / np.maximum(seen - 1, 1)), np.float32)
