"""What people build: houses in their lots, tents in rows, roads."""

from dataclasses import dataclass

import numpy as np

from ingest.sample.canvas import Canvas
from ingest.sample.cover import Cover
from ingest.sample.noise import HALF, Labels, Plane, deal, hash_labels
from ingest.sample.parcels import Frame, Parcels
from ingest.sample.relief import cast_shadow

Roofs = tuple[tuple[Cover, float, float], ...]
"""Which roofs: cover, share of the houses, brightness."""

_SPACING = (6.0, 8.0)
"""Distance between shelters of a camp along u and v, in pixels."""

_SHELTER = (3.2, 4.2)
"""Size of a shelter, in pixels."""


@dataclass(frozen=True)
class _Footprints:
    """Where houses stand."""

    mask: Plane
    """Share of the pixel under a roof."""
    ident: Labels
    """Whose roof."""
    across: Plane
    """Distance from the ridge, whose sides are not equally lit."""


def _clip(distance: Plane) -> Plane:
    """Return the share of a pixel inside a shape, from its distance inside the edge in pixels."""
    return np.asarray(np.clip(distance + 0.5, 0, 1))


def pave(canvas: Canvas, distance: Plane, cover: Cover, *, strength: float = 0.95) -> None:
    """Lay a road where `distance` (to its kerb, in pixels) is negative."""
    tone = 1 + 0.06 * canvas.make_fractal(scale=40) + 0.03 * canvas.make_grain()
    canvas.paint(cover, strength * _clip(-distance), tone)


def build_houses(
    canvas: Canvas,
    lots: Parcels,
    *,
    roofs: Roofs,
    density: Plane | float,
    fill: tuple[float, float] = (0.45, 0.85),
    height: float = 5.0,
) -> None:
    """Build one house in each taken lot.

    Args:
        canvas: the ground.
        lots: the division of the land.
        roofs: which roofs and in what share.
        density: the chance that a lot is taken, judged at each pixel.
        fill: smallest and largest part of a lot's side that the house takes.
        height: metres, for the shadows.
    """
    reaches = []
    for axis, (place, extent) in enumerate(((lots.sides[0], lots.width), (lots.sides[2], lots.height))):
        part = fill[0] + (fill[1] - fill[0]) * hash_labels(lots.ident, 21 + axis)
        start = (1 - part) * (0.2 + 0.6 * hash_labels(lots.ident, 23 + axis)) * extent
        reaches.append(np.minimum(place - start, start + part * extent - place))
    mask = _clip(np.minimum(*reaches)) * (hash_labels(lots.ident, 25) < density)
    _roof(canvas, _Footprints(mask, lots.ident, lots.sides[2] - 0.5 * lots.height), roofs, height)


def pitch_tents(canvas: Canvas, frame: Frame, *, where: Plane, roofs: Roofs, taken: float = 0.86) -> None:
    """Pitch shelters in straight rows where `where` is above one half, on a share `taken` of the sites."""
    iu, iv = (np.floor(axis / step) for axis, step in ((frame.u, _SPACING[0]), (frame.v, _SPACING[1])))
    ident = ((iv + 4096) * 8192 + (iu + 4096)).astype(np.int32)
    u = frame.u - (iu + 0.5) * np.float32(_SPACING[0]) - 0.9 * (hash_labels(ident, 31) - 0.5)
    v = frame.v - (iv + 0.5) * np.float32(_SPACING[1]) - 0.9 * (hash_labels(ident, 32) - 0.5)
    half = 0.5 * (0.85 + 0.3 * hash_labels(ident, 33))
    inside = np.minimum(_SHELTER[0] * half - np.abs(u), _SHELTER[1] * half - np.abs(v))
    stand = (hash_labels(ident, 34) < taken) & (where > HALF)
    _roof(canvas, _Footprints(_clip(inside) * stand, ident, u), roofs, height=2.6)


def _roof(canvas: Canvas, houses: _Footprints, roofs: Roofs, height: float) -> None:
    """Paint roofs with a lit and a dark pitch, and the shadows beside them."""
    canvas.darken(0.72 * cast_shadow(houses.mask, canvas.sun, height))
    pitch = 1 + 0.09 * np.tanh(houses.across) * np.where(hash_labels(houses.ident, 42) < HALF, 1, -1)
    tone = (0.72 + 0.5 * hash_labels(houses.ident, 43)) * pitch * (1 + 0.03 * canvas.make_grain())
    mine = deal(houses.ident, 41, [share for _, share, _ in roofs])
    for (cover, _, bright), own in zip(roofs, mine, strict=True):
        canvas.paint(cover, houses.mask * own, tone * bright)
