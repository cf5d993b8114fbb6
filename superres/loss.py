"""What training makes small: the distance from the sharp image in what consistency leaves free, and a fair interval."""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from superres.model import SCALE

EDGE: Final = 2 * SCALE
"""Output pixels at the edges of a cut that do not count: the network saw zeros beyond them."""
_SMOOTH: Final = 0.002
_DARK: Final = 0.05
_INTERVAL_SHARE: Final = 0.2


def loss(
    made: tuple[Tensor, Tensor], coarse: Tensor, fine: Tensor, valid: Tensor, *, max_shift: int, level: float
) -> tuple[Tensor, Tensor]:
    """Return the loss of a batch, and the part of it that says how good the image is.

    Errors count relative to the brightness around them, so that a dark forest teaches as much as a bright roof.

    Args:
        made: reflectance and interval, `(n, 4, 4h, 4w)` each.
        coarse: the image at 10 m, `(n, 4, h, w)`.
        fine: the truth, `(n, 4, 4h, 4w)`.
        valid: where it is known, `(n, 4h, 4w)`.
        max_shift: output pixels by which truth and input may be apart; the best shift of each image counts.
        level: share of pixels that the interval is to hold.
    """
    weight = 1 / (functional.interpolate(coarse, scale_factor=SCALE, mode="nearest") + _DARK)
    reflectance, interval = made
    steps = range(-max_shift, max_shift + 1)
    costs = torch.stack(
        [_cost(reflectance, shifted(fine, y, x), coarse, shifted(valid, y, x), weight) for y in steps for x in steps]
    )
    quality = costs.min(0).values.mean()
    spread = _pinball((reflectance - fine).abs().detach(), interval, level)
    return quality + _INTERVAL_SHARE * _mean(spread * weight, valid).mean(), quality


def shifted(image: Tensor, down: int, right: int) -> Tensor:
    """Return images or masks moved by whole pixels; what comes in at the edges is of no use and does not count."""
    return torch.roll(image, (down, right), (-2, -1)) if down or right else image


def _cost(made: Tensor, fine: Tensor, coarse: Tensor, valid: Tensor, weight: Tensor) -> Tensor:
    """Return the distance of each image of a batch, `(n,)`: Charbonnier's, on what consistency leaves free."""
    target = fine + functional.interpolate(
        coarse - functional.avg_pool2d(fine, SCALE), scale_factor=SCALE, mode="nearest"
    )
    error = (made - target) * weight
    return _mean(torch.sqrt(error**2 + _SMOOTH**2) - _SMOOTH, valid)


def _pinball(error: Tensor, interval: Tensor, level: float) -> Tensor:
    """Return a loss that is least where the interval is the error's quantile."""
    beyond = error - interval
    return torch.maximum(level * beyond, (level - 1) * beyond)


def _mean(values: Tensor, valid: Tensor) -> Tensor:
    """Return the mean per image over valid pixels away from the edges."""
    core = (..., slice(EDGE, -EDGE), slice(EDGE, -EDGE))
    shown = valid[core][:, None].to(values.dtype)
    return (values[core] * shown).sum((1, 2, 3)) / (shown.sum((1, 2, 3)) * values.shape[1]).clamp(min=1)
