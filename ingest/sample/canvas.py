"""The ground as a mixture of covers, painted layer over layer at 1.5 m.

Reflectance is linear in the shares, so one painted ground gives SPOT at 1.5 m and every Sentinel-2 revisit at 10 m:
average the shares once, then multiply them by the spectra of the day.
"""

import numpy as np

from ingest.sample import noise
from ingest.sample.cover import Cover
from ingest.sample.noise import Plane
from ingest.sample.sun import Sun

GSD = 1.5
"""Ground size of a painted pixel in metres."""


class Canvas:
    """The shares of each cover in every pixel, times the light that falls on it."""

    def __init__(self, size: int, rng: np.random.Generator, sun: Sun) -> None:
        """Start with no ground at all, `size` pixels square, under a sun."""
        self.size = size
        self.rng = rng
        self.sun = sun
        self._planes: dict[Cover, Plane] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return (self.size, self.size)

    @property
    def covers(self) -> tuple[Cover, ...]:
        """The covers that occur, in the order of the vocabulary."""
        return tuple(cover for cover in Cover if cover in self._planes)

    def __getitem__(self, cover: Cover) -> Plane:
        """Return the shares of a cover that occurs."""
        return self._planes[cover]

    def fill(self, cover: Cover) -> None:
        """Cover everything with one cover."""
        self._planes = {cover: np.ones(self.shape, np.float32)}

    def paint(self, cover: Cover, alpha: Plane, gain: Plane | float = 1.0) -> None:
        """Lay a cover over the ground: `alpha` is how much of it hides what is below, `gain` its brightness."""
        self.light(1 - alpha)
        layer = np.asarray(alpha * gain, np.float32)
        if cover in self._planes:
            self._planes[cover] += layer
        else:
            self._planes[cover] = layer

    def light(self, gain: Plane) -> None:
        """Multiply the brightness of the whole ground."""
        for plane in self._planes.values():
            np.multiply(plane, gain, out=plane, casting="same_kind")

    def darken(self, amount: Plane) -> None:
        """Take away direct sunlight: `amount` 1 leaves only the blue light of the sky."""
        self.paint(Cover.SHADE, amount)

    def stack(self) -> Plane:
        """Return the shares as one (cover, y, x) array in the order of `covers`."""
        return np.stack([self._planes[cover] for cover in self.covers])

    def make_fractal(self, *, scale: float, roughness: float = 1.6) -> Plane:
        """Return a fractal field over the canvas, of mean 0 and standard deviation 1."""
        return noise.make_fractal(self.rng, self.shape, scale=scale, roughness=roughness)

    def make_grain(self) -> Plane:
        """Return white noise over the canvas, of mean 0 and standard deviation 1."""
        return noise.make_grain(self.rng, self.shape)
