"""Pairs where there are none: a sharp image, and what Sentinel-2 would have seen of it (Wald's protocol)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from superres.images import Image
from superres.model import SCALE
from superres.pairs import Batch, Pair
from superres.registration import PSF, Axis, average

Array = NDArray[np.float32]

NOISE: Final = 0.001
"""Standard deviation of the noise of scored pairs, in reflectance: that of Sentinel-2 over a dark surface."""
_PSF_RANGE: Final = (0.25, 0.5)
_NOISE_RANGE: Final = (0.0002, 0.002)
_GAIN_RANGE: Final = (0.6, 1.6)
_BAND_GAIN_RANGE: Final = (0.8, 1.25)
_SEED: Final = 20_221
_MARGIN: Final = 2  # input pixels around a cut that the blur reaches


def degrade(image: Array, psf: float, noise: float, rng: np.random.Generator) -> Array:
    """Return what a sensor with pixels four times larger would have seen: blurred, averaged, with noise.

    Args:
        image: `(4, h, w)`, sides a multiple of four.
        psf: standard deviation of the optics' blur in the larger pixels.
        noise: standard deviation of the noise, in reflectance.
        rng: where the noise comes from.
    """
    height, width = image.shape[1:]
    seen = average(image, Axis.over(height, height // SCALE), Axis.over(width, width // SCALE), psf)
    return (seen + rng.normal(0, noise, seen.shape)).clip(1e-4).astype(np.float32)


def scored_pairs(images: tuple[Image, ...], frames: int = 1) -> list[Pair]:
    """Return one pair per image, always the same: the sensor's mean blur and noise, of each revisit anew."""
    rng = np.random.default_rng(_SEED)
    pairs = []
    for image in images:
        sharp = _whole(image.pixels)
        seen = [degrade(sharp, PSF, NOISE, rng)]
        seen += [degrade(_revisited(sharp, rng), PSF, NOISE, rng) for _ in range(frames - 1)]
        pairs.append(Pair(image.name, image.source, None, np.concatenate(seen), sharp, np.ones(sharp.shape[1:], bool)))
    return pairs


@dataclass(frozen=True)
class DegradedImages:
    """Draws training batches: cut, turned, brightened or darkened, blurred and noisy, each time anew."""

    images: tuple[Image, ...]
    """What is drawn from; files count by the square root of what they hold."""
    frames: int = 1
    """Revisits of each place: shifted by less than a pixel, each with its own gain and noise, the first in place."""

    max_shift: int = 0
    """Pairs made this way lie on each other exactly."""

    def draw(self, count: int, side: int, rng: np.random.Generator) -> Batch:
        """Draw a batch of `count` pairs of `side` x `side` input pixels."""
        sources = [image.source for image in self.images]
        amount = {source: sum(i.pixels.size for i in self.images if i.source == source) for source in set(sources)}
        weights = np.array([image.pixels.size / amount[image.source] ** 0.5 for image in self.images])
        chosen = rng.choice(len(self.images), count, p=weights / weights.sum())
        pairs = [self._draw_one(self.images[index], side, rng) for index in chosen]
        coarse, fine = (np.stack(part) for part in zip(*pairs, strict=True))
        return Batch(coarse, fine, np.ones((count, *fine.shape[2:]), bool))

    def _draw_one(self, image: Image, side: int, rng: np.random.Generator) -> tuple[Array, Array]:
        long = (side + 2 * _MARGIN) * SCALE
        sharp = _enlarged(image.pixels, long)
        gains = rng.uniform(*_GAIN_RANGE) * rng.uniform(*_BAND_GAIN_RANGE, (len(sharp), 1, 1))
        # At any fine pixel: each cut has its own averages.
        row, column = (int(rng.integers(0, size - long + 1)) for size in sharp.shape[1:])
        cut = _turned(sharp[:, row : row + long, column : column + long] * gains.astype(np.float32), rng)
        psf, noise = rng.uniform(*_PSF_RANGE), rng.uniform(*_NOISE_RANGE)
        frames = [degrade(cut, psf, noise, rng)]
        frames += [degrade(_revisited(cut, rng), psf, noise, rng) for _ in range(self.frames - 1)]
        core, fine_core = (slice(_MARGIN * scale, (_MARGIN + side) * scale) for scale in (1, SCALE))
        return np.concatenate(frames)[:, core, core], cut[:, fine_core, fine_core]


def _whole(image: Array) -> Array:
    height, width = (size // SCALE * SCALE for size in image.shape[1:])
    return image[:, :height, :width]


def _enlarged(image: Array, least: int) -> Array:
    """Return the image, mirrored at its edges where it is smaller than a cut."""
    grow = [max(0, least - size) for size in image.shape[1:]]
    return np.pad(image, [(0, 0), *((g // 2, g - g // 2) for g in grow)], mode="symmetric") if any(grow) else image


def _turned(cut: Array, rng: np.random.Generator) -> Array:
    turned = np.rot90(cut, int(rng.integers(4)), axes=(1, 2))
    return np.ascontiguousarray(turned[:, :, ::-1] if rng.integers(2) else turned)


def _revisited(cut: Array, rng: np.random.Generator) -> Array:
    """Return another date of a place: up to two fine pixels off, brighter or darker."""
    down, right = (int(step) for step in rng.integers(-2, 3, 2))
    height, width = cut.shape[1:]
    rows = np.clip(np.arange(height) + down, 0, height - 1)
    columns = np.clip(np.arange(width) + right, 0, width - 1)
    return cut[:, rows[:, None], columns] * np.float32(rng.uniform(0.9, 1.1))
