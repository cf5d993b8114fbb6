"""Small-scale gold mines in the rainforest: along a creek, and along a river that is dredged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.sample.buildings import build_houses, pave
from ingest.sample.canvas import Canvas
from ingest.sample.cover import Cover
from ingest.sample.noise import hash_labels, make_cells, make_fractal, make_grain, smoothstep
from ingest.sample.parcels import Frame, cut_parcels
from ingest.sample.relief import make_line, shade_relief
from ingest.sample.vegetation import GSD, make_canopy, scatter_plants

if TYPE_CHECKING:
    from ingest.sample.noise import Plane
    from ingest.sample.sun import Sun

_PONDS = ((Cover.MUD_POND, 0.5, 1.0), (Cover.GREEN_POND, 0.25, 1.1), (Cover.RIVER, 0.25, 1.0))


def _grow_forest(rng: np.random.Generator, size: int, sun: Sun, height: Plane) -> Canvas:
    """Return a ground under closed rainforest on hills of `height` metres."""
    canvas = Canvas(size, Cover.DARK_SOIL)
    tone = 1 + 0.07 * make_fractal(rng, canvas.shape, scale=200) + 0.05 * make_grain(rng, canvas.shape)
    light = make_canopy(rng, canvas.shape, sun, pitch=6.5) * shade_relief(height, sun, gsd=GSD)
    canvas.paint(Cover.FOREST, np.full(canvas.shape, 0.97, np.float32), tone * light)
    return canvas


def _dig(canvas: Canvas, rng: np.random.Generator, sun: Sun, scar: Plane, *, pitch: float, wet: float) -> None:
    """Strip the forest where `scar` is 1: sand and laterite, pits full of water, a fringe of regrowth."""
    fringe = np.clip(scar * 3, 0, 1) * (1 - scar)
    canvas.paint(Cover.SHRUB, 0.8 * fringe, 1.05)
    bare = smoothstep(scar, 0.35, 0.65)
    canvas.paint(Cover.LATERITE, bare, 1.0 + 0.09 * make_fractal(rng, canvas.shape, scale=24, roughness=1.2))
    pale = smoothstep(make_fractal(rng, canvas.shape, scale=70), -0.1, 0.9)
    canvas.paint(Cover.SAND, 0.85 * bare * pale, 0.9 + 0.05 * make_fractal(rng, canvas.shape, scale=16, roughness=1.1))
    spoil = make_fractal(rng, canvas.shape, scale=26, roughness=1.9)
    canvas.light(1 + bare * (shade_relief(1.3 * spoil, sun, gsd=GSD) - 1))
    owner, distance = make_cells(rng, canvas.shape, pitch=pitch)
    ragged = distance + 0.10 * make_fractal(rng, canvas.shape, scale=22, roughness=1.5)
    reach = 0.22 + 0.28 * hash_labels(owner, 71)
    pond = np.clip((reach - ragged) * np.float32(pitch) + 0.5, 0, 1) * smoothstep(scar, 0.55, 0.8)
    pond *= hash_labels(owner, 72) < wet
    canvas.paint(Cover.DARK_SOIL, 0.5 * np.clip((reach + 0.07 - ragged) * np.float32(pitch), 0, 1) * bare)
    kind, low = hash_labels(owner, 73), 0.0
    for cover, share, bright in _PONDS:
        canvas.paint(cover, pond * ((kind >= low) & (kind < low + share)), bright * (0.85 + 0.3 * hash_labels(owner, 74)))
        low += share
    scatter_plants(canvas, rng, 0.05 * bare * (1 - pond) + 0.25 * fringe, sun=sun, pitch=7)


def _settle(canvas: Canvas, rng: np.random.Generator, sun: Sun, where: Plane) -> None:
    """Put the miners' tarpaulin huts where `where` is 1."""
    lots = cut_parcels(rng, Frame.turned(canvas.size, rng.uniform(0, 40)), area=85, shortest=6, spread=0.4)
    roofs = ((Cover.METAL_ROOF, 0.4, 1.0), (Cover.TENT, 0.35, 0.6), (Cover.SOIL, 0.25, 1.0))
    build_houses(canvas, rng, lots, sun=sun, density=0.5 * where, roofs=roofs, fill=(0.4, 0.7), height=3)


def paint_creek_mine(rng: np.random.Generator, size: int, sun: Sun) -> Canvas:
    """Paint forested hills with a creek whose bed is mined, and the track that leads there."""
    height = make_fractal(rng, (size, size), scale=520, roughness=2.3)
    creek = make_line(rng, height.shape, angle=rng.uniform(25, 50), wander=95, wavelength=760, at=-0.05, rough=5)
    branch = make_line(rng, height.shape, angle=rng.uniform(-45, -20), wander=70, wavelength=620, at=0.12, rough=5)
    side = 1000 * (branch.along > 60)  # the branch ends in the creek
    valley = np.minimum(creek.distance, branch.distance + side)
    canvas = _grow_forest(rng, size, sun, 30 * height - 26 * smoothstep(valley, 150, 0))
    eaten = make_fractal(rng, canvas.shape, scale=170, roughness=1.7)
    scar = smoothstep(24 + 30 * eaten - valley, -9, 9)
    _dig(canvas, rng, sun, scar, pitch=34, wet=0.62)
    canvas.paint(Cover.MUD_POND, 0.9 * smoothstep(creek.distance, 3.6, 2.0))
    track = make_line(rng, canvas.shape, angle=rng.uniform(80, 105), wander=55, wavelength=640, at=0.2, rough=1.5)
    canvas.paint(Cover.SHRUB, 0.6 * smoothstep(track.distance, 7, 4))
    pave(canvas, rng, track.distance - 2.2, Cover.LATERITE)
    _settle(canvas, rng, sun, smoothstep(np.hypot(track.distance, 0.35 * valley), 34, 22) * (scar < 0.9))  # noqa: PLR2004
    return canvas


def paint_river_mine(rng: np.random.Generator, size: int, sun: Sun) -> Canvas:
    """Paint a wide muddy river with sand bars, and pits on its banks where dredges have turned the forest over."""
    height = make_fractal(rng, (size, size), scale=700, roughness=2.5)
    river = make_line(rng, height.shape, angle=rng.uniform(55, 75), wander=120, wavelength=980, at=-0.08, rough=4)
    canvas = _grow_forest(rng, size, sun, 9 * height)
    lake = make_line(rng, canvas.shape, angle=100, wander=120, wavelength=700, at=0.33, rough=3)
    oxbow = smoothstep(lake.distance, 13, 10) * smoothstep(np.abs(lake.along), 190, 170)
    canvas.paint(Cover.GRASS, 0.8 * smoothstep(lake.distance, 22, 15) * smoothstep(np.abs(lake.along), 200, 180))
    canvas.paint(Cover.GREEN_POND, oxbow, 0.9)
    eaten = make_fractal(rng, canvas.shape, scale=240, roughness=1.7)
    bank = np.abs(river.distance - 120)
    scar = smoothstep(58 * eaten + 26 - bank, -12, 12)
    _dig(canvas, rng, sun, scar, pitch=30, wet=0.72)
    width = 36 + 7 * make_fractal(rng, canvas.shape, scale=260, roughness=2.2)
    bars = smoothstep(make_fractal(rng, canvas.shape, scale=150, roughness=1.9), 0.3, 0.9)
    canvas.paint(Cover.SAND, 0.95 * smoothstep(river.distance - width, 12, 6) * bars)
    tone = 1 + 0.05 * make_fractal(rng, canvas.shape, scale=120) + 0.03 * np.sin(river.offset / 5)
    canvas.paint(Cover.RIVER, smoothstep(river.distance - width, 2, -2), 1.15 * tone)
    canvas.paint(Cover.SAND, 0.85 * bars * smoothstep(np.abs(river.offset - 12), 9, 5) * smoothstep(eaten, 0.2, 0.6))
    _settle(canvas, rng, sun, smoothstep(np.abs(river.distance - 62), 16, 9) * (eaten > 0.9))  # noqa: PLR2004
    return canvas
