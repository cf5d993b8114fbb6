"""Sentinel-2 items beside what the server makes of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.io import MemoryFile

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A
from server.settings import ServerSettings
from superres.model import BANDS


@dataclass(frozen=True)
class Sentinel2:
    """An item, and its raster in the store."""

    collection: str
    id: str
    raster: Path

    @property
    def url(self) -> str:
        return f"/raster/collections/{self.collection}/items/{self.id}"

    @property
    def sr(self) -> str:
        return f"{self.url}/sr"

    def reflectance(self) -> np.ndarray:
        """The four bands at 10 m."""
        with rasterio.open(self.raster) as src:
            indexes = [src.descriptions.index(name) + 1 for name in BANDS]
            return src.read(indexes) * src.scales[0]

    def file(self, http: httpx.Client, **query: str) -> "File":
        answer = http.get(f"{self.sr}/cog", params=query)
        assert answer.status_code == 200, answer.text
        return File.read(answer.content)


@dataclass(frozen=True)
class File:
    """A GeoTIFF of the server."""

    content: bytes
    bands: np.ndarray
    valid: np.ndarray
    transform: Affine
    tags: dict[str, str]

    @classmethod
    def read(cls, content: bytes) -> "File":
        with MemoryFile(content) as memory, memory.open() as src:
            return cls(content, src.read(), src.dataset_mask() > 0, src.transform, src.tags())


@pytest.fixture(scope="session")
def items(http: httpx.Client, catalog: ServerSettings) -> list[Sentinel2]:
    """All Sentinel-2 items of the catalog."""
    folder = Path(unquote(urlsplit(catalog.store.url).path))
    ids = [COLLECTION_L2A, COLLECTION_L1C]
    found = http.post("/stac/search", json={"collections": ids, "limit": 100}).json()["features"]
    paths = {item["id"]: item["assets"]["data"]["href"].split("/assets/")[1] for item in found}
    return [Sentinel2(item["collection"], item["id"], folder / paths[item["id"]]) for item in found]


@pytest.fixture(scope="session")
def item(items: list[Sentinel2]) -> Sentinel2:
    """One of them."""
    return min((item for item in items if item.collection == COLLECTION_L2A), key=lambda item: item.id)


@pytest.fixture(scope="session")
def whole(http: httpx.Client, item: Sentinel2) -> Iterator[File]:
    """All of it on the fine grid."""
    return item.file(http, clouds="keep")
