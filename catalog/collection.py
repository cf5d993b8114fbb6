"""The three collections: who made the images, under which terms, what is in them."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

import pystac

from catalog import extension
from catalog.asset import describe
from catalog.bands import SENTINEL2_PRODUCTS, SPOT_PRODUCTS, Product
from catalog.constants import (
    CITATION,
    COG_MEDIA_TYPE,
    COLLECTION_L1C,
    COLLECTION_L2A,
    COLLECTION_SPOT,
    COLLECTIONS,
    CRS,
    DOI,
    PNG_MEDIA_TYPE,
)
from catalog.item import DATASET_PERIOD
from catalog.mosaics import FIELD as MOSAICS
from catalog.mosaics import mosaics
from catalog.render import renders

_AUTHORS = pystac.Provider(
    "WorldStrat",
    "J. Cornebise, I. Oršolić and F. Kalaitzis chose the places, gathered the images and published the dataset.",
    [pystac.ProviderRole.PROCESSOR, pystac.ProviderRole.LICENSOR],
    "https://worldstrat.github.io/",
)
_COPERNICUS = pystac.Provider(
    "European Union, Copernicus Sentinel data",
    "Contains modified Copernicus Sentinel data.",
    [pystac.ProviderRole.PRODUCER, pystac.ProviderRole.LICENSOR],
    "https://dataspace.copernicus.eu/",
)
_AIRBUS = pystac.Provider(
    "Airbus Defence and Space",
    "SPOT 6/7 imagery, published with the authorisation of Airbus.",
    [pystac.ProviderRole.PRODUCER, pystac.ProviderRole.LICENSOR],
    "https://space-solutions.airbus.com/",
)
_LICENSES = {
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-NC-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
}
_PLACES = (
    "Nearly 4,000 places of 2.5 km² on all continents, stratified by land use and enriched with places that machine "
    "learning usually misses: refugee settlements, illegal mines, places Amnesty International watches."
)


@dataclass(frozen=True)
class _Facts:
    """What tells one collection from the others."""

    title: str
    description: str
    license: str
    producer: pystac.Provider
    keywords: tuple[str, ...]
    products: tuple[Product, ...]
    constellation: str
    gsd: float


_FACTS = {
    COLLECTION_L2A: _Facts(
        "WorldStrat: Sentinel-2, surface reflectance (L2A)",
        f"{_PLACES} Here each is seen up to 16 times by Sentinel-2 at 10 m, as surface reflectance in 12 bands with "
        "cloud masks. Revisit 1 is the closest in time to the SPOT image and the clearest.",
        "CC-BY-4.0",
        _COPERNICUS,
        ("sentinel-2", "surface reflectance"),
        SENTINEL2_PRODUCTS["L2A"],
        "sentinel-2",
        10,
    ),
    COLLECTION_L1C: _Facts(
        "WorldStrat: Sentinel-2, top of atmosphere (L1C)",
        f"{_PLACES} Here each is seen up to 16 times by Sentinel-2 at 10 m, as top-of-atmosphere reflectance in 13 "
        "bands with cloud masks: the same revisits as in the L2A collection.",
        "CC-BY-4.0",
        _COPERNICUS,
        ("sentinel-2", "top-of-atmosphere reflectance"),
        SENTINEL2_PRODUCTS["L1C"],
        "sentinel-2",
        10,
    ),
    COLLECTION_SPOT: _Facts(
        "WorldStrat: SPOT 6/7 at 1.5 m",
        f"{_PLACES} Here each is seen once by SPOT 6 or 7: panchromatic and pansharpened at 1.5 m, and the native "
        "bands at 6 m. For non-commercial use.",
        "CC-BY-NC-4.0",
        _AIRBUS,
        ("spot", "very high resolution", "pansharpened"),
        SPOT_PRODUCTS,
        "spot",
        1.5,
    ),
}
_EXTENSIONS = (
    extension.SCHEMA_URI,
    extension.EO_URI,
    extension.CLASSIFICATION_URI,
    extension.RENDER_URI,
    extension.SCIENTIFIC_URI,
)


def create_collections() -> list[pystac.Collection]:
    """Return the three collections; their extents are those of the dataset until items tell better."""
    return [create_collection(collection_id) for collection_id in COLLECTIONS]


def create_collection(collection_id: str) -> pystac.Collection:
    """Return one collection, complete but for the items' own extents and summaries."""
    facts = _FACTS[collection_id]
    used = [uri for uri in _EXTENSIONS if uri != extension.CLASSIFICATION_URI or collection_id != COLLECTION_SPOT]
    collection = pystac.Collection(
        id=collection_id,
        title=facts.title,
        description=facts.description,
        license=facts.license,
        keywords=["worldstrat", "super-resolution", "machine learning", *facts.keywords],
        providers=[facts.producer, _AUTHORS],
        extent=dataset_extent(),
        summaries=pystac.Summaries(_static_summaries(facts)),
        stac_extensions=used,
        extra_fields={
            "sci:doi": DOI,
            "sci:citation": CITATION,
            "renders": renders(collection_id),
            **_mosaics(collection_id),
            "item_assets": _item_assets(collection_id, facts),
        },
    )
    _add_links(collection, facts)
    return collection


def _mosaics(collection_id: str) -> dict[str, Any]:
    found = mosaics(collection_id)
    return {MOSAICS: found} if found else {}


def dataset_extent() -> pystac.Extent:
    """Return where and when the images of the dataset are at most."""
    start, end = (datetime.combine(day, time.min, UTC) for day in DATASET_PERIOD)
    return pystac.Extent(pystac.SpatialExtent([-180, -90, 180, 90]), pystac.TemporalExtent([[start, end]]))


def _static_summaries(facts: _Facts) -> dict[str, Any]:
    return {"constellation": [facts.constellation], "gsd": [facts.gsd], "proj:code": [CRS]}


def _item_assets(collection_id: str, facts: _Facts) -> dict[str, Any]:
    assets = {product.key: _item_asset(product) for product in facts.products}
    if collection_id == COLLECTION_SPOT:
        picture = {"type": PNG_MEDIA_TYPE, "title": "Thumbnail", "roles": ["thumbnail", "visual"]}
        assets |= {
            "thumbnail": picture,
            "overview": picture | {"title": "Preview as published", "roles": ["overview", "visual"]},
        }
    return assets


def _item_asset(product: Product) -> dict[str, Any]:
    named = {"type": COG_MEDIA_TYPE, "title": product.title, "roles": list(product.roles), "proj:code": CRS}
    return named | describe(product)


def _add_links(collection: pystac.Collection, facts: _Facts) -> None:
    links = (
        ("license", _LICENSES[facts.license], f"{facts.license}, the licence of these images"),
        ("cite-as", f"https://doi.org/{DOI}", "The published dataset"),
        ("about", "https://arxiv.org/abs/2207.06418", "The article that describes the dataset"),
    )
    collection.add_links([pystac.Link(rel, href, "text/html", title) for rel, href, title in links])
