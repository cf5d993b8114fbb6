"""A place with two dates, and the published files of each."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import rasterio
from affine import Affine

from catalog.constants import COLLECTION_L2A

CLOUD_CLASSES = (0, 1, 3, 8, 9, 10)


@dataclass(frozen=True)
class Dated:
    """A place and its published files."""

    name: str
    folder: Path
    revisits: int

    @property
    def url(self) -> str:
        return f"/raster/collections/{COLLECTION_L2A}/aois/{self.name}"

    def get(self, http: httpx.Client, path: str, **query: Any) -> httpx.Response:
        answer = http.get(f"{self.url}{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer

    def numbers(self, http: httpx.Client, **query: Any) -> np.ndarray:
        return np.load(io.BytesIO(self.get(http, "/stack.npy", **query).content))

    def dates(self, http: httpx.Client, **query: Any) -> list[dict[str, Any]]:
        return self.get(http, "", **query).json()["dates"]

    def order(self, http: httpx.Client) -> list[int]:
        """The revisits from the earliest to the latest."""
        return [int(date["item"][-2:]) for date in self.dates(http)]

    def published(self, revisit: int, kind: str = "L2A_data") -> np.ndarray:
        with rasterio.open(self.path(revisit, kind)) as src:
            return src.read()

    def transform(self) -> Affine:
        with rasterio.open(self.path(1)) as src:
            return src.transform

    def bounds(self) -> tuple[float, float, float, float]:
        with rasterio.open(self.path(1)) as src:
            return tuple(src.bounds)

    def path(self, revisit: int, kind: str = "L2A_data") -> Path:
        return self.folder / f"{self.folder.parent.name}-{revisit}-{kind}.tiff"

    def hidden(self, revisit: int) -> np.ndarray:
        """Where the scene classification says that the ground is hidden."""
        return np.isin(self.published(revisit, "SCL")[0], CLOUD_CLASSES)

    def masked(self, order: list[int]) -> np.ma.MaskedArray:
        """Reflectance of dates without clouds, as `(time, band, y, x)`."""
        bands = np.stack([self.published(revisit) for revisit in order]).astype("float64")
        hidden = np.stack([self.hidden(revisit) for revisit in order])[:, None] | (bands == 0)
        return np.ma.MaskedArray(bands, mask=hidden)


@pytest.fixture(scope="session")
def place(dataset: Path, catalog: Any) -> Dated:
    """A place with a scene classification of each date."""
    folder = next(each for each in sorted((dataset / "lr_dataset").iterdir()) if each.name.startswith("Landcover"))
    return Dated(folder.name, folder / "L2A", catalog.revisits)


@pytest.fixture(scope="session")
def spaced(dataset: Path, catalog: Any) -> Dated:
    """A place whose name has a space, and which has no scene classification."""
    folder = next(each for each in sorted((dataset / "lr_dataset").iterdir()) if " " in each.name)
    return Dated(folder.name, folder / "L2A", catalog.revisits)
