"""Where people live: a dense city, a Sahelian town, and two refugee camps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.sample.buildings import build_houses, pave, pitch_tents
from ingest.sample.canvas import Canvas
from ingest.sample.cover import Cover
from ingest.sample.noise import hash_labels, make_fractal, smoothstep
from ingest.sample.parcels import Frame, Parcels, cut_parcels
from ingest.sample.relief import make_line, shade_relief
from ingest.sample.vegetation import GSD, mottle, scatter_plants, sow_fields

if TYPE_CHECKING:
    from ingest.sample.noise import Plane
    from ingest.sample.sun import Sun


def paint_city(rng: np.random.Generator, size: int, sun: Sun) -> Canvas:
    """Paint a dense city with avenues, parks, workshops and a river."""
    canvas = Canvas(size, Cover.SOIL)
    bend = [14 * make_fractal(rng, canvas.shape, scale=600, roughness=2.6) for _ in range(2)]
    frame = Frame.turned(size, rng.uniform(12, 30), bend)
    mottle(canvas, rng, Cover.CONCRETE, amount=0.5, scale=30)
    green = make_fractal(rng, canvas.shape, scale=320, roughness=2.0)
    park = smoothstep(green, 1.25, 1.4)
    canvas.paint(Cover.GRASS, 0.85 * park)
    lots = cut_parcels(rng, frame, area=105, shortest=7, spread=0.45)
    halls = cut_parcels(rng, frame, area=900, shortest=22, spread=0.4)
    works = smoothstep(make_fractal(rng, canvas.shape, scale=380, roughness=2.2), 1.05, 1.15) * (1 - park)
    river = make_line(rng, canvas.shape, angle=rng.uniform(60, 85), wander=60, wavelength=1200, at=0.25, rough=1.0)
    town = (1 - park) * (1 - works) * smoothstep(river.distance, 26, 34)
    homes = ((Cover.CONCRETE, 0.55, 1.0), (Cover.TILE_ROOF, 0.2, 0.8), (Cover.METAL_ROOF, 0.25, 0.85))
    build_houses(canvas, rng, lots, sun=sun, density=0.9 * town, roofs=homes, fill=(0.6, 0.95), height=7)
    sheds = ((Cover.METAL_ROOF, 0.7, 1.15), (Cover.CONCRETE, 0.3, 1.2))
    build_houses(canvas, rng, halls, sun=sun, density=0.85 * works, roofs=sheds, fill=(0.55, 0.85), height=9)
    scatter_plants(canvas, rng, 0.05 + 0.22 * smoothstep(green, 0.0, 1.2) + 0.3 * park, sun=sun, pitch=7)
    pave(canvas, rng, lots.measure_lanes([7.0, 5.5, 5.0, 3.6, 3.0, 2.6, 2.0, 1.6, 1.4, 1.0]) + 20 * (park > 0.5), Cover.ASPHALT)  # noqa: PLR2004
    canvas.paint(Cover.GRASS, 0.8 * smoothstep(river.distance, 25, 21))
    canvas.paint(Cover.RIVER, smoothstep(river.distance, 17, 15))
    return canvas


def paint_town(rng: np.random.Generator, size: int, sun: Sun) -> Canvas:
    """Paint a Sahelian town of walled compounds on pale ground, with gardens along a dry river."""
    canvas = Canvas(size, Cover.SAND)
    mottle(canvas, rng, Cover.LATERITE, amount=0.5, scale=260)
    canvas.light(0.80 + 0.04 * make_fractal(rng, canvas.shape, scale=40))
    bend = [22 * make_fractal(rng, canvas.shape, scale=420, roughness=2.4) for _ in range(2)]
    frame = Frame.turned(size, rng.uniform(-25, -10), bend)
    lots = cut_parcels(rng, frame, area=190, shortest=9, spread=0.4)
    river = make_line(rng, canvas.shape, angle=rng.uniform(20, 40), wander=70, wavelength=900, at=-0.24, rough=3)
    dense = smoothstep(river.distance, 75, 120) * smoothstep(make_fractal(rng, canvas.shape, scale=520), -0.9, -0.3)
    wall = smoothstep(lots.edge, 1.6, 0.8) * (hash_labels(lots.ident, 51) < 0.85 * dense)  # noqa: PLR2004
    canvas.paint(Cover.SOIL, 0.75 * wall, 1.05)
    roofs = ((Cover.METAL_ROOF, 0.5, 0.95), (Cover.SOIL, 0.2, 1.2), (Cover.LATERITE, 0.15, 0.9), (Cover.CONCRETE, 0.15, 1.1))
    build_houses(canvas, rng, lots, sun=sun, density=0.86 * dense, roofs=roofs, fill=(0.35, 0.75), height=4)
    rooms = cut_parcels(rng, frame, area=75, shortest=6, spread=0.3)
    build_houses(canvas, rng, rooms, sun=sun, density=0.35 * dense, roofs=roofs, fill=(0.45, 0.8), height=3)
    _grow_gardens(canvas, rng, frame, sun, river.distance)
    scatter_plants(canvas, rng, 0.06 + 0.10 * dense, sun=sun, pitch=9)
    lanes = lots.measure_lanes([6.0, 5.0, 4.0, 3.4, 2.8, 2.4, 2.0, 1.8])
    pave(canvas, rng, lanes + 30 * (river.distance < 70), Cover.SAND, strength=0.7)  # noqa: PLR2004
    pave(canvas, rng, np.abs(make_line(rng, canvas.shape, angle=-58, wander=25, wavelength=1500, at=0.1).offset) - 4, Cover.ASPHALT)
    return canvas


def _grow_gardens(canvas: Canvas, rng: np.random.Generator, frame: Frame, sun: Sun, distance: Plane) -> None:
    """Irrigate small plots along a sandy river bed."""
    plots = cut_parcels(rng, frame, area=420, shortest=9, spread=0.5)
    belt = smoothstep(distance, 72, 60)
    canvas.paint(Cover.SOIL, 0.8 * belt, 1.1)
    crops = ((Cover.CROP_TWICE, 0.34), (Cover.CROP_EARLY, 0.24), (Cover.CROP_LATE, 0.14))
    sow_fields(canvas, rng, plots, frame, crops=crops, where=belt)
    scatter_plants(canvas, rng, 0.16 * belt, sun=sun, pitch=8)
    canvas.paint(Cover.SAND, smoothstep(distance, 24, 19), 0.95)
    canvas.paint(Cover.RIVER, 0.85 * smoothstep(distance, 8, 5))


def _divide_camp(rng: np.random.Generator, frame: Frame, extent: float) -> tuple[Parcels, Plane]:
    """Return a camp's blocks and where the camp is: within `extent` of the centre, whole blocks only."""
    blocks = cut_parcels(rng, frame, area=5200, shortest=48, spread=0.2)
    centre_u = frame.u - blocks.sides[0] + 0.5 * blocks.width
    centre_v = frame.v - blocks.sides[2] + 0.5 * blocks.height
    far = np.maximum(np.abs(centre_u), 1.15 * np.abs(centre_v)) / np.float32(extent)
    camp = (far + 0.3 * hash_labels(blocks.ident, 61) < 1.0).astype(np.float32)  # noqa: PLR2004
    return blocks, camp


def paint_savanna_camp(rng: np.random.Generator, size: int, sun: Sun) -> Canvas:
    """Paint a camp in a dry savanna among small rain-fed fields."""
    canvas = Canvas(size, Cover.GRASS)
    mottle(canvas, rng, Cover.LATERITE, amount=0.35, scale=150)
    mottle(canvas, rng, Cover.SOIL, amount=0.2, scale=70)
    relief = make_fractal(rng, canvas.shape, scale=600, roughness=2.3)
    canvas.light(shade_relief(16 * relief, sun, gsd=GSD))
    frame = Frame.turned(size, rng.uniform(10, 25))
    blocks, camp = _divide_camp(rng, frame, 330)
    bend = [30 * make_fractal(rng, canvas.shape, scale=300, roughness=2.4) for _ in range(2)]
    fields = cut_parcels(rng, Frame.turned(size, -20, bend), area=2600, shortest=20, spread=0.6)
    open_land = make_fractal(rng, canvas.shape, scale=340, roughness=2.0)
    farmed = (1 - camp) * (hash_labels(fields.ident, 62) < smoothstep(open_land, -0.4, 0.6))
    crops = ((Cover.CROP_MAIN, 0.38), (Cover.CROP_LATE, 0.26), (Cover.SOIL, 0.28))
    sow_fields(canvas, rng, fields, frame, crops=crops, where=farmed, margin=1.5)
    creek = make_line(rng, canvas.shape, angle=rng.uniform(95, 125), wander=60, wavelength=700, at=0.36, rough=4)
    canvas.paint(Cover.SHRUB, 0.8 * smoothstep(creek.distance, 30, 12))
    wild = (1 - camp) * (0.30 - 0.26 * farmed + 0.5 * smoothstep(creek.distance, 36, 14))
    canvas.paint(Cover.LATERITE, 0.8 * camp, 1.05)
    scatter_plants(canvas, rng, wild + 0.05 * camp, sun=sun, pitch=8)
    canvas.paint(Cover.RIVER, 0.8 * smoothstep(creek.distance, 4.5, 2.5))
    tents = ((Cover.TENT, 0.66, 0.95), (Cover.METAL_ROOF, 0.16, 0.8), (Cover.SOIL, 0.18, 1.0))
    _fill_camp(canvas, rng, frame, sun, blocks, camp, tents)
    return canvas


def paint_desert_camp(rng: np.random.Generator, size: int, sun: Sun) -> Canvas:
    """Paint a large camp on sand, with a line of dunes and a wadi of acacias."""
    canvas = Canvas(size, Cover.SAND)
    dunes = make_fractal(rng, canvas.shape, scale=260, roughness=2.2)
    ripple = make_line(rng, canvas.shape, angle=64, wander=16, wavelength=420, rough=2.5)
    canvas.light(0.84 * shade_relief(5 * dunes + 0.9 * np.sin(ripple.offset / 6.5), sun, gsd=GSD))
    mottle(canvas, rng, Cover.LATERITE, amount=0.3, scale=420)
    mottle(canvas, rng, Cover.SOIL, amount=0.15, scale=120)
    wadi = make_line(rng, canvas.shape, angle=rng.uniform(-35, -15), wander=75, wavelength=820, at=0.3, rough=6)
    canvas.paint(Cover.SOIL, 0.7 * smoothstep(wadi.distance, 45, 20), 1.1)
    canvas.paint(Cover.GRASS, 0.6 * smoothstep(wadi.distance, 28, 10))
    frame = Frame.turned(size, rng.uniform(-14, -6))
    blocks, camp = _divide_camp(rng, frame, 400)
    camp *= smoothstep(wadi.distance, 40, 55) > 0.5  # noqa: PLR2004
    canvas.paint(Cover.SAND, 0.55 * camp, 0.92)
    wild = 0.035 + 0.5 * smoothstep(wadi.distance, 40, 12)
    scatter_plants(canvas, rng, wild * (1 - 0.8 * camp), sun=sun, pitch=8, radius=(0.15, 0.42))
    roofs = ((Cover.TENT, 0.8, 1.0), (Cover.SOIL, 0.14, 0.9), (Cover.METAL_ROOF, 0.06, 1.1))
    _fill_camp(canvas, rng, frame, sun, blocks, camp, roofs)
    for angle, at in ((-48, -0.3), (20, 0.1)):
        track = make_line(rng, canvas.shape, angle=angle, wander=30, wavelength=1300, at=at)
        pave(canvas, rng, np.abs(track.distance - 2.4) - 1.1 + 20 * camp, Cover.SAND, strength=0.8)
    return canvas


def _fill_camp(
    canvas: Canvas,
    rng: np.random.Generator,
    frame: Frame,
    sun: Sun,
    blocks: Parcels,
    camp: Plane,
    roofs: tuple[tuple[Cover, float, float], ...],
) -> None:
    """Fill a camp: rows of shelters in most blocks, large halls in some, lanes between them."""
    kind = hash_labels(blocks.ident, 63)
    inner = camp * (blocks.edge > 6)  # noqa: PLR2004
    pitch_tents(canvas, rng, frame, sun=sun, where=inner * (kind < 0.8), roofs=roofs)  # noqa: PLR2004
    halls = cut_parcels(rng, frame, area=420, shortest=14, spread=0.3)
    hall_roofs = ((Cover.METAL_ROOF, 0.75, 1.15), (Cover.TENT, 0.25, 0.9))
    build_houses(canvas, rng, halls, sun=sun, density=0.6 * inner * (kind > 0.9), roofs=hall_roofs, fill=(0.4, 0.7))  # noqa: PLR2004
    pave(canvas, rng, blocks.measure_lanes([4.2] * 3 + [3.0] * 12) + 40 * (1 - camp), Cover.LATERITE, strength=0.55)
