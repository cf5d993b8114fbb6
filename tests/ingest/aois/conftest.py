"""A small planet: land cover on a coarse grid of degrees, urbanisation in Mollweide's projection."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import from_bounds

MOLLWEIDE = "ESRI:54009"
CELL = 10_000
"""Metres of a pixel of SMOD; ten times those of the real one, and few enough to compute."""
HALF = (18_040_000, 9_020_000)


@dataclass(frozen=True)
class Planet:
    """Files of the two rasters, and where they are what."""

    lccs: Path
    smod: Path


def is_land(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """One continent from 20 W to 60 E, and an island in the ocean."""
    continent = (lon > -20) & (lon < 60) & (abs(lat) < 50)
    island = (abs(lon + 150) < 5) & (abs(lat) < 5)
    return np.asarray(continent | island)


def is_lake(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """A lake of some 265 km by 265 km: whole cells of it are water, and it is half as large as the least of seas."""
    return np.asarray((abs(lon - 20) < 1.2) & (abs(lat - 10) < 1.2))


def lccs_of(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Cropland in the west, forest in the east, a strip of towns, snow in the north, lake and ocean."""
    codes = np.where(lon < 20, 10, 50)
    codes = np.where((abs(lat) < 2) & (lon > 0) & (lon < 40), 190, codes)
    codes = np.where(lat > 45, 220, codes)
    return np.asarray(np.where(is_land(lon, lat) & ~is_lake(lon, lat), codes, 210))


@pytest.fixture(scope="session")
def planet(tmp_path_factory: pytest.TempPathFactory) -> Planet:
    folder = tmp_path_factory.mktemp("planet")
    lon, lat = np.meshgrid(np.arange(-180, 180, 0.1) + 0.05, np.arange(90, -90, -0.1) - 0.05)
    lccs = lccs_of(lon, lat).astype(np.uint8)
    _write(folder / "lccs.tif", lccs, "EPSG:4326", (-180, -90, 180, 90), None)
    width, height = (2 * half // CELL for half in HALF)
    x, y = np.meshgrid(np.arange(width) * CELL - HALF[0] + CELL / 2, HALF[1] - np.arange(height) * CELL - CELL / 2)
    lon, lat = Transformer.from_crs(MOLLWEIDE, "EPSG:4326", always_xy=True).transform(x, y)
    inside = np.isfinite(lon) & np.isfinite(lat)
    lon, lat = np.where(inside, lon, 999), np.where(inside, lat, 0)
    towns = (abs(lat) < 2) & (lon > 0) & (lon < 40)
    smod = np.where(is_land(lon, lat) & ~is_lake(lon, lat), np.where(towns, np.where(lon < 30, 21, 30), 11), 10)
    smod = np.where(inside, smod, -200).astype(np.int16)
    _write(folder / "smod.tif", smod, MOLLWEIDE, (-HALF[0], -HALF[1], HALF[0], HALF[1]), -200)
    return Planet(folder / "lccs.tif", folder / "smod.tif")


def _write(
    path: Path, pixels: np.ndarray, crs: str, bounds: tuple[float, float, float, float], nodata: int | None
) -> None:
    height, width = pixels.shape
    profile = {"count": 1, "height": height, "width": width, "dtype": pixels.dtype, "nodata": nodata}
    transform = from_bounds(*bounds, width, height)
    with rasterio.open(
        path, "w", driver="GTiff", crs=crs, transform=transform, compress="lzw", tiled=True, **profile
    ) as dst:
        dst.write(pixels, 1)
