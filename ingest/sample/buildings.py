"""What people build: houses in their lots, tents in rows, roads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.sample.cover import Cover
from ingest.sample.noise import hash_labels, make_fractal, make_grain
from ingest.sample.relief import cast_shadow
from ingest.sample.vegetation import GSD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.sample.canvas import Canvas
    from ingest.sample.noise import Labels, Plane
    from ingest.sample.parcels import Frame, Parcels
    from ingest.sample.sun import Sun

Roofs = tuple[tuple[Cover, float, float], ...]
"""Which roofs: cover, share of the houses, brightness."""


def _clip(distance: Plane) -> Plane:
    """Return the share of a pixel inside a shape, from its distance inside the edge in pixels."""
    return np.clip(distance + 0.5, 0, 1)


def pave(canvas: Canvas, rng: np.random.Generator, distance: Plane, cover: Cover, *, strength: float = 0.95) -> None:
    """Lay a road where `distance` (to its kerb, in pixels) is negative."""
    tone = 1 + 0.06 * make_fractal(rng, canvas.shape, scale=40) + 0.03 * make_grain(rng, canvas.shape)
    canvas.paint(cover, strength * _clip(-distance), tone)


def build_houses(
    canvas: Canvas,
    rng: np.random.Generator,
    lots: Parcels,
    *,
    sun: Sun,
    roofs: Roofs,
    density: Plane | float,
    fill: tuple[float, float] = (0.45, 0.85),
    height: float = 5.0,
) -> Plane:
    """Build one house in each taken lot and return where roofs are.

    Args:
        canvas: the ground.
        rng: where the unevenness comes from.
        lots: the division of the land.
        sun: where the shadows fall from.
        roofs: which roofs and in what share.
        density: the chance that a lot is taken, judged at each pixel.
        fill: smallest and largest part of a lot's side that the house takes.
        height: metres, for the shadows.
    """
    u, v = lots.sides[0], lots.sides[2]
    inside = None
    for axis, (place, extent) in enumerate(((u, lots.width), (v, lots.height))):
        part = fill[0] + (fill[1] - fill[0]) * hash_labels(lots.ident, 21 + axis)
        start = (1 - part) * (0.2 + 0.6 * hash_labels(lots.ident, 23 + axis)) * extent
        reach = np.minimum(place - start, start + part * extent - place)
        inside = reach if inside is None else np.minimum(inside, reach)
    taken = hash_labels(lots.ident, 25) < density
    return _roof(canvas, rng, _clip(inside) * taken, lots.ident, v - 0.5 * lots.height, sun=sun, roofs=roofs, height=height)


def pitch_tents(
    canvas: Canvas,
    rng: np.random.Generator,
    frame: Frame,
    *,
    sun: Sun,
    where: Plane,
    spacing: tuple[float, float] = (6.0, 8.0),
    size: tuple[float, float] = (3.2, 4.2),
    taken: float = 0.86,
    roofs: Roofs = ((Cover.TENT, 1.0, 1.0),),
) -> Plane:
    """Pitch shelters in straight rows where `where` is above one half, and return where they stand."""
    iu, iv = np.floor(frame.u / spacing[0]), np.floor(frame.v / spacing[1])
    ident = ((iv + 4096) * 8192 + (iu + 4096)).astype(np.int32)
    u = frame.u - (iu + 0.5) * np.float32(spacing[0]) - 0.9 * (hash_labels(ident, 31) - 0.5)
    v = frame.v - (iv + 0.5) * np.float32(spacing[1]) - 0.9 * (hash_labels(ident, 32) - 0.5)
    shrink = 0.85 + 0.3 * hash_labels(ident, 33)
    inside = np.minimum(0.5 * size[0] * shrink - np.abs(u), 0.5 * size[1] * shrink - np.abs(v))
    stand = (hash_labels(ident, 34) < taken) & (where > 0.5)  # noqa: PLR2004
    return _roof(canvas, rng, _clip(inside) * stand, ident, u, sun=sun, roofs=roofs, height=2.6)


def _roof(
    canvas: Canvas,
    rng: np.random.Generator,
    mask: Plane,
    ident: Labels,
    across: Plane,
    *,
    sun: Sun,
    roofs: Sequence[tuple[Cover, float, float]],
    height: float,
) -> Plane:
    """Paint roofs with a lit and a dark pitch and the shadow beside them; return the mask."""
    canvas.darken(0.72 * cast_shadow(mask, sun.shadow(height, GSD)))
    lot, low = hash_labels(ident, 41), 0.0
    pitch = 1 + 0.09 * np.tanh(across) * np.where(hash_labels(ident, 42) < 0.5, 1, -1)  # noqa: PLR2004
    tone = (0.72 + 0.5 * hash_labels(ident, 43)) * pitch * (1 + 0.03 * make_grain(rng, canvas.shape))
    for cover, share, bright in roofs:
        mine = (lot >= low) & (lot < low + share)
        canvas.paint(cover, mask * mine, (tone * bright).astype(np.float32))
        low += share
    return mask
