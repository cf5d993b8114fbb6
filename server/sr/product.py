"""A super-resolved item as a file in memory: stored like every reflectance here, and labelled for what it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.io import DatasetWriter, MemoryFile
from rio_tiler.constants import WGS84_CRS

from server.raster.record import ItemRecord
from server.sr.record import Recipe, title_of

SCALE: Final = 0.0001
"""Reflectance of one stored unit."""
DIFFERENCE_OFFSET: Final = -3.2768
"""What a stored 0 of a difference means: half the numbers are negative."""
NODATA: Final = 0
"""Stored number that means "no data"; the least of what is data is 1."""
_MOST = 65_535
_BLOCK = 256
_OVERVIEWS = (2, 4)


@dataclass(frozen=True)
class Pixels:
    """What a recipe made of an item."""

    bands: NDArray[np.float32]
    """Reflectance as `(band, height, width)`; four bands, of a model eight: the interval of each behind the four."""
    valid: NDArray[np.bool_]
    """`(height, width)`."""
    transform: Affine
    """Pixel to longitude and latitude."""


def encode(pixels: Pixels, item: ItemRecord, recipe: Recipe) -> bytes:
    """Return a tiled GeoTIFF of uint16 with scale 0.0001, with overviews, uncompressed: it stays in memory."""
    count, height, width = pixels.bands.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": "uint16"}
    tiling = {"tiled": True, "blockxsize": _BLOCK, "blockysize": _BLOCK, "interleave": "band"}
    with MemoryFile() as memory:
        placing = {"crs": WGS84_CRS, "transform": pixels.transform, "nodata": NODATA}
        with memory.open(**profile, **tiling, **placing) as dataset:
            dataset.write(_store(pixels, recipe))
            _describe(dataset, item, recipe)
            dataset.build_overviews(_OVERVIEWS, Resampling.average)
        return bytes(memory.getbuffer())


def provenance(item: ItemRecord, recipe: Recipe) -> Mapping[str, str]:
    """Return what every answer says of where its pixels come from, as tags of a file or of headers."""
    told = {"title": title_of(recipe), "method": recipe.method, "item": item.id, "collection": item.collection}
    told["synthetic"] = "true" if recipe.synthetic else "false"
    if recipe.synthetic:
        model = recipe.model
        told |= {"model": model.id, "model-version": model.version, "model-sha256": model.sha256}
    return told | dict(recipe.notes)


def _store(pixels: Pixels, recipe: Recipe) -> NDArray[np.uint16]:
    offset = DIFFERENCE_OFFSET if recipe.method == "difference" else 0.0
    # rint: truncation would lose half a unit of every average that the consistency layer kept.
    stored: NDArray[np.uint16] = np.clip(np.rint((pixels.bands - offset) / SCALE), NODATA + 1, _MOST).astype(np.uint16)
    stored[:, ~pixels.valid] = NODATA
    return stored


def _describe(dataset: DatasetWriter, item: ItemRecord, recipe: Recipe) -> None:
    count: int = dataset.count
    dataset.descriptions = tuple(band.name for band in item.assets["sr"].bands)
    dataset.scales = (SCALE,) * count
    dataset.offsets = (DIFFERENCE_OFFSET if recipe.method == "difference" else 0.0,) * count
    dataset.update_tags(**tags(item, recipe))


def tags(item: ItemRecord, recipe: Recipe) -> dict[str, Any]:
    """Return the provenance as tags of a GeoTIFF."""
    told = provenance(item, recipe)
    return {f"WORLDSTRAT_{name.replace('-', '_').upper()}": value for name, value in told.items()}
