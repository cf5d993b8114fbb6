"""New revisits as files in the published layout, so that `ingest` reads them like the published ones."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import rasterio

from catalog.bands import SENTINEL2_PRODUCTS
from catalog.constants import CRS, Level
from ingest.extend.errors import RevisitError
from ingest.extend.rank import Choice
from ingest.extend.read import Pixels, Plane, gdal
from ingest.extend.wanted import Wanted

_PROFILE: Final = {"driver": "GTiff", "compress": "deflate", "predictor": 2, "crs": CRS}
_PRODUCT_IDS: Final = ("s2:product_uri", "s2:product_id", "sentinel:product_id")


@dataclass(frozen=True)
class AoiFolder:
    """The folder of one AOI at one level, filled beside its place and moved there when it is whole."""

    root: Path
    """Folder of the dataset."""
    wanted: Wanted
    """The AOI."""
    level: Level
    """Which product."""

    @property
    def path(self) -> Path:
        """Where its files lie."""
        return self.root / "lr_dataset" / self.wanted.aoi.name / self.level

    @property
    def _partial(self) -> Path:
        return self.path.with_name(f"{self.level}.partial")

    def holds(self, choices: Sequence[Choice]) -> bool:
        """Tell whether it holds just these revisits already."""
        described = {path.name: _load(path) for path in self.path.glob("*.metadata")}
        expected = {f"{self._stem(choice)}.metadata": self._describe(choice) for choice in choices}
        data = SENTINEL2_PRODUCTS[self.level][0].suffix
        return described == expected and all(
            (self.path / f"{self._stem(choice)}-{data}.tiff").is_file() for choice in choices
        )

    def start(self) -> None:
        """Make room for new files, and forget those of a run that was killed."""
        self.discard()
        self._partial.mkdir(parents=True)

    def write(self, choice: Choice, pixels: Pixels) -> None:
        """Write the files of one revisit.

        Raises:
            RevisitError: the disk refuses.
        """
        stem = self._partial / self._stem(choice)
        try:
            for product in SENTINEL2_PRODUCTS[self.level]:
                if product.key in pixels.planes:
                    nodata = 0 if product.kind == "reflectance" else None
                    self._write_raster(Path(f"{stem}-{product.suffix}.tiff"), pixels.planes[product.key], nodata)
            Path(f"{stem}.metadata").write_text(json.dumps(self._describe(choice), indent=4), "utf-8")
        except OSError as error:
            raise RevisitError(f"{self._partial} cannot be written: {error}") from error

    def finish(self) -> None:
        """Put the new files in the place of the old ones."""
        if self.path.exists():
            shutil.rmtree(self.path)
        self._partial.rename(self.path)

    def discard(self) -> None:
        """Take away what was begun."""
        shutil.rmtree(self._partial, ignore_errors=True)

    def _write_raster(self, path: Path, plane: Plane, nodata: float | None) -> None:
        count, height, width = plane.shape
        profile = {**_PROFILE, "count": count, "height": height, "width": width, "dtype": plane.dtype, "nodata": nodata}
        if plane.dtype.kind == "f":
            profile["predictor"] = 3
        with gdal(), rasterio.open(path, "w", transform=self.wanted.grid.transform, **profile) as dst:
            dst.write(plane)

    def _stem(self, choice: Choice) -> str:
        return f"{self.wanted.aoi.name}-{choice.n}"

    def _describe(self, choice: Choice) -> dict[str, Any]:
        """Return the `.metadata` of a revisit."""
        aoi, candidate = self.wanted.aoi, choice.candidate
        return {
            "n": choice.n,
            "lon": aoi.lon,
            "lat": aoi.lat,
            "bounds": str(list(aoi.bounds or ())),
            "lowres_date": candidate.day.isoformat(),
            "highres_date": _iso(self.wanted.highres_date),
            "target_date": _iso(self.wanted.target),
            "delta": choice.delta,
            "rank": choice.rank,
            "cloud_cover": candidate.cloud_cover,
            "area": aoi.area,
            "LCCS": aoi.lccs,
            "SMOD": aoi.smod_label,
            "IPCC": aoi.ipcc,
            "source_item": candidate.address,
            "product_id": product_id(candidate.item),
        }


def product_id(item: Mapping[str, Any]) -> str:
    """Return the name of the Sentinel-2 product that an item is of, its own id where it does not say."""
    named = (item["properties"].get(name) for name in _PRODUCT_IDS)
    return next((name for name in named if isinstance(name, str) and name), str(item["id"]))


def _iso(day: Any) -> str | None:
    return day.isoformat() if day else None


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
