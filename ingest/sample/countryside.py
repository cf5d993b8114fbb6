"""Farmed land: a plain of paddies and villages, and a green wadi between bare mountains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.sample.buildings import build_houses, pave
from ingest.sample.canvas import Canvas
from ingest.sample.cover import Cover
from ingest.sample.noise import make_fractal, smoothstep
from ingest.sample.parcels import Frame, cut_parcels
from ingest.sample.relief import make_line, shade_relief
from ingest.sample.vegetation import GSD, make_canopy, mottle, scatter_plants, sow_fields

if TYPE_CHECKING:
    from ingest.sample.sun import Sun


def paint_paddies(rng: np.random.Generator, size: int, sun: Sun) -> Canvas:
    """Paint a farmed plain with fish ponds, villages along the roads, a river and a wooded hill."""
    canvas = Canvas(size, Cover.SOIL)
    bend = [26 * make_fractal(rng, canvas.shape, scale=500, roughness=2.6) for _ in range(2)]
    frame = Frame.turned(size, rng.uniform(8, 35), bend)
    fields = cut_parcels(rng, frame, area=1500, shortest=16, spread=0.45)
    hill = make_fractal(rng, canvas.shape, scale=700, roughness=2.4)
    wood = smoothstep(hill + 0.10 * make_fractal(rng, canvas.shape, scale=50), 0.95, 1.1)
    river = make_line(rng, canvas.shape, angle=rng.uniform(-70, -50), wander=55, wavelength=800, at=-0.12, rough=1.2)
    mottle(canvas, rng, Cover.GRASS, amount=0.4, scale=60)
    sow_fields(
        canvas, rng, fields, frame,
        crops=((Cover.PADDY, 0.40), (Cover.CROP_TWICE, 0.22), (Cover.CROP_LATE, 0.16), (Cover.GREEN_POND, 0.06), (Cover.GRASS, 0.06)),
    )  # fmt: skip
    village = make_fractal(rng, canvas.shape, scale=230, roughness=1.9)
    lanes = fields.measure_lanes([2.4] * 3 + [1.5] * 3 + [0.9] * 3)
    homes = smoothstep(village - np.clip(lanes, 0, 60) / 70, 0.75, 1.0) * (1 - wood)
    canvas.paint(Cover.SOIL, 0.8 * homes, 1.1)
    _plant_wood(canvas, rng, sun, wood)
    canvas.light(shade_relief(26 * hill, sun, gsd=GSD))
    lots = cut_parcels(rng, frame, area=95, shortest=7, spread=0.3)
    build_houses(
        canvas, rng, lots, sun=sun, density=0.85 * homes,
        roofs=((Cover.CONCRETE, 0.45, 1.0), (Cover.TILE_ROOF, 0.35, 0.85), (Cover.METAL_ROOF, 0.2, 0.9)),
    )  # fmt: skip
    scatter_plants(canvas, rng, 0.30 * homes + 0.5 * smoothstep(np.abs(lanes), 4, 1) + 0.015, sun=sun)
    _run_river(canvas, rng, sun, river.distance, half_width=11)
    pave(canvas, rng, fields.measure_lanes([2.4] * 3 + [1.5] * 3 + [0.8] * 3) + 6 * (wood > 0.5), Cover.CONCRETE, strength=0.8)  # noqa: PLR2004
    return canvas


def _plant_wood(canvas: Canvas, rng: np.random.Generator, sun: Sun, wood: np.ndarray) -> None:
    """Cover a hill with a closed canopy."""
    canvas.paint(Cover.FOREST, wood, make_canopy(rng, canvas.shape, sun, pitch=5.0))


def _run_river(canvas: Canvas, rng: np.random.Generator, sun: Sun, distance: np.ndarray, *, half_width: float) -> None:
    """Lay a river with grassy banks and trees along them."""
    canvas.paint(Cover.GRASS, 0.9 * smoothstep(distance, half_width + 9, half_width + 5))
    bank = smoothstep(distance, half_width + 12, half_width + 7) * smoothstep(distance, half_width, half_width + 3)
    scatter_plants(canvas, rng, 0.5 * bank, sun=sun, pitch=7)
    canvas.paint(Cover.SAND, 0.6 * smoothstep(distance, half_width + 3, half_width + 1))
    canvas.paint(Cover.RIVER, smoothstep(distance, half_width + 1, half_width - 1), 1 + 0.04 * make_fractal(rng, canvas.shape, scale=80))


def paint_wadi(rng: np.random.Generator, size: int, sun: Sun) -> Canvas:
    """Paint bare mountains around a wadi with terraced fields and stone villages."""
    canvas = Canvas(size, Cover.ROCK)
    valley = make_line(rng, canvas.shape, angle=rng.uniform(15, 40), wander=110, wavelength=1100, rough=9)
    ridges = 1 - 2 * np.abs(make_fractal(rng, canvas.shape, scale=420, roughness=2.1))
    rise = smoothstep(valley.distance, 90, 420)
    height = 40 + rise * (230 + 75 * ridges) + 14 * rise * make_fractal(rng, canvas.shape, scale=60, roughness=1.8)
    mottle(canvas, rng, Cover.LATERITE, amount=0.35, scale=200)
    mottle(canvas, rng, Cover.DARK_SOIL, amount=0.15, scale=120)
    scatter_plants(canvas, rng, 0.10, sun=sun, cover=Cover.SHRUB, pitch=6, radius=(0.15, 0.3), height=1.5)
    canvas.light(shade_relief(height, sun, gsd=GSD))
    _terrace(canvas, rng, sun, valley.offset, height)
    return canvas


def _terrace(canvas: Canvas, rng: np.random.Generator, sun: Sun, offset: np.ndarray, height: np.ndarray) -> None:
    """Fill the valley floor: bed of gravel, fields on both sides, houses above them, a track."""
    distance = np.abs(offset)
    along = make_line(rng, canvas.shape, angle=30, wander=60, wavelength=900).along
    frame = Frame(u=along, v=(offset + 5 * make_fractal(rng, canvas.shape, scale=120, roughness=2.2)).astype(np.float32))
    fields = cut_parcels(rng, frame, area=620, shortest=9, spread=0.5)
    floor = smoothstep(distance + 14 * make_fractal(rng, canvas.shape, scale=90), 135, 110)
    canvas.paint(Cover.SOIL, 0.9 * floor, 1.15)
    crops = ((Cover.CROP_TWICE, 0.42), (Cover.CROP_MAIN, 0.2), (Cover.CROP_EARLY, 0.14), (Cover.TREE, 0.08))
    sow_fields(canvas, rng, fields, frame, crops=crops, where=floor, margin=0.8)
    scatter_plants(canvas, rng, 0.12 * floor, sun=sun, pitch=7)
    bed = smoothstep(distance + 5 * make_fractal(rng, canvas.shape, scale=40), 26, 20)
    canvas.paint(Cover.SAND, bed, 0.82 + 0.10 * make_fractal(rng, canvas.shape, scale=30, roughness=1.2))
    canvas.paint(Cover.RIVER, 0.7 * smoothstep(np.abs(offset - 6), 3.2, 1.6))
    lots = cut_parcels(rng, frame, area=80, shortest=6, spread=0.3)
    shelf = smoothstep(np.abs(distance - 150), 34, 18) * (make_fractal(rng, canvas.shape, scale=160) > 0.7)  # noqa: PLR2004
    build_houses(canvas, rng, lots, sun=sun, density=0.8 * shelf, roofs=((Cover.CONCRETE, 0.7, 0.85), (Cover.SOIL, 0.3, 1.3)))
    pave(canvas, rng, np.abs(offset + 124) - 2.0, Cover.SAND, strength=0.75)
