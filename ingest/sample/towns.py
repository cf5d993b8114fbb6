"""Towns: a dense city by a river, and a Sahelian town of compounds."""

from ingest.sample.buildings import build_houses, pave
from ingest.sample.canvas import Canvas
from ingest.sample.cover import Cover
from ingest.sample.noise import HALF, Plane, hash_labels, smoothstep
from ingest.sample.parcels import Frame, cut_parcels
from ingest.sample.relief import make_line
from ingest.sample.vegetation import mottle, scatter_plants, sow_fields

_HOMES = ((Cover.CONCRETE, 0.55, 1.0), (Cover.TILE_ROOF, 0.2, 0.8), (Cover.METAL_ROOF, 0.25, 0.85))
_SHEDS = ((Cover.METAL_ROOF, 0.7, 1.15), (Cover.CONCRETE, 0.3, 1.2))
_COMPOUNDS = (
    (Cover.METAL_ROOF, 0.5, 0.95),
    (Cover.SOIL, 0.2, 1.2),
    (Cover.LATERITE, 0.15, 0.9),
    (Cover.CONCRETE, 0.15, 1.1),
)
_GARDENS = ((Cover.CROP_TWICE, 0.34), (Cover.CROP_EARLY, 0.24), (Cover.CROP_LATE, 0.14))

_STREETS = (7.0, 5.5, 5.0, 3.6, 3.0, 2.6, 2.0, 1.6, 1.4, 1.0)
"""Half widths of the city's streets in pixels, the widest first."""

_SANDY_STREETS = (6.0, 5.0, 4.0, 3.4, 2.8, 2.4, 2.0, 1.8)
"""Half widths of the town's streets in pixels, the widest first."""


def paint_city(canvas: Canvas) -> None:
    """Paint a dense city with avenues, parks, workshops and a river."""
    canvas.fill(Cover.SOIL)
    bend = [9 * canvas.make_fractal(scale=700, roughness=2.9) for _ in range(2)]
    frame = Frame.turned(canvas.size, canvas.rng.uniform(12, 30), bend)
    mottle(canvas, Cover.CONCRETE, amount=0.5, scale=30)
    green = canvas.make_fractal(scale=320, roughness=2.0)
    park = smoothstep(green, 1.25, 1.4)
    canvas.paint(Cover.GRASS, 0.85 * park)
    works = smoothstep(canvas.make_fractal(scale=380, roughness=2.2), 1.05, 1.15) * (1 - park)
    river = make_line(canvas, angle=canvas.rng.uniform(60, 85), wander=60, wavelength=1200, at=0.25, rough=1.0)
    town = (1 - park) * (1 - works) * smoothstep(river.distance, 26, 34)
    lots = cut_parcels(canvas.rng, frame, area=105, shortest=7, spread=0.45)
    build_houses(canvas, lots, density=0.9 * town, roofs=_HOMES, fill=(0.6, 0.95), height=7)
    halls = cut_parcels(canvas.rng, frame, area=900, shortest=22, spread=0.4)
    build_houses(canvas, halls, density=0.85 * works, roofs=_SHEDS, fill=(0.55, 0.85), height=9)
    scatter_plants(canvas, 0.05 + 0.22 * smoothstep(green, 0.0, 1.2) + 0.3 * park, pitch=7)
    pave(canvas, lots.measure_lanes(_STREETS) + 20 * (park > HALF), Cover.ASPHALT)
    canvas.paint(Cover.GRASS, 0.8 * smoothstep(river.distance, 25, 21))
    canvas.paint(Cover.RIVER, smoothstep(river.distance, 17, 15), 1 + 0.04 * canvas.make_fractal(scale=80))


def paint_town(canvas: Canvas) -> None:
    """Paint a Sahelian town of walled compounds on pale ground, with gardens along a dry river."""
    canvas.fill(Cover.SAND)
    mottle(canvas, Cover.LATERITE, amount=0.5, scale=260)
    canvas.light(0.80 + 0.04 * canvas.make_fractal(scale=40))
    bend = [12 * canvas.make_fractal(scale=600, roughness=2.9) for _ in range(2)]
    frame = Frame.turned(canvas.size, canvas.rng.uniform(-25, -10), bend)
    river = make_line(canvas, angle=canvas.rng.uniform(20, 40), wander=70, wavelength=900, at=-0.24, rough=3)
    dense = smoothstep(river.distance, 75, 120) * smoothstep(canvas.make_fractal(scale=520), -0.9, -0.3)
    lots = cut_parcels(canvas.rng, frame, area=190, shortest=9, spread=0.4)
    wall = smoothstep(lots.edge, 1.6, 0.8) * (hash_labels(lots.ident, 51) < 0.85 * dense)
    canvas.paint(Cover.SOIL, 0.75 * wall, 1.05)
    build_houses(canvas, lots, density=0.86 * dense, roofs=_COMPOUNDS, fill=(0.35, 0.75), height=4)
    rooms = cut_parcels(canvas.rng, frame, area=75, shortest=6, spread=0.3)
    build_houses(canvas, rooms, density=0.35 * dense, roofs=_COMPOUNDS, fill=(0.45, 0.8), height=3)
    _grow_gardens(canvas, frame, river.distance)
    scatter_plants(canvas, 0.06 + 0.10 * dense, pitch=9)
    near = smoothstep(river.distance, 78, 68)
    pave(canvas, lots.measure_lanes(_SANDY_STREETS) + 30 * near, Cover.SAND, strength=0.7)
    highway = make_line(canvas, angle=-58, wander=25, wavelength=1500, at=0.1)
    pave(canvas, highway.distance - 4, Cover.ASPHALT)


def _grow_gardens(canvas: Canvas, frame: Frame, distance: Plane) -> None:
    """Irrigate small plots along a sandy river bed."""
    plots = cut_parcels(canvas.rng, frame, area=420, shortest=9, spread=0.5)
    belt = smoothstep(distance, 72, 60)
    canvas.paint(Cover.SOIL, 0.8 * belt, 1.1)
    sow_fields(canvas, plots, frame, crops=_GARDENS, where=belt)
    scatter_plants(canvas, 0.16 * belt, pitch=8)
    canvas.paint(Cover.SAND, smoothstep(distance, 24, 19), 0.95 + 0.03 * canvas.make_fractal(scale=40))
    canvas.paint(Cover.RIVER, 0.85 * smoothstep(distance, 8, 5))
