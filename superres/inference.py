"""From an item's pixels at 10 m to 2.5 m: the one way in for a server or a script."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from superres.consistency import keep_within, make_consistent, repeat
from superres.errors import InferenceError
from superres.grid import BLOCK, Window, blocks, read_with_halo
from superres.interpolation import BICUBIC_RADIUS, bicubic
from superres.model import BANDS, Model
from superres.runtime import Runtime

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Interpolation = Literal["bicubic", "nearest"]

LEAST, MOST = 1e-4, 6.5535
"""Range of every reflectance that comes out: what uint16 with scale 0.0001 stores, 0 being "no data"."""


@dataclass(frozen=True)
class Upscaled:
    """An item, or a window of it, on the finer grid."""

    reflectance: Array
    """`(4, 4h, 4w)` in the order of `BANDS`; 0 where not valid."""
    interval: Array
    """Half-width of the interval that holds the truth as often as the model says (90 %), in the shape of
    `reflectance`; NaN from a model that tells none and from interpolation."""
    valid: Mask
    """`(4h, 4w)`: False wherever a pixel that was not valid could have had a say."""


def superresolve(
    reflectance: Array,
    valid: Mask,
    runtime: Runtime,
    model: Model,
    *,
    window: Window | None = None,
    block: int = BLOCK,
) -> Upscaled:
    """Super-resolve an item, or a window of it.

    A window of the answer for the whole equals the answer for that window: each block is read with a halo of the
    model's receptive radius. The mean of each 4 x 4 block of the output is the input pixel, within 1e-4 also after
    rounding to uint16 with scale 0.0001.

    Args:
        reflectance: `(4 * frames, h, w)` in the order of `BANDS`, of several revisits the reference first.
        valid: `(h, w)`, False for no data and clouds; of several revisits, what all show.
        runtime: runs `model`, set up.
        model: what `runtime` runs.
        window: the part that is wanted, in input pixels; all of it if not given.
        block: most rows and columns of one prediction, in input pixels.

    Raises:
        InferenceError: arrays or window do not fit, or the network refused them.
    """
    return superresolve_together([(reflectance, valid)], runtime, model, window=window, block=block)[0]


def superresolve_together(
    items: Sequence[tuple[Array, Mask]],
    runtime: Runtime,
    model: Model,
    *,
    window: Window | None = None,
    block: int = BLOCK,
) -> list[Upscaled]:
    """Super-resolve several items of one shape in the same predictions, as `superresolve` does each.

    A GPU is busy only with several; the CPU gains nothing.

    Args:
        items: reflectance and valid of each, all of one shape.
        runtime: as for `superresolve`, like all that follow.
        model: as there.
        window: as there, the same of every item.
        block: as there.

    Raises:
        InferenceError: as there, or the items differ in shape.
    """
    for reflectance, valid in items:
        _check(reflectance, valid, len(BANDS) * model.spec.frames)
        if reflectance.shape != items[0][0].shape:
            raise InferenceError(f"items of one shape go together, not {reflectance.shape} and {items[0][0].shape}.")
    window = _inside(window, items[0][0].shape)
    filled = np.stack([_fill(reflectance, valid) for reflectance, valid in items])
    shape = (len(items), len(BANDS), window.height * model.scale, window.width * model.scale)
    fine, interval = np.empty(shape, np.float32), np.full(shape, np.nan, np.float32)
    for part in blocks(window, block):
        there = (..., *part.within(window).of(model.scale))
        fine[there], spread = _predict(filled, part, runtime, model)
        if spread is not None:
            interval[there] = spread
    coarse = filled[:, : len(BANDS), *window.of(1)]
    fine = keep_within(make_consistent(fine, coarse, model.scale), coarse, model.scale, LEAST, MOST)
    trusted = [_trusted(valid, window, model.radius) for _, valid in items]
    return [_masked(*made, model.scale) for made in zip(fine, interval, trusted, strict=True)]


def interpolate(
    reflectance: Array, valid: Mask, method: Interpolation, scale: int, *, window: Window | None = None
) -> Upscaled:
    """Interpolate an item, or a window of it, as `superresolve` does it with a model.

    `nearest` repeats pixels; `bicubic` is the plain interpolation, whose averages are not its input.

    Args:
        reflectance: `(4, h, w)`.
        valid: `(h, w)`.
        method: `bicubic` or `nearest`.
        scale: how many times finer.
        window: as for `superresolve`.

    Raises:
        InferenceError: arrays or window do not fit.
    """
    _check(reflectance, valid, len(BANDS))
    window = _inside(window, reflectance.shape)
    radius = BICUBIC_RADIUS if method == "bicubic" else 0
    padded = read_with_halo(_fill(reflectance, valid), window, radius)
    fine = np.clip(bicubic(padded, scale) if radius else repeat(padded, scale), LEAST, MOST)
    return _masked(fine, np.full_like(fine, np.nan), _trusted(valid, window, radius), scale)


def _predict(filled: Array, part: Window, runtime: Runtime, model: Model) -> tuple[Array, Array | None]:
    """Return reflectance and calibrated interval of one block of every item, without its halo."""
    prediction = runtime.predict(read_with_halo(filled, part, model.radius))
    core = (..., *Window(model.radius, model.radius, part.height, part.width).of(model.scale))
    if prediction.interval is None or model.spec.interval is None:
        return prediction.reflectance[core], None
    factors = np.array(model.spec.interval.factors, np.float32)[:, None, None]
    return prediction.reflectance[core], prediction.interval[core] * factors


def _check(reflectance: Array, valid: Mask, bands: int) -> None:
    if reflectance.ndim != len(("band", "y", "x")) or reflectance.shape[0] != bands or not reflectance.size:
        raise InferenceError(f"reflectance has shape {reflectance.shape}, not ({bands}, height, width).")
    if valid.shape != reflectance.shape[1:]:
        raise InferenceError(f"valid has shape {valid.shape}, not {reflectance.shape[1:]} as the bands.")


def _inside(window: Window | None, shape: tuple[int, ...]) -> Window:
    whole = Window.whole(shape)
    if window is None:
        return whole
    if not window.fits(shape):
        raise InferenceError(f"{window} is not inside the item of {whole.height} x {whole.width} pixels.")
    return window


def _fill(reflectance: Array, valid: Mask) -> Array:
    """Return the bands with finite numbers everywhere: the mean of a band where it is not valid.

    What they are does not matter, since no pixel that they reach is shown; that they are finite does.
    """
    usable = valid & np.isfinite(reflectance).all(axis=0)
    if usable.all():
        return reflectance.astype(np.float32, copy=False)
    if not usable.any():
        return np.zeros_like(reflectance, np.float32)
    means = reflectance[:, usable].mean(axis=1, dtype=np.float64)
    return np.where(usable, reflectance, means[:, None, None]).astype(np.float32)


def _trusted(valid: Mask, window: Window, radius: int) -> Mask:
    """Return, for a window, where no pixel within `radius` is invalid."""
    around = ~read_with_halo(valid, window, radius)
    for axis in (0, 1):
        sums = np.cumsum(around, axis=axis, dtype=np.int32)
        sums = np.insert(sums, 0, 0, axis=axis)
        span = 2 * radius + 1
        ends = np.arange(span, sums.shape[axis])
        around = (sums.take(ends, axis) - sums.take(ends - span, axis)) > 0
    return ~around


def _masked(fine: Array, interval: Array, valid: Mask, scale: int) -> Upscaled:
    shown = valid.repeat(scale, 0).repeat(scale, 1)
    if not shown.all():
        fine[:, ~shown], interval[:, ~shown] = 0, 0
    return Upscaled(fine, interval, shown)
