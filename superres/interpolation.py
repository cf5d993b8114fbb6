"""What a model is held against: bicubic and nearest interpolation onto a grid that is finer by a whole factor."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

BICUBIC_RADIUS = 2
"""Input pixels on each side that a bicubic output pixel depends on."""
_SHARPNESS = -0.75  # the `a` of Keys' kernel that PyTorch and OpenCV take


@lru_cache(maxsize=8)
def bicubic_taps(scale: int) -> Array:
    """Return the weights of the five nearest input pixels for each position inside an input pixel, `(scale, 5)`."""
    positions = (np.arange(scale) + 0.5) / scale - 0.5
    distances = np.abs(positions[:, None] - np.arange(-BICUBIC_RADIUS, BICUBIC_RADIUS + 1))
    taps = keys(distances).astype(np.float32)
    taps.flags.writeable = False
    return taps


def bicubic(padded: Array, scale: int) -> Array:
    """Interpolate `(..., h + 4, w + 4)`, an image with its halo of two, to `(..., scale * h, scale * w)`."""
    return _along(_along(padded, scale, -2), scale, -1)


def _along(padded: Array, scale: int, axis: int) -> Array:
    moved = np.moveaxis(padded, axis, -1)
    size = moved.shape[-1] - 2 * BICUBIC_RADIUS
    taps = bicubic_taps(scale)
    fine = np.zeros((*moved.shape[:-1], size, scale), np.float32)
    for tap in range(2 * BICUBIC_RADIUS + 1):
        fine += moved[..., tap : tap + size, None] * taps[:, tap]
    return np.moveaxis(fine.reshape(*moved.shape[:-1], size * scale), -1, axis)


def keys(distance: NDArray[np.float64], a: float = _SHARPNESS) -> NDArray[np.float64]:
    """Return Keys' cubic convolution kernel (1981); its own `a` was -0.5."""
    near = (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    far = a * (distance**3 - 5 * distance**2 + 8 * distance - 4)
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))  # noqa: PLR2004 - where the kernel ends
