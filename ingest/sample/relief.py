"""Heights, the light on slopes, shadows, and lines that wander: rivers, wadis and tracks."""

import math
from dataclasses import dataclass

import numpy as np

from ingest.sample.canvas import GSD, Canvas
from ingest.sample.noise import Plane
from ingest.sample.sun import Sun


def shade_relief(height: Plane, sun: Sun) -> Plane:
    """Return the light on a slope relative to flat ground, 1 where flat; `height` is in metres."""
    south, east = np.gradient(height, GSD)
    azimuth, zenith = math.radians(sun.azimuth), math.radians(min(sun.zenith, 70))
    toward = (math.sin(azimuth) * math.sin(zenith), -math.cos(azimuth) * math.sin(zenith), math.cos(zenith))
    lit = (toward[2] - east * toward[0] - south * toward[1]) / np.sqrt(1 + east * east + south * south)
    return np.asarray(np.clip(lit / toward[2], 0.25, 1.6), np.float32)


def shift(field: Plane, down: int, right: int) -> Plane:
    """Return the field moved by whole pixels, zero where nothing moved in."""
    rows, columns = field.shape
    moved = np.zeros_like(field)
    target = (slice(max(down, 0), rows + min(down, 0)), slice(max(right, 0), columns + min(right, 0)))
    source = (slice(max(-down, 0), rows + min(-down, 0)), slice(max(-right, 0), columns + min(-right, 0)))
    moved[target] = field[source]
    return moved


def cast_shadow(mask: Plane, sun: Sun, height: float) -> Plane:
    """Return where the shadow of things `height` metres tall lies outside the things themselves."""
    tip = sun.shadow(height, GSD)
    length = max(1, round(math.hypot(*tip)))
    shadow = np.zeros_like(mask)
    for index in range(1, length + 1):
        down, right = (round(part * index / length) for part in tip)
        np.maximum(shadow, shift(mask, down, right), out=shadow)
    return np.clip(shadow - mask, 0, 1)


@dataclass(frozen=True)
class Line:
    """A line that wanders through the scene."""

    offset: Plane
    """Distance from the line in pixels, negative on its left."""
    along: Plane
    """Position along the line in pixels, 0 in the middle."""

    @property
    def distance(self) -> Plane:
        """Distance from the line in pixels."""
        return np.abs(self.offset)


def make_line(
    canvas: Canvas, *, angle: float, wander: float, wavelength: float, at: float = 0.0, rough: float = 0.0
) -> Line:
    """Return a line across the scene.

    Args:
        canvas: the scene; its generator draws the bends.
        angle: direction in degrees, 0 runs along x, 90 along y.
        wander: amplitude of the bends in pixels.
        wavelength: length of the largest bends in pixels.
        at: how far from the centre the line passes, as a fraction of the scene.
        rough: small-scale irregularity in pixels.
    """
    axis = np.arange(canvas.size, dtype=np.float32) - canvas.size / 2
    cosine, sine = (np.float32(f(math.radians(angle))) for f in (math.cos, math.sin))
    along = cosine * axis[None, :] + sine * axis[:, None]
    across = cosine * axis[:, None] - sine * axis[None, :]
    centre, slope = np.full_like(along, at * canvas.size), np.zeros_like(along)
    for harmonic in (1.0, 1.7, 2.9):
        phase, frequency = canvas.rng.uniform(0, 2 * math.pi), 2 * math.pi * harmonic / wavelength
        strength = wander * canvas.rng.uniform(0.7, 1.0) / harmonic**1.25
        centre += np.float32(strength) * np.sin(np.float32(frequency) * along + np.float32(phase))
        slope += np.float32(strength * frequency) * np.cos(np.float32(frequency) * along + np.float32(phase))
    offset = (across - centre) / np.sqrt(1 + slope * slope)
    if rough:
        offset = offset + np.float32(rough) * canvas.make_fractal(scale=90, roughness=2.4)
    return Line(offset=offset, along=along)
