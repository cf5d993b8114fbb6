"""Heights, the light on slopes, shadows, and lines that wander: rivers, wadis and tracks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ingest.sample.noise import make_fractal

if TYPE_CHECKING:
    from ingest.sample.noise import Plane
    from ingest.sample.sun import Sun


def shade_relief(height: Plane, sun: Sun, *, gsd: float) -> Plane:
    """Return the light on a slope relative to flat ground, 1 where flat; `height` is in metres."""
    south, east = np.gradient(height, gsd)
    azimuth, zenith = math.radians(sun.azimuth), math.radians(min(sun.zenith, 70))
    toward = (math.sin(azimuth) * math.sin(zenith), -math.cos(azimuth) * math.sin(zenith), math.cos(zenith))
    normal_length = np.sqrt(1 + east * east + south * south)
    lit = (toward[2] - east * toward[0] - south * toward[1]) / normal_length
    return np.clip(lit / toward[2], 0.25, 1.6).astype(np.float32)


def shift(field: Plane, down: int, right: int) -> Plane:
    """Return the field moved by whole pixels, zero where nothing moved in."""
    rows, columns = field.shape
    moved = np.zeros_like(field)
    target = (slice(max(down, 0), rows + min(down, 0)), slice(max(right, 0), columns + min(right, 0)))
    source = (slice(max(-down, 0), rows + min(-down, 0)), slice(max(-right, 0), columns + min(-right, 0)))
    moved[target] = field[source]
    return moved


def cast_shadow(mask: Plane, step: tuple[float, float]) -> Plane:
    """Return where a thing's shadow lies outside the thing itself; `step` is the tip's offset (down, right) in pixels."""
    length = max(1, round(math.hypot(*step)))
    shadow = np.zeros_like(mask)
    for index in range(1, length + 1):
        down, right = (round(part * index / length) for part in step)
        np.maximum(shadow, shift(mask, down, right), out=shadow)
    return np.clip(shadow - mask, 0, 1)


@dataclass(frozen=True)
class Line:
    """A line that wanders through the scene."""

    offset: Plane
    """Distance from the line in pixels, negative on its left."""
    along: Plane
    """Position along the line in pixels."""

    @property
    def distance(self) -> Plane:
        """Distance from the line in pixels."""
        return np.abs(self.offset)


def make_line(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    angle: float,
    wander: float,
    wavelength: float,
    at: float = 0.0,
    rough: float = 0.0,
) -> Line:
    """Return a line across the scene.

    Args:
        rng: where the bends come from.
        shape: rows and columns.
        angle: direction in degrees, 0 runs along x, 90 along y.
        wander: amplitude of the bends in pixels.
        wavelength: length of the largest bends in pixels.
        at: how far from the centre the line passes, as a fraction of the scene.
        rough: small-scale irregularity in pixels.
    """
    y, x = (np.arange(n, dtype=np.float32) - n / 2 for n in shape)
    cosine, sine = (np.float32(f(math.radians(angle))) for f in (math.cos, math.sin))
    along = cosine * x[None, :] + sine * y[:, None]
    across = cosine * y[:, None] - sine * x[None, :]
    centre, slope = np.full_like(along, at * min(shape)), np.zeros_like(along)
    for harmonic in (1.0, 1.7, 2.9):
        phase, frequency = rng.uniform(0, 2 * math.pi), 2 * math.pi * harmonic / wavelength
        strength = wander * rng.uniform(0.7, 1.0) / harmonic**1.25
        centre += np.float32(strength) * np.sin(np.float32(frequency) * along + np.float32(phase))
        slope += np.float32(strength * frequency) * np.cos(np.float32(frequency) * along + np.float32(phase))
    offset = (across - centre) / np.sqrt(1 + slope * slope)
    if rough:
        offset = offset + np.float32(rough) * make_fractal(rng, shape, scale=60, roughness=1.8)
    return Line(offset=offset, along=along)
