"""The published files beside the endpoints: every oracle starts from them, not from what ingest made of them."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import morecantile
import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds
from rio_tiler.io import Reader

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from catalog.metadata import Aoi
from ingest.sources import open_source

TMS = morecantile.tms.get("WebMercatorQuad")


@dataclass(frozen=True)
class Published:
    """One item and the file that its main raster was made of."""

    aoi: Aoi
    collection: str
    item: str
    path: Path
    maxzoom: int

    @property
    def url(self) -> str:
        return f"/raster/collections/{self.collection}/items/{self.item}"

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        assert self.aoi.bounds
        return self.aoi.bounds

    def numbers(self, http: httpx.Client, path: str, **query: Any) -> np.ma.MaskedArray:
        """The bands of an `.npy` answer, masked as its last band says."""
        answer = http.get(f"{self.url}/{path}", params=query)
        assert answer.status_code == 200, answer.text
        array = np.load(io.BytesIO(answer.content))
        return np.ma.MaskedArray(array[:-1], mask=np.broadcast_to(array[-1] == 0, array[:-1].shape))

    def picture(self, http: httpx.Client, path: str, **query: Any) -> np.ndarray:
        """The pixels of a picture as `(y, x, rgba)`."""
        answer = http.get(f"{self.url}/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))

    def pixels(self) -> np.ndarray:
        """The published pixels, reflectance as float64."""
        pixels, _ = read(self.path)
        return pixels.astype("float64") / 10_000 if self.collection == COLLECTION_SPOT else pixels.astype("float64")

    def sibling(self, kind: str) -> np.ndarray:
        """The pixels of another published file of the same revisit: `SCL`, `CLM`, `pan` …"""
        name = self.path.name
        cut = name.rindex("_ps") + 1 if self.collection == COLLECTION_SPOT else name.rindex("-") + 1
        return read(self.path.with_name(f"{name[:cut]}{kind}.tiff"))[0]

    def tiles(self, zoom: int | None = None) -> list[tuple[int, int, int]]:
        """Every tile of a zoom that touches the place, at the native zoom unless told otherwise."""
        found = TMS.tiles(*self.bounds, zooms=[zoom or self.maxzoom])
        return [(tile.z, tile.x, tile.y) for tile in found]

    def middle(self, zoom: int | None = None) -> str:
        """The tile in the middle, as a path."""
        west, south, east, north = self.bounds
        tile = TMS.tile((west + east) / 2, (south + north) / 2, zoom or self.maxzoom)
        return f"{tile.z}/{tile.x}/{tile.y}"

    def oracle(self, z: int, x: int, y: int, **options: Any) -> np.ma.MaskedArray:
        """What rio-tiler makes of the published pixels placed on the bounds of the place."""
        pixels, nodata = read(self.path)
        count, height, width = pixels.shape
        profile = {
            "driver": "GTiff",
            "count": count,
            "height": height,
            "width": width,
            "dtype": pixels.dtype,
            "crs": "EPSG:4326",
            "transform": from_bounds(*self.bounds, width, height),
            "nodata": nodata,
        }
        with MemoryFile() as memory:
            with memory.open(**profile) as dst:
                dst.write(pixels)
                dst.build_overviews([2, 4], rasterio.enums.Resampling.average)
            with memory.open() as dataset, Reader(None, dataset) as src:
                return src.tile(x, y, z, **options).array


def read(path: Path) -> tuple[np.ndarray, float | None]:
    """The pixels of a published file and the value it declares as no data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # SPOT's are published so
        with rasterio.open(path) as src:
            return src.read(), src.nodata


@pytest.fixture(scope="session")
def spot(dataset: Path) -> Published:
    """A SPOT item."""
    aoi = _first_aoi(dataset)
    path = dataset / "hr_dataset" / aoi.name / f"{aoi.name}_ps.tiff"
    return Published(aoi, COLLECTION_SPOT, f"{aoi.slug}_SPOT", path, 17)


@pytest.fixture(scope="session")
def sentinel2(dataset: Path) -> Published:
    """A Sentinel-2 item with a scene classification."""
    aoi = _first_aoi(dataset)
    path = dataset / "lr_dataset" / aoi.name / "L2A" / f"{aoi.name}-1-L2A_data.tiff"
    return Published(aoi, COLLECTION_L2A, f"{aoi.slug}_L2A_01", path, 14)


@pytest.fixture(params=["spot", "sentinel2"])
def published(request: pytest.FixtureRequest) -> Published:
    """A SPOT item, then a Sentinel-2 item."""
    item: Published = request.getfixturevalue(request.param)
    return item


def _first_aoi(folder: Path) -> Aoi:
    # Landcover and UNHCR have a scene classification.
    return next(aoi for aoi in open_source(folder).tables.aois.values() if aoi.source == "Landcover")
