"""Clouds over a revisit and their shadows, on the grid of Sentinel-2."""

from dataclasses import dataclass

import numpy as np

from ingest.sample.noise import Plane, blur, make_fractal, smoothstep
from ingest.sample.sun import Sun

_MARGIN = 72
"""Pixels of sky around the AOI, whose clouds may cast their shadows in."""

SPECTRUM = np.array([0.66, 0.68, 0.69, 0.71, 0.72, 0.73, 0.74, 0.75, 0.75, 0.52, 0.06, 0.48, 0.36], np.float32)
"""Reflectance of a thick cloud in the thirteen bands."""


@dataclass(frozen=True)
class Clouds:
    """The sky over one revisit; planes on the grid of the AOI."""

    opacity: Plane
    """How much of the ground is hidden, 0 to 1."""
    brightness: Plane
    """Brightness of the cloud relative to `SPECTRUM`."""
    shadow: Plane
    """How much direct sunlight is missing on the ground, 0 to 1."""

    @property
    def probability(self) -> Plane:
        """Cloud probability, 0 to 1, as a detector would give it."""
        return smoothstep(blur(self.opacity, 1.2), 0.08, 0.75)


def make_clouds(rng: np.random.Generator, shape: tuple[int, int], share: float, sun: Sun) -> Clouds:
    """Return clouds that cover about `share` of the AOI."""
    if share <= 0:
        clear = np.zeros(shape, np.float32)
        return Clouds(opacity=clear, brightness=np.ones(shape, np.float32), shadow=clear)
    wide = (shape[0] + 2 * _MARGIN, shape[1] + 2 * _MARGIN)
    billow = make_fractal(rng, wide, scale=float(rng.choice([26, 45, 90])), roughness=2.5)
    billow = billow + 0.22 * make_fractal(rng, wide, scale=14, roughness=2.0)
    own = billow[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    level = float(np.quantile(own, 1 - min(share, 0.995)))
    thin = float(rng.uniform(0.35, 1.3))
    sky = smoothstep(billow, level - 0.4 * thin, level + 0.6 * thin) * np.float32(rng.uniform(0.86, 0.98))
    down, right = (round(part) for part in sun.shadow(rng.uniform(500, 1300), 10))
    reach = _MARGIN - 2
    down, right = max(-reach, min(reach, down)), max(-reach, min(reach, right))
    rows, columns = (
        slice(_MARGIN - step, _MARGIN - step + size) for step, size in ((down, shape[0]), (right, shape[1]))
    )
    relief = make_fractal(rng, wide, scale=20, roughness=1.6)[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    thick = smoothstep(own, level, level + 1.8)
    return Clouds(
        opacity=sky[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN],
        brightness=(0.55 + 0.45 * thick + 0.07 * relief).astype(np.float32),
        shadow=blur(sky[rows, columns], 0.8),
    )
