"""Small published datasets made on the spot, and larger ones of the builder in `shared`."""

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds
from rich.console import Console

from catalog.bands import SENTINEL2_PRODUCTS, SPOT_PRODUCTS, Product
from catalog.metadata import Bounds

BOUNDS = (13.149952430965635, 11.777710980299387, 13.164460606373925, 11.792004313888725)
"""Of `Amnesty POI-1-1-1`, as published."""

TiffBytes = Callable[..., bytes]


def products() -> dict[str, Product]:
    """Every product by the suffix of its published files."""
    return {
        product.suffix: product for product in (*SENTINEL2_PRODUCTS["L2A"], *SENTINEL2_PRODUCTS["L1C"], *SPOT_PRODUCTS)
    }


@pytest.fixture
def product() -> Callable[[str], Product]:
    """Find a product by the suffix of its published files."""
    return products().__getitem__


@pytest.fixture
def tiff() -> TiffBytes:
    """Write pixels, (band, y, x), as a TIFF like the published ones; None as bounds leaves it without a place."""
    return tiff_bytes


def tiff_bytes(
    pixels: np.ndarray[Any, Any], bounds: Bounds | None = BOUNDS, crs: str | None = "EPSG:4326", **options: Any
) -> bytes:
    """Return a TIFF like the published ones."""
    count, height, width = pixels.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": pixels.dtype, "crs": crs}
    if bounds is not None:
        profile["transform"] = from_bounds(*bounds, width, height)
    with warnings.catch_warnings(), MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(**profile, **options) as dst:
            dst.write(pixels)
        return bytes(memory.getbuffer())


@pytest.fixture
def reflectance() -> Callable[..., np.ndarray[Any, Any]]:
    """Make float32 reflectance whose values are whole ten-thousandths, as published."""

    def make(bands: int = 12, height: int = 157, width: int = 160, *, seed: int = 0) -> np.ndarray[Any, Any]:
        digital = np.random.default_rng(seed).integers(1, 12_000, (bands, height, width))
        return (digital.astype(np.float32) / np.float32(10_000)).astype(np.float32)

    return make


@pytest.fixture
def tiny_dataset(tmp_path: Path, reflectance: Callable[..., np.ndarray[Any, Any]]) -> Path:
    """One AOI with a SPOT image and two L2A revisits, its rasters much smaller than the published ones."""
    src = tmp_path / "tiny"
    name = "Landcover-8379"
    hr, lr = src / "hr_dataset" / name, src / "lr_dataset" / name / "L2A"
    hr.mkdir(parents=True)
    lr.mkdir(parents=True)
    rows = [f"{name},{n},2019-12-0{n},2019-12-01,{n - 1},0,0,{list(BOUNDS)!r},2.5,{n}.5,10,21" for n in (1, 2)]
    header = (
        ",n,lowres_date,highres_date,delta,lon,lat,bounds,area,cloud_cover,LCCS,SMOD,IPCC Class,LCCS class,SMOD Class"
    )
    rows = [
        row.replace(f"{list(BOUNDS)!r}", f'"{list(BOUNDS)!r}"') + ',Agriculture,"Cropland, rainfed",Urban: Suburban'
        for row in rows
    ]
    (src / "metadata.csv").write_text("\n".join([header, *rows]) + "\n")
    (src / "stratified_train_val_test_split.csv").write_text(
        f",tile,IPCC Class,SMOD,source,joint_class,split\n0,{name},Agriculture,21,Landcover,x,train\n"
    )
    for suffix, bands in (("ps", 4), ("pan", 1), ("rgbn", 4)):
        side = 60 if suffix == "rgbn" else 240
        digital = np.random.default_rng(bands).integers(1, 4000, (bands, side, side), dtype=np.uint16)
        (hr / f"{name}_{suffix}.tiff").write_bytes(tiff_bytes(digital, None))
    Image.fromarray(np.zeros((240, 240, 3), np.uint8)).save(hr / f"{name}_rgb.png")
    for n in (1, 2):
        pixels = reflectance(12, 30, 32, seed=n)
        (lr / f"{name}-{n}-L2A_data.tiff").write_bytes(tiff_bytes(pixels, nodata=0))
        for suffix in ("CLM", "CLP", "dataMask", "SCL"):
            mask = np.ones((1, 30, 32), np.float32)
            (lr / f"{name}-{n}-{suffix}.tiff").write_bytes(tiff_bytes(mask, nodata=0))
    return src


BuildDataset = Callable[..., Path]


@pytest.fixture(scope="session")
def build_dataset(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> BuildDataset:
    """Make a dataset with real pixels; the same arguments give the same folder."""
    made: dict[tuple[str, ...], Path] = {}

    def build(*arguments: str) -> Path:
        if arguments not in made:
            folder = tmp_path_factory.mktemp("published") / "dataset"
            command = [sys.executable, str(shared / "sample" / "build.py"), str(folder), *arguments]
            subprocess.run(command, check=True, capture_output=True)
            made[arguments] = folder
        return made[arguments]

    return build


@pytest.fixture(scope="session")
def defective(build_dataset: BuildDataset) -> Path:
    """A dataset with every known defect."""
    return build_dataset("--aois", "14", "--revisits", "3", "--levels", "L2A", "--defects", "all")


@pytest.fixture(autouse=True)
def _quiet_gdal() -> Any:
    """One GDAL environment, as workers have it."""
    with rasterio.Env(GDAL_NUM_THREADS=1) as env:
        yield env


@pytest.fixture
def quiet() -> Console:
    """A console that says nothing."""
    return Console(quiet=True)
