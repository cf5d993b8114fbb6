"""Refugee camps: one in a farmed savanna, one on desert sand."""

from dataclasses import dataclass

import numpy as np

from ingest.sample.buildings import Roofs, build_houses, pave, pitch_tents
from ingest.sample.canvas import Canvas
from ingest.sample.cover import Cover
from ingest.sample.noise import Plane, hash_labels, smoothstep
from ingest.sample.parcels import Frame, Parcels, cut_parcels
from ingest.sample.relief import make_line, shade_relief
from ingest.sample.vegetation import mottle, scatter_plants, sow_fields

_SAVANNA_CROPS = ((Cover.CROP_MAIN, 0.38), (Cover.CROP_LATE, 0.26), (Cover.SOIL, 0.28))
_SAVANNA_ROOFS = ((Cover.TENT, 0.66, 0.95), (Cover.METAL_ROOF, 0.16, 0.8), (Cover.SOIL, 0.18, 1.0))
_DESERT_ROOFS = ((Cover.TENT, 0.8, 1.0), (Cover.SOIL, 0.14, 0.9), (Cover.METAL_ROOF, 0.06, 1.1))
_HALL_ROOFS = ((Cover.METAL_ROOF, 0.75, 1.15), (Cover.TENT, 0.25, 0.9))

_SHELTERS, _HALLS = 0.8, 0.9
"""Blocks below the first number hold shelters, above the second halls, between them nothing."""

_LANES = (4.2,) * 3 + (3.0,) * 12
"""Half widths of the lanes between blocks in pixels."""


@dataclass(frozen=True)
class _Camp:
    """A camp of whole blocks."""

    frame: Frame
    """The directions of its rows."""
    blocks: Parcels
    """The division of the land, in the camp and around it."""
    inside: Plane
    """1 in the camp."""


def _found_camp(canvas: Canvas, frame: Frame, extent: float) -> _Camp:
    """Return a camp of the blocks within about `extent` pixels of the centre."""
    blocks = cut_parcels(canvas.rng, frame, area=5200, shortest=48, spread=0.2)
    centre_u = frame.u - blocks.sides[0] + 0.5 * blocks.width
    centre_v = frame.v - blocks.sides[2] + 0.5 * blocks.height
    far = np.maximum(np.abs(centre_u), 1.15 * np.abs(centre_v)) / np.float32(extent)
    return _Camp(frame, blocks, (far < 1 - 0.3 * hash_labels(blocks.ident, 61)).astype(np.float32))


def _fill_camp(canvas: Canvas, camp: _Camp, inside: Plane, roofs: Roofs) -> None:
    """Fill a camp where `inside` is 1: rows of shelters in most blocks, large halls in some, lanes between them."""
    kind = hash_labels(camp.blocks.ident, 63)
    plot = inside * smoothstep(camp.blocks.edge, 5.5, 6.5)
    pitch_tents(canvas, camp.frame, where=plot * (kind < _SHELTERS), roofs=roofs)
    halls = cut_parcels(canvas.rng, camp.frame, area=420, shortest=14, spread=0.3)
    build_houses(canvas, halls, density=0.6 * plot * (kind > _HALLS), roofs=_HALL_ROOFS, fill=(0.4, 0.7))
    pave(canvas, camp.blocks.measure_lanes(_LANES) + 40 * (1 - inside), Cover.LATERITE, strength=0.55)


def paint_savanna_camp(canvas: Canvas) -> None:
    """Paint a camp in a dry savanna among small rain-fed fields."""
    canvas.fill(Cover.GRASS)
    mottle(canvas, Cover.LATERITE, amount=0.35, scale=150)
    mottle(canvas, Cover.SOIL, amount=0.2, scale=70)
    canvas.light(shade_relief(16 * canvas.make_fractal(scale=600, roughness=2.3), canvas.sun))
    camp = _found_camp(canvas, Frame.turned(canvas.size, canvas.rng.uniform(10, 25)), 330)
    farmed = _farm_around(canvas, camp)
    creek = make_line(canvas, angle=canvas.rng.uniform(95, 125), wander=60, wavelength=700, at=0.36, rough=4)
    canvas.paint(Cover.SHRUB, 0.8 * smoothstep(creek.distance, 30, 12))
    canvas.paint(Cover.LATERITE, 0.6 * camp.inside, 1.05)
    trodden = smoothstep(canvas.make_fractal(scale=50), -0.6, 1.0)
    canvas.paint(Cover.SAND, 0.45 * camp.inside * trodden, 0.85)
    wild = (1 - camp.inside) * (0.34 - 0.26 * farmed + 0.5 * smoothstep(creek.distance, 36, 14))
    scatter_plants(canvas, wild + 0.05 * camp.inside, pitch=8)
    canvas.paint(Cover.RIVER, 0.8 * smoothstep(creek.distance, 4.5, 2.5))
    _fill_camp(canvas, camp, camp.inside, _SAVANNA_ROOFS)


def _farm_around(canvas: Canvas, camp: _Camp) -> Plane:
    """Sow fields on part of the land around a camp and return where they are."""
    bend = [22 * canvas.make_fractal(scale=400, roughness=2.6) for _ in range(2)]
    fields = cut_parcels(canvas.rng, Frame.turned(canvas.size, -20, bend), area=2600, shortest=20, spread=0.6)
    cleared = smoothstep(canvas.make_fractal(scale=340, roughness=2.0), -0.4, 0.6)
    farmed = (1 - camp.inside) * (hash_labels(fields.ident, 62) < cleared)
    sow_fields(canvas, fields, camp.frame, crops=_SAVANNA_CROPS, where=farmed, margin=1.5)
    return farmed


def paint_desert_camp(canvas: Canvas) -> None:
    """Paint a large camp on rippled sand, with a wadi of acacias and the tracks that lead there."""
    canvas.fill(Cover.SAND)
    ripple = make_line(canvas, angle=64, wander=16, wavelength=420, rough=2.5)
    dunes = 5 * canvas.make_fractal(scale=260, roughness=2.2) + 0.9 * np.sin(ripple.offset / 6.5)
    canvas.light(0.90 * shade_relief(dunes, canvas.sun))
    mottle(canvas, Cover.LATERITE, amount=0.3, scale=500, strength=0.5)
    mottle(canvas, Cover.SOIL, amount=0.15, scale=160, strength=0.5)
    wadi = make_line(canvas, angle=canvas.rng.uniform(-35, -15), wander=75, wavelength=820, at=0.3, rough=6)
    canvas.paint(Cover.SOIL, 0.6 * smoothstep(wadi.distance, 60, 15), 1.2)
    canvas.paint(Cover.GRASS, 0.45 * smoothstep(wadi.distance, 36, 8), 1.25)
    canvas.paint(Cover.SAND, 0.8 * smoothstep(wadi.distance, 6, 3), 0.95)
    camp = _found_camp(canvas, Frame.turned(canvas.size, canvas.rng.uniform(-14, -6)), 400)
    inside = camp.inside * smoothstep(wadi.distance, 47, 49)
    canvas.paint(Cover.SAND, 0.55 * inside, 0.92)
    wild = 0.035 + 0.5 * smoothstep(wadi.distance, 40, 12)
    scatter_plants(canvas, wild * (1 - 0.8 * inside), pitch=8, radius=(0.15, 0.42))
    _fill_camp(canvas, camp, inside, _DESERT_ROOFS)
    for angle, at in ((-48, -0.3), (20, 0.1)):
        track = make_line(canvas, angle=angle, wander=30, wavelength=1300, at=at)
        pave(canvas, np.abs(track.distance - 2.4) - 1.1 + 20 * inside, Cover.SAND, strength=0.8)
