"""The promise of every answer: averages of its pixels are the pixels that went in."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def block_mean(fine: Array, scale: int) -> Array:
    """Return the means of `scale` x `scale` blocks, `(..., y, x)` to `(..., y / scale, x / scale)`."""
    height, width = fine.shape[-2] // scale, fine.shape[-1] // scale
    blocks = fine.reshape(*fine.shape[:-2], height, scale, width, scale)
    means: Array = blocks.mean(axis=(-3, -1), dtype=np.float64).astype(np.float32)
    return means


def repeat(coarse: Array, scale: int) -> Array:
    """Return each pixel as a block of `scale` x `scale`."""
    return np.repeat(np.repeat(coarse, scale, axis=-2), scale, axis=-1)


def make_consistent(fine: Array, coarse: Array, scale: int) -> Array:
    """Return `fine` with the averages of its blocks moved onto `coarse`: to the last bits of float32."""
    return fine + repeat(coarse - block_mean(fine, scale), scale)


def keep_within(fine: Array, coarse: Array, scale: int, low: float, high: float) -> Array:
    """Return `fine` within a range, its averages unmoved.

    Clipping would move the average of a block. Instead the contrast of a block that leaves the range is lowered until
    it does not, about its average; where the average itself lies outside, the block becomes flat.

    Args:
        fine: consistent with `coarse`.
        coarse: the averages.
        scale: side of a block.
        low: least value.
        high: greatest value.
    """
    height, width = coarse.shape[-2:]
    blocks = fine.reshape(*fine.shape[:-2], height, scale, width, scale)
    least, most = blocks.min(axis=(-3, -1)), blocks.max(axis=(-3, -1))
    if least.min(initial=low) >= low and most.max(initial=high) <= high:
        return fine
    contrast = np.minimum(_share(coarse - low, coarse - least), _share(high - coarse, most - coarse))
    middle = repeat(coarse, scale)
    return middle + (fine - middle) * repeat(contrast.astype(fine.dtype), scale)


def _share(room: Array, need: Array) -> Array:
    """Return which part of what is needed there is room for, from 0 to 1."""
    enough = need <= room
    return np.where(enough, 1, np.clip(room, 0, None) / np.where(need > 0, need, 1))
