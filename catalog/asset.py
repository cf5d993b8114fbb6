"""A stored object as a STAC asset: what ingest learned of it, in the words of the extensions."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pystac

from catalog.bands import Band, Product
from catalog.constants import COG_MEDIA_TYPE, CRS, PNG_MEDIA_TYPE

Transform = tuple[float, float, float, float, float, float]
"""Pixel to longitude and latitude, in rasterio's order: a, b, c, d, e, f."""


@dataclass(frozen=True)
class Stored:
    """An object in the store and the published file that it was made of."""

    href: str
    """Canonical href."""
    size: int
    """Bytes."""
    checksum: str
    """Multihash of the object."""
    source_file: str
    """Path of the published file inside the dataset."""
    source_checksum: str
    """Multihash of the published file."""
    header_size: int | None = None
    """Bytes before the first block of a COG: a reader that knows gets its header in one request."""


@dataclass(frozen=True)
class BandStatistics:
    """Statistics of one band's valid pixels, in stored units."""

    minimum: float
    maximum: float
    mean: float
    stddev: float
    valid_percent: float
    """Per cent of pixels that are not nodata."""


@dataclass(frozen=True)
class RasterFacts:
    """One COG in the store."""

    product: Product
    """What kind of raster it is."""
    stored: Stored
    """Where it is and what it was made of."""
    dtype: str
    """Stored type: `uint16`, `uint8` or `float32`."""
    shape: tuple[int, int]
    """Rows, columns."""
    transform: Transform
    """Pixel to longitude and latitude."""
    nodata: float | None
    """Stored value without data."""
    scale: float | None
    """Unit of one stored number; None where numbers are stored as they are."""
    statistics: tuple[BandStatistics | None, ...]
    """One per band; None where a band has no valid pixel."""


@dataclass(frozen=True)
class ImageFacts:
    """One 8-bit picture in the store."""

    key: str
    """Asset key: `thumbnail` or `overview`."""
    stored: Stored
    """Where it is and what it was made of."""
    shape: tuple[int, int]
    """Rows, columns."""


def create_asset(facts: RasterFacts) -> pystac.Asset:
    """Return the asset of a COG, with bands that every reader finds.

    STAC 1.1's `bands` are for today's readers of the core; `eo:bands` and `raster:bands` (v1.1) are where pystac,
    odc-stac and rio-tiler look for names, common names, scale and nodata.
    """
    left, top = facts.transform[2], facts.transform[5]
    height, width = facts.shape
    extra = describe(facts.product) | {
        "data_type": facts.dtype,
        "raster:bands": [_raster_band(facts, statistics) for statistics in facts.statistics],
        "proj:code": CRS,
        "proj:shape": list(facts.shape),
        "proj:transform": list(facts.transform),
        "proj:bbox": [left, top + facts.transform[4] * height, left + facts.transform[0] * width, top],
        **_file_fields(facts.stored),
    }
    if facts.nodata is not None:
        extra["nodata"] = _json_nodata(facts.nodata)
    product = facts.product
    return pystac.Asset(facts.stored.href, product.title, None, COG_MEDIA_TYPE, list(product.roles), extra)


def create_image_asset(facts: ImageFacts) -> pystac.Asset:
    """Return the asset of a picture; it has no coordinates of its own."""
    title = {"thumbnail": "Thumbnail", "overview": "Preview as published"}[facts.key]
    extra = {"proj:shape": list(facts.shape), **_file_fields(facts.stored)}
    return pystac.Asset(facts.stored.href, title, None, PNG_MEDIA_TYPE, [facts.key, "visual"], extra)


def describe(product: Product) -> dict[str, Any]:
    """Return what is the same in every asset of a product: the collection's `item_assets` and the item say so alike."""
    described: dict[str, Any] = {
        "gsd": product.gsd,
        "bands": [_core_band(band) for band in product.bands],
        "eo:bands": [_eo_band(band) for band in product.bands],
    }
    if product.unit:
        described["unit"] = product.unit
    if product.classes:
        described["classification:classes"] = [dict(entry) for entry in product.classes]
    return described


def _core_band(band: Band) -> dict[str, Any]:
    optional = {
        "eo:common_name": band.common_name,
        "eo:center_wavelength": band.center_wavelength,
        "eo:full_width_half_max": band.full_width_half_max,
        "gsd": band.gsd,
    }
    return {"name": band.name, "description": band.description} | _present(optional)


def _eo_band(band: Band) -> dict[str, Any]:
    name = band.common_name
    optional = {
        # v1.1 of the extension knows one red edge; v2 tells three apart, as `bands` does.
        "common_name": "rededge" if name and name.startswith("rededge") else name,
        "center_wavelength": band.center_wavelength,
        "full_width_half_max": band.full_width_half_max,
    }
    return {"name": band.name, "description": band.description} | _present(optional)


def _raster_band(facts: RasterFacts, statistics: BandStatistics | None) -> dict[str, Any]:
    optional: dict[str, Any] = {
        "nodata": None if facts.nodata is None else _json_nodata(facts.nodata),
        "scale": facts.scale,
        "offset": 0.0 if facts.scale is not None else None,
        "unit": facts.product.unit,
        "statistics": vars(statistics) if statistics else None,
    }
    band = {"data_type": facts.dtype, "sampling": "area", "spatial_resolution": facts.product.gsd}
    return band | _present(optional)


def _json_nodata(nodata: float) -> float | str:
    """JSON has no NaN; the extensions spell it."""
    return "nan" if math.isnan(nodata) else nodata


def _file_fields(stored: Stored) -> dict[str, Any]:
    header = {"file:header_size": stored.header_size} if stored.header_size is not None else {}
    return header | {
        "file:size": stored.size,
        "file:checksum": stored.checksum,
        "worldstrat:source_file": stored.source_file,
        "worldstrat:source_checksum": stored.source_checksum,
    }


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def mean_of(rasters: Iterable[RasterFacts], key: str) -> float | None:
    """Return the mean of the first band of the product `key`, None where it is absent or empty."""
    found = next((facts.statistics[0] for facts in rasters if facts.product.key == key), None)
    return found.mean if found else None
