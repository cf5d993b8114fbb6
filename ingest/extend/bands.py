"""Where an item keeps a band, whatever its catalog calls it: Earth Search, Planetary Computer, ours."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin

from catalog.bands import Band, Product
from ingest.extend.errors import RevisitError

_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "B05": ("rededge1",),
    "B06": ("rededge2",),
    "B07": ("rededge3",),
}
"""Names of Earth Search that are neither the band's nor a common name."""
_AMBIGUOUS: Final = frozenset({"rededge"})
"""Common names that several bands of Sentinel-2 share in version 1 of the eo extension."""
_PICTURES: Final = re.compile(r"^(visual|preview|rendered|thumbnail|overview|tci|true[-_]?color)", re.IGNORECASE)
_PICTURE_ROLES: Final = frozenset({"visual", "overview", "thumbnail"})
_RESOLUTION: Final = re.compile(r"_(10|20|60)m$", re.IGNORECASE)
_RASTER: Final = re.compile(r"\.(tiff?|jp2)$", re.IGNORECASE)


@dataclass(frozen=True)
class Layer:
    """One band of one asset, and what the item says of its numbers."""

    href: str
    """Address of the file."""
    index: int
    """Band of the file, from 1."""
    scale: float | None = None
    """Unit of one number, None where the item does not say it."""
    offset: float | None = None
    """What is added to scaled numbers, None where the item does not say it."""
    nodata: float | None = None
    """Number that means "no data", None where the item does not say it."""


class ItemLayers:
    """The layers of one item by the names that its bands and assets have."""

    def __init__(self, item: Mapping[str, Any], address: str) -> None:
        """Collect the names; relative hrefs begin at the item's address.

        Raises:
            RevisitError: an asset is described in another way than STAC's.
        """
        self._item_id = item["id"]
        self._by_band: dict[str, Layer] = {}
        self._by_asset: dict[str, Layer] = {}
        self._by_common: dict[str, Layer] = {}
        try:
            for key, asset in sorted(_rasters(item), key=_preference):
                self._add(key, asset, urljoin(address, asset["href"]))
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            raise RevisitError(f"item {self._item_id} does not describe its assets as STAC does: {error}") from error

    def bands(self, product: Product) -> list[Layer]:
        """Return the layers of all bands of a reflectance product, in its order.

        Raises:
            RevisitError: the item lacks one of them.
        """
        return [self._band(band, product) for band in product.bands]

    def mask(self, product: Product) -> Layer | None:
        """Return the layer of a mask or an angle, None where the item has none: it is found by its asset's key."""
        names = (product.key, product.suffix)
        return next((self._by_asset[name.lower()] for name in names if name.lower() in self._by_asset), None)

    def _band(self, band: Band, product: Product) -> Layer:
        names = [name.lower() for name in (band.name, band.name.replace("B0", "B"), *_ALIASES.get(band.name, ()))]
        common = (band.common_name or "").lower()
        for known, wanted in (
            (self._by_band, names),
            (self._by_asset, [*names, common]),
            (self._by_band, [common]),
            (self._by_common, [common]),
        ):
            for name in wanted:
                if name in known:
                    return known[name]
        raise RevisitError(
            f"item {self._item_id} has no band {band.name} ({band.common_name}) of {product.suffix}; "
            f"its rasters are {', '.join(self._by_asset) or 'none'}"
        )

    def _add(self, key: str, asset: Mapping[str, Any], href: str) -> None:
        bands = _bands(asset)
        layers = [_layer(asset, band, href, index) for index, band in enumerate(bands, start=1)]
        for band, layer in zip(bands, layers, strict=True):
            self._by_band.setdefault(str(band.get("name", "")).lower(), layer)
            common = str(band.get("eo:common_name") or band.get("common_name") or "").lower()
            if common not in _AMBIGUOUS:
                self._by_common.setdefault(common, layer)
        if len(layers) == 1:
            self._by_asset.setdefault(_RESOLUTION.sub("", key).lower(), layers[0])


def _rasters(item: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the assets that hold numbers rather than pictures."""
    for key, asset in item.get("assets", {}).items():
        roles, media_type, href = asset.get("roles") or (), asset.get("type") or "", asset.get("href") or ""
        is_raster = media_type.startswith(("image/tiff", "image/jp2", "image/vnd.stac.geotiff")) or _RASTER.search(href)
        if href and is_raster and not _PICTURES.match(key) and not _PICTURE_ROLES.intersection(roles):
            yield key, asset


def _preference(entry: tuple[str, Mapping[str, Any]]) -> tuple[float, bool, str]:
    """Order assets of one band: the finest first, GeoTIFF before JPEG 2000."""
    key, asset = entry
    resolution = (asset.get("raster:bands") or [{}])[0].get("spatial_resolution")
    suffix = _RESOLUTION.search(key)
    gsd = float(suffix[1]) if suffix else resolution or asset.get("gsd") or 0.0
    return float(gsd), "jp2" in (asset.get("type") or ""), key


def _bands(asset: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what an asset says of each of its bands: STAC 1.1's `bands`, or those of the eo and raster extensions."""
    bands = asset.get("bands") or asset.get("eo:bands") or asset.get("raster:bands") or [{}]
    return [band if isinstance(band, dict) else {} for band in bands]


def _layer(asset: Mapping[str, Any], band: Mapping[str, Any], href: str, index: int) -> Layer:
    described = asset.get("raster:bands") or []
    raster = described[index - 1] if index <= len(described) else {}

    def number(name: str) -> float | None:
        for value in (raster.get(name), band.get(f"raster:{name}"), asset.get(f"raster:{name}")):
            if isinstance(value, int | float):
                return float(value)
        return None

    nodata = raster.get("nodata", band.get("nodata", asset.get("nodata")))
    return Layer(
        href, index, number("scale"), number("offset"), float(nodata) if isinstance(nodata, int | float) else None
    )
