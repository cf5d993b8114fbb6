"""The Sentinel-2 revisits of a place: reflectance, masks, angles and the JSON beside them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.sample.canvas import Canvas
from ingest.sample.clouds import SPECTRUM, Clouds, make_clouds
from ingest.sample.cover import WATERS, Cover, compute_spectra
from ingest.sample.noise import Plane, create_generator, make_grain
from ingest.sample.place import AREA, Place
from ingest.sample.raster import average, write_lr
from ingest.sample.revisits import Revisit
from ingest.sample.sun import Sun, compute_sun

LEVELS = ("L2A", "L1C")
"""The processing levels: surface reflectance in 12 bands, top of atmosphere in 13."""

_CIRRUS = 10
"""Index of B10, which surface reflectance lacks, among the thirteen bands."""

_COARSE = {0: 6, 4: 2, 5: 2, 6: 2, 8: 2, 9: 6, 10: 6, 11: 2, 12: 2}
"""Band index to native pixel in units of 10 m; the product repeats the coarser pixels."""

_PATH = np.array(
    [0.105, 0.070, 0.047, 0.026, 0.022, 0.018, 0.015, 0.012, 0.010, 0.004, 0.001, 0.003, 0.002], np.float32
)
_TRANSMITTANCE = np.array([0.80, 0.85, 0.88, 0.91, 0.92, 0.93, 0.94, 0.94, 0.95, 0.40, 0.02, 0.95, 0.93], np.float32)
_SKY = np.linspace(0.5, 0.2, 13, dtype=np.float32)
"""Share of the light that reaches a cloud's shadow, more in the blue than in the infrared."""

_CLOUD_THRESHOLD = 0.4
"""Probability from which the mask calls a pixel cloud, s2cloudless' own."""

_PSF = 0.4
"""Standard deviation of the sensor's blur in pixels."""


@dataclass(frozen=True)
class Ground:
    """A painted ground averaged to the grid of Sentinel-2."""

    covers: tuple[Cover, ...]
    """What the planes are."""
    shares: Plane
    """(cover, y, x)."""

    @classmethod
    def averaged(cls, canvas: Canvas, shape: tuple[int, int]) -> "Ground":
        """Return the canvas as the sensor's pixels see it."""
        return cls(canvas.covers, average(canvas.stack(), shape, psf=_PSF))

    @property
    def water(self) -> Plane:
        """Share of water."""
        planes = [self.shares[index] for index, cover in enumerate(self.covers) if cover in WATERS]
        return np.asarray(sum(planes, np.zeros(self.shares.shape[1:], np.float32)), np.float32)


@dataclass(frozen=True)
class Pass:
    """Everything that one overpass saw, at both levels; planes on the AOI's grid."""

    surface: Plane
    """(13, y, x) surface reflectance, clouds included."""
    clouds: Clouds
    """The sky."""
    data_mask: Plane
    """1 inside the swath."""
    scene: Plane
    """Scene classification, 0 to 11."""
    sun: Sun
    """Where the sun stood."""


def write_revisit(
    root: Path, place: Place, revisit: Revisit, ground: Ground, *, levels: Sequence[str], seed: int
) -> Iterator[Path]:
    """Write one revisit under `root` (the AOI's folder), yielding each file."""
    seen = _observe(place, revisit, ground, seed)
    stem = f"{place.name}-{revisit.n}"
    for level in levels:
        folder = root / level
        folder.mkdir(parents=True, exist_ok=True)
        planes = {f"{level}_data": _measure(seen, level), **_mask(seen)}
        if place.has_angles:
            planes |= _measure_angles(place, revisit, seen.sun, seen.data_mask.shape, seed)
        elif level == "L2A":
            planes["SCL"] = seen.scene[None]
        for name, data in planes.items():
            path = folder / f"{stem}-{name}.tiff"
            write_lr(path, data, place.bounds)
            yield path
        path = folder / f"{stem}.metadata"
        path.write_text(describe(place, revisit), encoding="utf-8")
        yield path


def _observe(place: Place, revisit: Revisit, ground: Ground, seed: int) -> Pass:
    """Return what the satellite saw on the day of a revisit."""
    rng = create_generator(seed, "pass", place.name, revisit.n)
    shape = (ground.shares.shape[1], ground.shares.shape[2])
    sun = compute_sun(revisit.lowres_date, place.lat)
    spectra = compute_spectra(
        ground.covers, revisit.lowres_date, green_peak=place.green_peak, dry_green=place.dry_green
    )
    clear = np.zeros((13, *shape), np.float32)
    for share, spectrum in zip(ground.shares, spectra, strict=True):
        clear += share * spectrum[:, None, None]
    clear *= rng.normal(1, 0.012, (13, 1, 1)).astype(np.float32)
    clear += np.float32(rng.uniform(0, 0.006)) * (_PATH / _PATH[0])[:, None, None]
    clouds = make_clouds(rng, shape, revisit.cloud_share, sun)
    lit = clear * (1 - (1 - _SKY[:, None, None]) * 0.75 * clouds.shadow)
    surface = lit * (1 - clouds.opacity) + SPECTRUM[:, None, None] * clouds.brightness * clouds.opacity
    surface += np.float32(0.0009) * np.stack([make_grain(rng, shape) for _ in range(13)])
    data_mask = _cut_swath(rng, shape) if _meets_swath_edge(place, revisit) else np.ones(shape, np.float32)
    scene = _classify(clear, ground.water, clouds) * data_mask
    return Pass(surface=surface, clouds=clouds, data_mask=data_mask, scene=scene, sun=sun)


def _meets_swath_edge(place: Place, revisit: Revisit) -> bool:
    """Tell whether the swath ends inside the AOI: once in some places, as a check of the data mask."""
    return revisit.n == 13 and place.name in {"Landcover-778743", "Amnesty POI-1-1-1"}  # noqa: PLR2004


def _cut_swath(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    """Return a data mask that lacks one side of the AOI."""
    y, x = (np.arange(size, dtype=np.float32) / size for size in shape)
    return (x[None, :] + 0.21 * y[:, None] > rng.uniform(0.35, 0.55)).astype(np.float32)


def _coarsen(plane: Plane, step: int) -> Plane:
    """Return the plane averaged over blocks of `step` pixels and repeated to its own size."""
    rows, columns = plane.shape
    padded = np.pad(plane, ((0, -rows % step), (0, -columns % step)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step).mean(axis=(1, 3))
    return np.repeat(np.repeat(blocks, step, 0), step, 1)[:rows, :columns]


def _measure(seen: Pass, level: str) -> Plane:
    """Return the reflectance of a level as (band, y, x): multiples of 0.0001, 0 outside the swath."""
    image = seen.surface
    if level == "L1C":
        image = image * _TRANSMITTANCE[:, None, None] + _PATH[:, None, None]
        image[_CIRRUS] += 0.012 * seen.clouds.opacity * seen.clouds.brightness
    image = np.stack([_coarsen(band, _COARSE.get(index, 1)) for index, band in enumerate(image)])
    counts = np.clip(np.rint(image * 10000), 1, 65535) * seen.data_mask
    data = (counts.astype(np.float64) / 10000).astype(np.float32)
    return np.delete(data, _CIRRUS, axis=0) if level == "L2A" else data


def _mask(seen: Pass) -> dict[str, Plane]:
    """Return the mask rasters as (1, y, x): cloud 0/1, probability 0-255, data 0/1; 255 where there is no data."""
    probability = np.rint(255 * _coarsen(seen.clouds.probability, 2))
    cloud = (probability >= np.ceil(255 * _CLOUD_THRESHOLD)).astype(np.float32)
    outside = seen.data_mask == 0
    planes = {
        "CLM": np.where(outside, 255, cloud),
        "CLP": np.where(outside, 255, probability),
        "dataMask": seen.data_mask,
    }
    return {name: plane.astype(np.float32)[None] for name, plane in planes.items()}


def _classify(clear: Plane, water: Plane, clouds: Clouds) -> Plane:
    """Return the scene classification (SCL codes) that matches the ground and the sky."""
    red, nir = clear[3], clear[7]
    vegetated = (nir - red) / (nir + red) > 0.4  # noqa: PLR2004
    scene = np.where(vegetated, 4, 5)
    scene = np.where(clear[:4].mean(axis=0) + nir < 0.09, 2, scene)  # noqa: PLR2004
    scene = np.where(water > 0.5, 6, scene)  # noqa: PLR2004
    scene = np.where(clouds.shadow > 0.45, 3, scene)  # noqa: PLR2004
    probability = clouds.probability
    for code, level in ((7, 0.12), (10, 0.25), (8, _CLOUD_THRESHOLD), (9, 0.8)):
        scene = np.where(probability > level, code, scene)
    return scene[::2, ::2].repeat(2, 0).repeat(2, 1)[: red.shape[0], : red.shape[1]].astype(np.float32)


def _measure_angles(place: Place, revisit: Revisit, sun: Sun, shape: tuple[int, int], seed: int) -> dict[str, Plane]:
    """Return the four angle rasters as (1, y, x) in degrees."""
    rng = create_generator(seed, "view", place.name, revisit.n)
    azimuth, zenith = rng.choice([104.0, 286.0]) + rng.normal(0, 4), rng.uniform(2, 10)
    y, x = (np.linspace(0, 1, size)[axis] for size, axis in zip(shape, (np.s_[:, None], np.s_[None, :]), strict=True))
    planes = {
        "sunAzimuthAngles": sun.azimuth + 0.01 * y + 0.03 * x,
        "sunZenithAngles": sun.zenith - 0.012 * y + 0.004 * x,
        "viewAzimuthMean": azimuth + 0.3 * y + 0.5 * x,
        "viewZenithMean": zenith + 0.02 * y + 0.12 * x,
    }
    return {name: plane.round(3).astype(np.float32)[None] for name, plane in planes.items()}


def describe(place: Place, revisit: Revisit) -> str:
    """Return the text of a revisit's .metadata file, in the dialect of its source."""
    if place.has_angles:
        short = {
            "cloud_cover": revisit.cloud_cover,
            "target_date": place.highres_date.isoformat(),
            "delta": str(revisit.delta),
            "area": AREA,
            "datetime": revisit.lowres_date.isoformat(),
        }
        return json.dumps(short)
    full = {
        "n": revisit.n,
        "lon": place.lon,
        "lat": place.lat,
        "bounds": str(list(place.bounds)),
        "lowres_date": revisit.lowres_date.isoformat(),
        "highres_date": place.highres_date.isoformat(),
        "delta": revisit.delta,
        "rank": revisit.rank,
        "cloud_cover": revisit.cloud_cover,
        "area": AREA,
        "LCCS": place.classes.lccs,
        "SMOD": place.classes.smod_label,
        "IPCC": place.classes.ipcc,
    }
    return json.dumps(full, indent=4)
