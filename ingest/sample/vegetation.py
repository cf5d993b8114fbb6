"""Plants: closed canopies, scattered trees and shrubs, crops in their fields."""

from collections.abc import Sequence

import numpy as np

from ingest.sample.canvas import Canvas
from ingest.sample.cover import Cover
from ingest.sample.noise import HALF, Plane, blur, deal, hash_labels, make_cells, smoothstep
from ingest.sample.parcels import Frame, Parcels
from ingest.sample.relief import cast_shadow, shade_relief


def make_canopy(canvas: Canvas, *, pitch: float) -> Plane:
    """Return the light on a closed canopy: crowns of about `pitch` pixels as domes of unequal height."""
    owner, distance = make_cells(canvas.rng, canvas.shape, pitch=pitch)
    tall = 9 * hash_labels(owner, 1) + 3 * canvas.make_fractal(scale=90)
    dome = np.sqrt(np.clip(1.05 - distance**2, 0.02, None)) * np.float32(pitch * 0.8)
    height = blur(tall + dome, 0.8)
    tone = 1 + 0.22 * (hash_labels(owner, 2) - 0.5)
    return (0.35 + 0.65 * shade_relief(height * 0.62, canvas.sun)) * tone


def scatter_plants(
    canvas: Canvas,
    density: Plane | float,
    *,
    cover: Cover = Cover.TREE,
    pitch: float = 8.0,
    radius: tuple[float, float] = (0.22, 0.5),
    height: float = 5.0,
) -> None:
    """Plant single trees or shrubs with their shadows.

    Args:
        canvas: the ground.
        density: the chance that a site is taken, 0 to 1.
        cover: what grows.
        pitch: distance between sites in pixels.
        radius: smallest and largest crown radius in pitches.
        height: metres, for the shadow.
    """
    owner, distance = make_cells(canvas.rng, canvas.shape, pitch=pitch)
    size = radius[0] + (radius[1] - radius[0]) * hash_labels(owner, 3)
    taken = hash_labels(owner, 4) < density
    crown = np.clip((size - distance) * np.float32(pitch) + 0.5, 0, 1) * taken
    canvas.darken(0.62 * cast_shadow(crown, canvas.sun, height))
    tone = 0.8 + 0.35 * hash_labels(owner, 5) + 0.10 * canvas.make_grain()
    canvas.paint(cover, 0.92 * crown, tone)


def sow_fields(
    canvas: Canvas,
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
        fields: the division of the land.
        frame: the directions that rows follow.
        crops: what is grown and in what share of the fields; the rest is left as it is.
        where: how much of the ground is farmed.
        margin: width of the bare edge in pixels.
    """
    turned = hash_labels(fields.ident, 12) < HALF
    period = 2.6 + 2.4 * hash_labels(fields.ident, 13)
    rows = 1 + 0.07 * np.sin(2 * np.pi * np.where(turned, frame.u, frame.v) / period)
    tone = (0.8 + 0.4 * hash_labels(fields.ident, 14)) * rows
    tone *= 1 + 0.05 * canvas.make_fractal(scale=70) + 0.035 * canvas.make_grain()
    vigour = 0.72 + 0.24 * hash_labels(fields.ident, 15) + 0.08 * canvas.make_fractal(scale=120)
    stand = np.clip(fields.edge - margin, 0, 1) * where * np.clip(vigour, 0.3, 1)
    mine = deal(fields.ident, 11, [share for _, share in crops])
    for (cover, _), own in zip(crops, mine, strict=True):
        canvas.paint(cover, stand * own, tone)


def mottle(canvas: Canvas, cover: Cover, *, amount: float, scale: float, strength: float = 0.8) -> None:
    """Cover part of the ground in soft patches.

    Args:
        canvas: the ground.
        cover: what the patches are of.
        amount: their share of the scene, 0 to 1.
        scale: the size of the largest in pixels.
        strength: how much they hide of what is below.
    """
    patches = canvas.make_fractal(scale=scale, roughness=1.8)
    level = float(np.quantile(patches[::8, ::8], 1 - amount))
    tone = 1 + 0.07 * canvas.make_fractal(scale=12, roughness=1.0)
    canvas.paint(cover, strength * smoothstep(patches, level - 0.9, level + 0.9), tone)
