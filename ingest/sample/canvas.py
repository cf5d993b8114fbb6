"""The ground as a mixture of covers, painted layer over layer at 1.5 m.

Reflectance is linear in the shares, so one painted ground gives SPOT at 1.5 m and every Sentinel-2 revisit at 10 m:
average the shares once, then multiply them by the spectra of the day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.sample.cover import Cover

if TYPE_CHECKING:
    from ingest.sample.noise import Plane


class Canvas:
    """The shares of each cover in every pixel, times the light that falls on it."""

    def __init__(self, size: int, base: Cover) -> None:
        """Start with a ground of one cover, `size` pixels square."""
        self.size = size
        self._planes: dict[Cover, Plane] = {base: np.ones((size, size), np.float32)}

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return (self.size, self.size)

    @property
    def covers(self) -> tuple[Cover, ...]:
        """The covers that occur, in the order of the vocabulary."""
        return tuple(cover for cover in Cover if cover in self._planes)

    def __getitem__(self, cover: Cover) -> Plane:
        """Return the shares of a cover, zero where it was never painted."""
        return self._planes.get(cover, np.zeros(self.shape, np.float32))

    def paint(self, cover: Cover, alpha: Plane, gain: Plane | float = 1.0) -> None:
        """Lay a cover over the ground: `alpha` is how much of it hides what is below, `gain` its brightness."""
        keep = 1 - alpha
        for plane in self._planes.values():
            plane *= keep
        layer = np.asarray(alpha * gain, np.float32)
        if cover in self._planes:
            self._planes[cover] += layer
        else:
            self._planes[cover] = layer

    def light(self, gain: Plane) -> None:
        """Multiply the brightness of the whole ground."""
        for plane in self._planes.values():
            plane *= gain

    def darken(self, amount: Plane) -> None:
        """Take away direct sunlight: `amount` 1 leaves only the blue light of the sky."""
        self.paint(Cover.SHADE, amount)

    def stack(self) -> Plane:
        """Return the shares as one (cover, y, x) array in the order of `covers`."""
        return np.stack([self._planes[cover] for cover in self.covers])
