"""Farmed land: a plain of paddies and villages, and a green wadi between bare mountains."""

import numpy as np

from ingest.sample.buildings import build_houses, pave
from ingest.sample.canvas import Canvas
from ingest.sample.cover import Cover
from ingest.sample.noise import HALF, Plane, smoothstep
from ingest.sample.parcels import Frame, Parcels, cut_parcels
from ingest.sample.relief import Line, make_line, shade_relief
from ingest.sample.vegetation import make_canopy, mottle, scatter_plants, sow_fields

_PLAIN_CROPS = (
    (Cover.PADDY, 0.40),
    (Cover.CROP_TWICE, 0.22),
    (Cover.CROP_LATE, 0.16),
    (Cover.GREEN_POND, 0.06),
    (Cover.GRASS, 0.06),
)
_VILLAGE_ROOFS = ((Cover.CONCRETE, 0.45, 1.0), (Cover.TILE_ROOF, 0.35, 0.85), (Cover.METAL_ROOF, 0.2, 0.9))
_WADI_CROPS = ((Cover.CROP_TWICE, 0.36), (Cover.CROP_MAIN, 0.22), (Cover.CROP_EARLY, 0.16), (Cover.TREE, 0.05))
_STONE_ROOFS = ((Cover.CONCRETE, 0.75, 0.85), (Cover.SOIL, 0.25, 1.3))


def paint_paddies(canvas: Canvas) -> None:
    """Paint a farmed plain with fish ponds, villages along the roads, a river and wooded hills."""
    canvas.fill(Cover.SOIL)
    bend = [16 * canvas.make_fractal(scale=600, roughness=2.8) for _ in range(2)]
    frame = Frame.turned(canvas.size, canvas.rng.uniform(8, 35), bend)
    fields = cut_parcels(canvas.rng, frame, area=1500, shortest=16, spread=0.45)
    hill = canvas.make_fractal(scale=700, roughness=2.4)
    wood = smoothstep(hill + 0.10 * canvas.make_fractal(scale=50), 0.95, 1.1)
    river = make_line(canvas, angle=canvas.rng.uniform(-70, -50), wander=55, wavelength=800, at=-0.12, rough=1.2)
    mottle(canvas, Cover.GRASS, amount=0.4, scale=60)
    sow_fields(canvas, fields, frame, crops=_PLAIN_CROPS)
    canvas.paint(Cover.FOREST, wood, make_canopy(canvas, pitch=5.0))
    canvas.light(shade_relief(70 * np.clip(hill - 0.9, 0, None), canvas.sun))
    _build_villages(canvas, frame, fields, wood)
    _run_river(canvas, river.distance, half_width=11)
    lanes = fields.measure_lanes([2.4] * 3 + [1.5] * 3 + [0.8] * 3)
    pave(canvas, lanes + 6 * (wood > HALF), Cover.CONCRETE, strength=0.8)


def _build_villages(canvas: Canvas, frame: Frame, fields: Parcels, wood: Plane) -> None:
    """Build villages near the roads, with trees among the houses and along the roads."""
    lanes = fields.measure_lanes([2.4] * 3 + [1.5] * 3 + [0.9] * 3)
    village = canvas.make_fractal(scale=230, roughness=1.9) - np.clip(lanes, 0, 60) / 70
    homes = smoothstep(village, 0.75, 1.0) * (1 - wood)
    canvas.paint(Cover.SOIL, 0.8 * homes, 1.1)
    lots = cut_parcels(canvas.rng, frame, area=95, shortest=7, spread=0.3)
    build_houses(canvas, lots, density=0.85 * homes, roofs=_VILLAGE_ROOFS)
    scatter_plants(canvas, (0.30 * homes + 0.5 * smoothstep(np.abs(lanes), 4, 1) + 0.015) * (1 - wood))


def _run_river(canvas: Canvas, distance: Plane, *, half_width: float) -> None:
    """Lay a river with grassy banks and trees along them."""
    canvas.paint(Cover.GRASS, 0.9 * smoothstep(distance, half_width + 9, half_width + 5))
    bank = smoothstep(distance, half_width + 12, half_width + 7) * smoothstep(distance, half_width, half_width + 3)
    scatter_plants(canvas, 0.5 * bank, pitch=7)
    canvas.paint(Cover.SAND, 0.6 * smoothstep(distance, half_width + 3, half_width + 1))
    flow = 1 + 0.04 * canvas.make_fractal(scale=80)
    canvas.paint(Cover.RIVER, smoothstep(distance, half_width + 1, half_width - 1), flow)


def paint_wadi(canvas: Canvas) -> None:
    """Paint bare mountains around a wadi with terraced fields and stone villages."""
    canvas.fill(Cover.ROCK)
    valley = make_line(canvas, angle=canvas.rng.uniform(15, 40), wander=110, wavelength=1100, rough=4)
    spurs = np.abs(canvas.make_fractal(scale=260, roughness=2.9))
    gullies = np.abs(canvas.make_fractal(scale=80, roughness=2.8))
    rise = smoothstep(valley.distance + 60 * (spurs - 0.8), 100, 560)
    height = rise * (170 + 120 * spurs) + 26 * np.sqrt(rise) * gullies * (0.4 + spurs)
    light = shade_relief(height + 1.2 * canvas.make_fractal(scale=30), canvas.sun)
    canvas.light(0.9 + 0.08 * canvas.make_fractal(scale=12, roughness=1.2))
    mottle(canvas, Cover.LATERITE, amount=0.25, scale=200)
    mottle(canvas, Cover.DARK_SOIL, amount=0.12, scale=120)
    canvas.paint(Cover.SOIL, 0.55 * smoothstep(gullies, 0.35, 0.05), 1.15)
    bushes = 0.06 + 0.3 * smoothstep(gullies, 0.25, 0.05)
    scatter_plants(canvas, bushes, cover=Cover.SHRUB, pitch=6, radius=(0.15, 0.32), height=1.5)
    canvas.light(0.25 + 0.75 * light)
    _terrace(canvas, valley)


def _terrace(canvas: Canvas, valley: Line) -> None:
    """Fill the valley floor: a bed of gravel, fields on both sides, houses above them, a track."""
    across = valley.offset + 5 * canvas.make_fractal(scale=160, roughness=2.6)
    frame = Frame(u=valley.along, v=across)
    fields = cut_parcels(canvas.rng, frame, area=620, shortest=9, spread=0.6)
    floor = smoothstep(valley.distance + 12 * canvas.make_fractal(scale=140, roughness=2.2), 132, 118)
    canvas.paint(Cover.SOIL, 0.9 * floor, 1.15)
    sow_fields(canvas, fields, frame, crops=_WADI_CROPS, where=floor, margin=0.8)
    scatter_plants(canvas, floor * (0.10 + 0.3 * smoothstep(valley.distance, 44, 30)), pitch=7)
    _run_wadi(canvas, valley)
    lots = cut_parcels(canvas.rng, frame, area=80, shortest=6, spread=0.3)
    town = smoothstep(canvas.make_fractal(scale=200, roughness=2.2), 0.8, 1.2)
    shelf = smoothstep(np.abs(valley.distance - 148), 42, 28) * town
    canvas.paint(Cover.SOIL, 0.6 * shelf, 1.2)
    build_houses(canvas, lots, density=0.85 * shelf, roofs=_STONE_ROOFS)
    pave(canvas, np.abs(across + 122) - 2.0, Cover.SAND, strength=0.75)


def _run_wadi(canvas: Canvas, valley: Line) -> None:
    """Lay a braided bed of gravel with what is left of the stream."""
    width = 17 + 4 * canvas.make_fractal(scale=160, roughness=2.4)
    gravel = 0.80 + 0.07 * canvas.make_fractal(scale=40, roughness=1.6)
    canvas.paint(Cover.SAND, 0.9 * smoothstep(valley.distance - width, 2, -2), gravel)
    braid = canvas.make_fractal(scale=90, roughness=2.2)
    thread = np.minimum(np.abs(valley.offset - 7 * braid), np.abs(valley.offset + 6 * braid + 3))
    canvas.paint(Cover.SOIL, 0.5 * smoothstep(thread, 4.5, 2.0))
    canvas.paint(Cover.RIVER, 0.75 * smoothstep(np.abs(valley.offset - 7 * braid), 2.4, 1.2))
