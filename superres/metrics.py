"""How near an image is to the truth: the field's measures, in NumPy, over what is valid."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from superres.consistency import block_mean

Array = NDArray[np.floating]
Mask = NDArray[np.bool_]

PEAK: Final = 1.0
"""Reflectance that PSNR and SSIM take for full range."""
_SSIM_SIGMA: Final = 1.5
_SSIM_RADIUS: Final = 5
_C1, _C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
_LEAST_MSE: Final = 1e-12


def rmse(made: Array, truth: Array, valid: Mask) -> Array:
    """Return the root mean square error of each band, `(band, y, x)` in, reflectance out."""
    return np.sqrt(_mse(made, truth, valid))


def psnr(made: Array, truth: Array, valid: Mask) -> Array:
    """Return the peak signal-to-noise ratio of each band in dB, of a peak of 1; at most 120."""
    return _decibel(_mse(made, truth, valid))


def cpsnr(made: Array, truth: Array, valid: Mask, max_shift: int = 3) -> Array:
    """Return the PSNR of each band after the best shift by whole pixels and without the difference in brightness.

    As PROBA-V's contest has it: `truth` is cut by `max_shift` at each side, `made` is cut at every shift, the mean
    difference is taken off, and the best counts.
    """
    height, width = (size - 2 * max_shift for size in truth.shape[-2:])
    core = (..., slice(max_shift, max_shift + height), slice(max_shift, max_shift + width))
    best = np.full(truth.shape[0], np.inf)
    for row in range(2 * max_shift + 1):
        for column in range(2 * max_shift + 1):
            moved = made[..., row : row + height, column : column + width]
            seen = valid[core] & valid[row : row + height, column : column + width]
            bias = _mean(truth[core] - moved, seen)
            best = np.fmin(best, _mse(moved + bias[:, None, None], truth[core], seen))
    return _decibel(best)


def ssim(made: Array, truth: Array, valid: Mask) -> Array:
    """Return the structural similarity of each band (Wang et al., 2004), of a Gaussian window and a range of 1."""
    a, b = made.astype(np.float64), truth.astype(np.float64)
    mean_a, mean_b = _blur(a), _blur(b)
    var_a, var_b = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2
    both = _blur(a * b) - mean_a * mean_b
    quality = (2 * mean_a * mean_b + _C1) * (2 * both + _C2)
    quality /= (mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2)
    return _mean(quality, valid)


def spectral_angle(made: Array, truth: Array, valid: Mask) -> float:
    """Return the mean angle between the spectra of each pixel, in degrees."""
    product = (made * truth).sum(0)
    lengths = np.linalg.norm(made, axis=0) * np.linalg.norm(truth, axis=0)
    cosine = np.clip(product / np.maximum(lengths, np.finfo(np.float32).tiny), -1, 1)
    return float(np.degrees(np.arccos(cosine))[valid].mean()) if valid.any() else float("nan")


def inconsistency(made: Array, coarse: Array, scale: int) -> Array:
    """Return, for each band, the mean distance between the averages of the output and the input."""
    return np.asarray(np.abs(block_mean(made.astype(np.float32), scale) - coarse).mean(axis=(1, 2)))


def coverage(made: Array, truth: Array, interval: Array, valid: Mask) -> Array:
    """Return, for each band, the share of pixels whose truth lies within the interval."""
    return _mean((np.abs(made - truth) <= interval).astype(np.float64), valid)


def _decibel(mse: Array) -> Array:
    return np.asarray(10 * np.log10(PEAK**2 / np.maximum(mse, _LEAST_MSE)))


def _mse(made: Array, truth: Array, valid: Mask) -> Array:
    return _mean((made.astype(np.float64) - truth) ** 2, valid)


def _mean(values: Array, valid: Mask) -> Array:
    """Return the mean of each band over valid pixels, NaN where there is none."""
    count = int(valid.sum())
    return np.where(valid, values, 0).sum(axis=(-2, -1)) / count if count else np.full(values.shape[0], np.nan)


def _blur(image: NDArray[np.float64]) -> NDArray[np.float64]:
    offsets = np.arange(-_SSIM_RADIUS, _SSIM_RADIUS + 1)
    kernel = np.exp(-(offsets**2) / (2 * _SSIM_SIGMA**2))
    kernel /= kernel.sum()
    for axis in (-2, -1):
        wide = np.pad(
            image, [(0, 0)] * (image.ndim + axis) + [(_SSIM_RADIUS,) * 2] + [(0, 0)] * (-axis - 1), "symmetric"
        )
        size = image.shape[axis]
        parts = (weight * wide.take(range(step, step + size), axis) for step, weight in enumerate(kernel))
        image = np.sum(list(parts), axis=0)
    return image
