"""What a model added: was it there (improvement), was it left out (omission), was it made up (hallucination)?

The classes, distances and constants are those published with opensr-test 1.3 (Aybar et al., 2024, defaults: fractional
difference per pixel, softmin of temperature 0.25, scores 0.05, the quarter of the pixels with the largest differences).
The package itself needs PyTorch, scikit-image and a web of models; the definition needs none of them. One step differs:
pairs are registered and their reflectance is matched before they are scored, so the output is neither moved onto the
truth once more nor, unless asked, given the truth's histogram.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
T = TypeVar("T", bound=np.generic)

BORDER: Final = 16
"""Output pixels at each edge that do not count."""
_QUANTILE: Final = 0.75
_SCORE: Final = 0.05
_TEMPERATURE: Final = 0.25
_TINY: Final = 1e-8


@dataclass(frozen=True)
class Correctness:
    """Shares that sum to 1."""

    improvement: float
    """Nearer to the truth than the input was."""
    omission: float
    """Still the input, though the truth differs."""
    hallucination: float
    """Far from both."""


def correctness(
    coarse: Array, made: Array, truth: Array, valid: NDArray[np.bool_] | None = None, *, harmonise: bool = False
) -> Correctness | None:
    """Classify what was added to an image.

    Args:
        coarse: the input, `(band, h, w)`.
        made: the output, `(band, s * h, s * w)`.
        truth: in the shape of the output.
        valid: `(s * h, s * w)`, where the truth is known; everywhere if not given.
        harmonise: give the output the histogram of the truth first, as opensr-test does for pairs of two sensors whose
            reflectance differs. It stretches the contrast of whatever is blurred, bicubic interpolation too.

    Returns:
        The shares, None where the image is too small to lose its border, or nothing in it is valid.
    """
    scale = truth.shape[-1] // coarse.shape[-1]
    border = BORDER // scale
    if min(coarse.shape[1:]) < 2 * border + 2:
        return None
    inner, core = _cut(coarse, border), _cut(truth, border * scale)
    interpolated = _bilinear(inner.astype(np.float64), scale)
    matched = _cut(made, border * scale)
    if harmonise:
        matched = np.stack([_match(a, b) for a, b in zip(matched, core, strict=True)])
    reference = _distance(interpolated, core)
    to_truth, to_input = _distance(matched, core), _distance(matched, interpolated)
    seen = np.ones(core.shape[1:], bool) if valid is None else _cut(valid[None], border * scale)[0]
    limit = np.quantile(reference[seen], _QUANTILE) if seen.any() else 0.0
    kept = seen & ((reference > limit) | (to_truth > limit) | (to_input > limit))
    if not kept.any():
        return None
    base = np.maximum(reference[kept], _TINY)
    shares = _shares(to_truth[kept] / base, to_input[kept] / base)
    return Correctness(*(float(share) for share in shares))


def _shares(improving: Array, omitting: Array) -> NDArray[np.float64]:
    """Return the mean softmin over pixels of the distances to the three classes."""
    beyond = 1 - np.exp(-(improving + omitting - 1) * _SCORE)
    distances = np.stack(
        [improving + omitting * beyond, omitting + improving * beyond, np.exp(-improving * omitting * _SCORE)]
    )
    weights = np.exp(-(distances - distances.min(axis=0)) / _TEMPERATURE)
    return np.asarray((weights / weights.sum(axis=0)).mean(axis=1))


def _distance(a: Array, b: Array) -> NDArray[np.float64]:
    """Return the fractional difference of each pixel, averaged over bands."""
    return np.asarray((np.abs(a - b) / np.abs(a + b + _TINY)).mean(axis=0))


def _match(image: Array, like: Array) -> NDArray[np.float64]:
    """Return an image with the histogram of another: brightness is no detail."""
    _, places, counts = np.unique(image.ravel(), return_inverse=True, return_counts=True)
    wanted, wanted_counts = np.unique(like.ravel(), return_counts=True)
    quantiles, wanted_quantiles = (np.cumsum(part) / image.size for part in (counts, wanted_counts))
    mapped: NDArray[np.float64] = np.interp(quantiles, wanted_quantiles, wanted)[places].reshape(image.shape)
    return mapped


def _bilinear(image: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    """Interpolate linearly onto a grid finer by a whole factor; the edges are repeated."""
    for axis in (-2, -1):
        size = image.shape[axis]
        at = np.clip((np.arange(size * scale) + 0.5) / scale - 0.5, 0, size - 1)
        low = np.minimum(at.astype(int), max(0, size - 2))
        share = np.expand_dims(at - low, -1) if axis == -2 else at - low  # noqa: PLR2004 - rows
        image = image.take(low, axis) * (1 - share) + image.take(np.minimum(low + 1, size - 1), axis) * share
    return image


def _cut(image: NDArray[T], border: int) -> NDArray[T]:
    return image[:, border : image.shape[1] - border, border : image.shape[2] - border]
