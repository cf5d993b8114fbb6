"""Super-resolved images in STAC: where they come from, by which model, and that they are synthetic."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import pystac

from catalog import extension
from catalog.asset import RasterFacts, create_asset, describe
from catalog.bands import SENTINEL2_BANDS, Product
from catalog.constants import COG_MEDIA_TYPE, COLLECTION_MODELS, COLLECTION_SR, CRS

LEVEL: Final = "L4"
"""Processing level: the output of a model."""

SR_PRODUCT: Final = Product(
    "sr",
    "sr",
    "Synthetic: super-resolved reflectance at 2.5 m, 4 bands",
    "reflectance",
    tuple(band for band in SENTINEL2_BANDS if band.name in {"B02", "B03", "B04", "B08"}),
    ("data", "reflectance", "synthetic"),
    nodata=0,
    unit="1",
    gsd=2.5,
)
_VISIBLE = [[0.0, 0.3]] * 3
_RENDERS = {
    "true-color": {
        "title": "True colour, synthetic",
        "assets": ["sr"],
        "bands": ["red", "green", "blue"],
        "bidx": [3, 2, 1],
        "rescale": _VISIBLE,
    },
    "ndvi": {
        "title": "NDVI, synthetic",
        "assets": ["sr"],
        "expression": "(nir-red)/(nir+red)",
        "rescale": [[-0.2, 0.9]],
        "colormap_name": "rdylgn",
    },
}
_DROPPED = ("proj:", "raster:", "file:")
_UNTRUE = frozenset({"created", "updated", "title", "description", "processing:software", "worldstrat:notes"})
"""Properties of the original that are not the derived image's."""


@dataclass(frozen=True)
class Maker:
    """The model that made an image."""

    id: str
    """Id of its item in the collection `sr-models`."""
    version: str
    """Version of its weights."""
    sha256: str
    """Hash of its network."""


def create_sr_collection() -> pystac.Collection:
    """Return the collection of super-resolved images that somebody stored."""
    start, end = datetime(2016, 1, 1, tzinfo=UTC), datetime(2022, 12, 31, tzinfo=UTC)
    asset = {"type": COG_MEDIA_TYPE, "title": SR_PRODUCT.title, "roles": list(SR_PRODUCT.roles), "proj:code": CRS}
    return pystac.Collection(
        id=COLLECTION_SR,
        title="WorldStrat: Sentinel-2 super-resolved to 2.5 m (synthetic)",
        description=(
            "What a model made of Sentinel-2 images: plausible detail, not measured detail. Each block of 4 x 4 pixels "
            "averages to the pixel that it was made of. Every item names its model and its original."
        ),
        license="other",
        keywords=["worldstrat", "super-resolution", "synthetic"],
        extent=pystac.Extent(pystac.SpatialExtent([-180, -90, 180, 90]), pystac.TemporalExtent([[start, end]])),
        stac_extensions=[extension.SCHEMA_URI, extension.EO_URI, extension.RENDER_URI],
        extra_fields={"renders": _RENDERS, "item_assets": {SR_PRODUCT.key: asset | describe(SR_PRODUCT)}},
    )


def sr_item_id(original: str, maker: Maker) -> str:
    """Return the id of what a model makes of an item: another version of the model makes another item."""
    return f"{original}_SR_{maker.id}_{maker.version}"


def create_sr_item(original: Mapping[str, Any], facts: RasterFacts, maker: Maker) -> pystac.Item:
    """Return the item of a super-resolved image.

    Args:
        original: the Sentinel-2 item as pgSTAC holds it.
        facts: the COG.
        maker: who made it.
    """
    kept = {
        name: value
        for name, value in original["properties"].items()
        if name not in _UNTRUE and not name.startswith(_DROPPED)
    }
    title = original["properties"].get("title", original["id"])
    properties = kept | {
        "title": f"{title}, super-resolved (synthetic)",
        "description": f"Made from {original['id']} by {maker.id} {maker.version}: synthetic, not measured.",
        "gsd": SR_PRODUCT.gsd,
        "proj:code": CRS,
        "processing:level": LEVEL,
        "processing:lineage": f"Single-image super-resolution by 4 of {original['id']}; block means are its pixels.",
        "processing:software": {"worldstrat": version("worldstrat"), maker.id: maker.version},
        "processing:version": maker.sha256,
    }
    item = pystac.Item(
        id=sr_item_id(original["id"], maker),
        geometry=original["geometry"],
        bbox=list(original["bbox"]),
        datetime=_moment(properties, "datetime"),
        properties=properties,
        start_datetime=_moment(properties, "start_datetime"),
        end_datetime=_moment(properties, "end_datetime"),
        stac_extensions=[uri for uri in original["stac_extensions"] if uri != extension.CLASSIFICATION_URI],
        collection=COLLECTION_SR,
    )
    item.add_asset(SR_PRODUCT.key, create_asset(facts))
    item.add_links([pystac.Link(rel, href, media, text) for rel, href, media, text in _links(original, maker)])
    return item


def _moment(properties: Mapping[str, Any], name: str) -> datetime | None:
    text = properties.get(name)
    return pystac.utils.str_to_datetime(text) if text else None


def _links(original: Mapping[str, Any], maker: Maker) -> list[tuple[str, str, str, str]]:
    source = f"collections/{original['collection']}/items/{original['id']}"
    model = f"collections/{COLLECTION_MODELS}/items/{maker.id}"
    return [
        ("collection", f"collections/{COLLECTION_SR}", "application/json", "Super-resolved images"),
        ("derived_from", source, "application/geo+json", "The Sentinel-2 image that it was made of"),
        ("mlm:model", model, "application/geo+json", "The model that made it"),
    ]
