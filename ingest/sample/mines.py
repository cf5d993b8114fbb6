"""Small-scale gold mines in the rainforest: along a creek, and along a river that is dredged."""

import numpy as np

from ingest.sample.buildings import build_houses, pave
from ingest.sample.canvas import Canvas
from ingest.sample.cover import Cover
from ingest.sample.noise import Plane, deal, hash_labels, make_cells, smoothstep
from ingest.sample.parcels import Frame, cut_parcels
from ingest.sample.relief import make_line, shade_relief
from ingest.sample.vegetation import make_canopy, scatter_plants

_PONDS = ((Cover.MUD_POND, 0.5, 1.0), (Cover.GREEN_POND, 0.25, 1.1), (Cover.RIVER, 0.25, 1.0))
"""The water in the pits: cover, share of the pits, brightness."""


def paint_creek_mine(canvas: Canvas) -> None:
    """Paint forested hills with a creek whose bed is mined, and the track that leads there."""
    height = canvas.make_fractal(scale=520, roughness=2.3)
    creek = make_line(canvas, angle=canvas.rng.uniform(25, 50), wander=95, wavelength=760, at=-0.05, rough=5)
    branch = make_line(canvas, angle=canvas.rng.uniform(-45, -20), wander=70, wavelength=620, at=0.12, rough=5)
    # The branch ends in the creek: beyond their meeting it is ever further away.
    valley = np.minimum(creek.distance, branch.distance + np.clip(branch.along - 60, 0, None))
    _grow_forest(canvas, 30 * height - 26 * smoothstep(valley, 150, 0))
    scar = smoothstep(24 + 30 * canvas.make_fractal(scale=170, roughness=2.1) - valley, -9, 9)
    _dig(canvas, scar, pitch=34, wet=0.62)
    canvas.paint(Cover.MUD_POND, 0.9 * smoothstep(creek.distance, 3.6, 2.0))
    track = make_line(canvas, angle=canvas.rng.uniform(80, 105), wander=55, wavelength=640, at=0.2, rough=1.5)
    canvas.paint(Cover.SHRUB, 0.6 * smoothstep(track.distance, 7, 4))
    pave(canvas, track.distance - 2.2, Cover.LATERITE)
    _settle(canvas, smoothstep(np.hypot(track.distance, 0.35 * valley), 34, 22) * smoothstep(scar, 1.0, 0.8))


def paint_river_mine(canvas: Canvas) -> None:
    """Paint a wide muddy river with sand bars, and pits on its banks where dredges have turned the forest over."""
    height = canvas.make_fractal(scale=700, roughness=2.5)
    river = make_line(canvas, angle=canvas.rng.uniform(55, 75), wander=120, wavelength=980, at=-0.08, rough=4)
    _grow_forest(canvas, 9 * height)
    lake = make_line(canvas, angle=100, wander=120, wavelength=700, at=0.33, rough=3)
    end = smoothstep(np.abs(lake.along), 195, 175)
    canvas.paint(Cover.GRASS, 0.8 * smoothstep(lake.distance, 22, 15) * end)
    canvas.paint(Cover.GREEN_POND, smoothstep(lake.distance, 13, 10) * end, 0.9)
    eaten = canvas.make_fractal(scale=240, roughness=2.1)
    _dig(canvas, smoothstep(58 * eaten + 26 - np.abs(river.distance - 120), -12, 12), pitch=30, wet=0.72)
    shore = river.distance - 36 - 7 * canvas.make_fractal(scale=260, roughness=2.2)
    bars = smoothstep(canvas.make_fractal(scale=150, roughness=2.3), 0.3, 0.9)
    canvas.paint(Cover.SAND, 0.95 * smoothstep(shore, 12, 6) * bars)
    flow = 1 + 0.05 * canvas.make_fractal(scale=120) + 0.03 * np.sin(river.offset / 5)
    canvas.paint(Cover.RIVER, smoothstep(shore, 2, -2), 1.15 * flow)
    canvas.paint(Cover.SAND, 0.85 * bars * smoothstep(np.abs(river.offset - 12), 9, 5) * smoothstep(eaten, 0.2, 0.6))
    _settle(canvas, smoothstep(np.abs(river.distance - 62), 16, 9) * smoothstep(eaten, 0.8, 1.0))


def _grow_forest(canvas: Canvas, height: Plane) -> None:
    """Cover hills of `height` metres with closed rainforest."""
    canvas.fill(Cover.DARK_SOIL)
    tone = 1 + 0.10 * canvas.make_fractal(scale=160, roughness=1.4) + 0.05 * canvas.make_grain()
    light = make_canopy(canvas, pitch=6.5) * shade_relief(height, canvas.sun)
    canvas.paint(Cover.FOREST, np.full(canvas.shape, 0.97, np.float32), tone * light)


def _dig(canvas: Canvas, scar: Plane, *, pitch: float, wet: float) -> None:
    """Strip the forest where `scar` is 1: sand and laterite, pits full of water, a fringe of regrowth."""
    fringe = np.clip(scar * 3, 0, 1) * (1 - scar)
    canvas.paint(Cover.SHRUB, 0.8 * fringe, 1.05)
    bare = smoothstep(scar, 0.3, 0.6)
    canvas.paint(Cover.LATERITE, bare, 0.98 + 0.05 * canvas.make_fractal(scale=30, roughness=1.4))
    pale = smoothstep(canvas.make_fractal(scale=110, roughness=1.9), -0.9, 1.3)
    canvas.paint(Cover.SAND, 0.8 * bare * pale, 0.84 + 0.04 * canvas.make_fractal(scale=16, roughness=1.2))
    spoil = canvas.make_fractal(scale=30, roughness=2.2)
    canvas.light(1 + bare * (shade_relief(1.9 * spoil, canvas.sun) - 1))
    pond = _flood(canvas, scar, pitch=pitch, wet=wet)
    scatter_plants(canvas, (0.03 * bare + 0.3 * fringe) * smoothstep(pond, 0.1, 0.0), pitch=7)


def _flood(canvas: Canvas, scar: Plane, *, pitch: float, wet: float) -> Plane:
    """Fill pits with water of all the colours that sediment and algae give it; return where it stands."""
    owner, distance = make_cells(canvas.rng, canvas.shape, pitch=pitch)
    ragged = distance + 0.055 * canvas.make_fractal(scale=40, roughness=2.0)
    depth = (0.26 + 0.30 * hash_labels(owner, 71) - ragged) * np.float32(pitch)
    inside = smoothstep(scar, 0.6, 0.8) * (hash_labels(owner, 72) < wet)
    canvas.paint(Cover.SOIL, 0.6 * np.clip(depth + 2.2, 0, 1) * inside, 0.8)
    pond: Plane = np.clip(depth + 0.5, 0, 1) * inside
    mine = deal(owner, 73, [share for _, share, _ in _PONDS])
    for (cover, _, bright), own in zip(_PONDS, mine, strict=True):
        canvas.paint(cover, pond * own, bright * (0.8 + 0.4 * hash_labels(owner, 74)))
    return pond


def _settle(canvas: Canvas, where: Plane) -> None:
    """Put the miners' huts where `where` is 1."""
    lots = cut_parcels(canvas.rng, Frame.turned(canvas.size, canvas.rng.uniform(0, 40)), area=85, shortest=6)
    roofs = ((Cover.METAL_ROOF, 0.4, 1.0), (Cover.TENT, 0.35, 0.6), (Cover.SOIL, 0.25, 1.0))
    build_houses(canvas, lots, density=0.5 * where, roofs=roofs, fill=(0.4, 0.7), height=3)
