"""Plants: closed canopies, scattered trees and shrubs, crops in their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.sample.cover import Cover
from ingest.sample.noise import blur, hash_labels, make_cells, make_fractal, make_grain, smoothstep
from ingest.sample.relief import cast_shadow, shade_relief

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.sample.canvas import Canvas
    from ingest.sample.noise import Plane
    from ingest.sample.parcels import Frame, Parcels
    from ingest.sample.sun import Sun

GSD = 1.5
"""Ground size of a painted pixel in metres."""


def make_canopy(rng: np.random.Generator, shape: tuple[int, int], sun: Sun, *, pitch: float) -> Plane:
    """Return the light on a closed canopy: crowns of about `pitch` pixels as domes of unequal height."""
    owner, distance = make_cells(rng, shape, pitch=pitch)
    tall = 9 * hash_labels(owner, 1)
    tall += 3 * make_fractal(rng, shape, scale=90)
    dome = np.sqrt(np.clip(1.05 - distance**2, 0.02, None)) * np.float32(pitch * 0.8)
    height = blur((tall + dome).astype(np.float32), 0.8)
    tone = 1 + 0.22 * (hash_labels(owner, 2) - 0.5)
    return (0.35 + 0.65 * shade_relief(height * 0.62, sun, gsd=GSD)) * tone


def scatter_plants(
    canvas: Canvas,
    rng: np.random.Generator,
    density: Plane | float,
    *,
    sun: Sun,
    cover: Cover = Cover.TREE,
    pitch: float = 8.0,
    radius: tuple[float, float] = (0.22, 0.5),
    height: float = 5.0,
) -> None:
    """Plant single trees or shrubs with their shadows.

    Args:
        canvas: the ground.
        rng: where they stand.
        density: the chance that a site is taken, 0 to 1.
        sun: where the shadows fall from.
        cover: what grows.
        pitch: distance between sites in pixels.
        radius: smallest and largest crown radius in pitches.
        height: metres, for the shadow.
    """
    owner, distance = make_cells(rng, canvas.shape, pitch=pitch)
    size = radius[0] + (radius[1] - radius[0]) * hash_labels(owner, 3)
    taken = hash_labels(owner, 4) < density
    crown = np.clip((size - distance) * np.float32(pitch) + 0.5, 0, 1) * taken
    canvas.darken(0.62 * cast_shadow(crown, sun.shadow(height, GSD)))
    tone = 0.8 + 0.35 * hash_labels(owner, 5) + 0.10 * make_grain(rng, canvas.shape)
    canvas.paint(cover, 0.92 * crown, tone)


def sow_fields(
    canvas: Canvas,
    rng: np.random.Generator,
    fields: Parcels,
    frame: Frame,
    *,
    crops: Sequence[tuple[Cover, float]],
    where: Plane | float = 1.0,
    margin: float = 1.0,
) -> None:
    """Grow one crop per field, with rows, unevenness and a bare margin.

    Args:
        canvas: the ground.
        rng: where the unevenness comes from.
        fields: the division of the land.
        frame: the directions that rows follow.
        crops: what is grown and in what share of the fields; the rest is left as it is.
        where: how much of the ground is farmed.
        margin: width of the bare edge in pixels.
    """
    lot, turn = hash_labels(fields.ident, 11), hash_labels(fields.ident, 12) < 0.5  # noqa: PLR2004
    period = 2.6 + 2.4 * hash_labels(fields.ident, 13)
    rows = 1 + 0.07 * np.sin(2 * np.pi * np.where(turn, frame.u, frame.v) / period)
    tone = (0.8 + 0.4 * hash_labels(fields.ident, 14)) * rows
    tone *= 1 + 0.05 * make_fractal(rng, canvas.shape, scale=70) + 0.035 * make_grain(rng, canvas.shape)
    vigour = 0.72 + 0.24 * hash_labels(fields.ident, 15) + 0.08 * make_fractal(rng, canvas.shape, scale=120)
    inside = np.clip(fields.edge - margin, 0, 1) * where
    low = 0.0
    for cover, share in crops:
        mine = (lot >= low) & (lot < low + share)
        canvas.paint(cover, inside * mine * np.clip(vigour, 0.3, 1), tone)
        low += share


def mottle(canvas: Canvas, rng: np.random.Generator, cover: Cover, *, amount: float, scale: float) -> None:
    """Cover part of the ground in soft patches; `amount` is the share of the scene."""
    patches = make_fractal(rng, canvas.shape, scale=scale, roughness=1.5)
    level = float(np.quantile(patches[::8, ::8], 1 - amount))
    tone = 1 + 0.08 * make_fractal(rng, canvas.shape, scale=12, roughness=1.0)
    canvas.paint(cover, 0.85 * smoothstep(patches, level - 0.5, level + 0.5), tone)
