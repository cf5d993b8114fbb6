"""STAC items of an AOI: one per SPOT image, one per Sentinel-2 revisit and level."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from functools import cache
from importlib.metadata import version
from typing import Any

import pystac
from shapely.geometry import box, mapping

from catalog import extension
from catalog.asset import ImageFacts, RasterFacts, create_asset, create_image_asset, mean_of
from catalog.constants import COLLECTION_SPOT, CRS, LEVEL_COLLECTIONS, Level
from catalog.errors import MetadataError
from catalog.metadata import Aoi, Bounds, Revisit
from catalog.wording import worded_properties

DATASET_PERIOD = (date(2016, 1, 1), date(2022, 12, 31))
"""When an image without a readable date was taken, as far as anyone knows."""

_BASE_EXTENSIONS = (
    extension.SCHEMA_URI,
    extension.EO_URI,
    extension.RASTER_URI,
    extension.PROJECTION_URI,
    extension.FILE_URI,
    extension.PROCESSING_URI,
)


def sentinel2_id(aoi: Aoi, level: Level, n: int) -> str:
    """Return the id of a Sentinel-2 item: `Landcover-8379_L2A_01`."""
    return f"{aoi.slug}_{level}_{n:02d}"


def spot_id(aoi: Aoi) -> str:
    """Return the id of a SPOT item: `Landcover-8379_SPOT`."""
    return f"{aoi.slug}_SPOT"


def create_sentinel2_item(
    aoi: Aoi, revisit: Revisit, level: Level, rasters: Sequence[RasterFacts], notes: Sequence[str] = ()
) -> pystac.Item:
    """Return the item of one Sentinel-2 revisit at one level; the first raster gives the grid.

    Raises:
        MetadataError: there is no raster, or nobody knows where the AOI lies.
    """
    properties: dict[str, Any] = {
        "title": f"{aoi.name}: Sentinel-2 {level}, revisit {revisit.n}",
        **worded_properties(aoi, f"Sentinel-2 {level} image"),
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "gsd": 10,
        "eo:cloud_cover": revisit.cloud_cover,
        "processing:level": level,
        **extension.aoi_properties(aoi),
        **extension.revisit_properties(revisit),
        **_cover_properties(rasters),
        **_view_properties(rasters),
    }
    item = _create_item(
        sentinel2_id(aoi, level, revisit.n),
        LEVEL_COLLECTIONS[level],
        _bounds(aoi, rasters),
        revisit.lowres_date,
        properties,
        rasters,
        notes,
    )
    if revisit.source_item:
        item.add_link(pystac.Link("derived_from", revisit.source_item, pystac.MediaType.GEOJSON, revisit.product_id))
    return item


def create_spot_item(
    aoi: Aoi, rasters: Sequence[RasterFacts], images: Sequence[ImageFacts] = (), notes: Sequence[str] = ()
) -> pystac.Item:
    """Return the item of an AOI's SPOT image.

    Raises:
        MetadataError: there is no raster, or nobody knows where the AOI lies.
    """
    properties: dict[str, Any] = {
        "title": f"{aoi.name}: SPOT 6/7",
        **worded_properties(aoi, "SPOT 6/7 image"),
        "constellation": "spot",
        "instruments": ["naomi"],
        "gsd": 1.5,
        **extension.aoi_properties(aoi),
    }
    item = _create_item(spot_id(aoi), COLLECTION_SPOT, _bounds(aoi, rasters), aoi.spot_date, properties, rasters, notes)
    for image in images:
        item.add_asset(image.key, create_image_asset(image))
    return item


def link_related(items: Sequence[pystac.Item]) -> None:
    """Link the SPOT item of an AOI with its Sentinel-2 items, and the two levels of one revisit.

    Hrefs are relative to the root of the API that serves the items, which resolves them.
    """
    spot = [item for item in items if item.collection_id == COLLECTION_SPOT]
    sentinel2 = [item for item in items if item.collection_id != COLLECTION_SPOT]
    for item in sentinel2:
        rank = item.properties["worldstrat:revisit"]
        level = [other for other in sentinel2 if other is not item and other.properties["worldstrat:revisit"] == rank]
        _link(item, [*spot, *level])
    for item in spot:
        _link(item, sentinel2)


def _create_item(  # noqa: PLR0917 - the one place where an item's parts meet
    item_id: str,
    collection: str,
    bounds: Bounds,
    day: date | None,
    properties: dict[str, Any],
    rasters: Sequence[RasterFacts],
    notes: Sequence[str],
) -> pystac.Item:
    start, end = (day, day) if day else DATASET_PERIOD
    known = {name: value for name, value in properties.items() if value is not None or name in _NULLABLE}
    known |= {"proj:code": CRS, "processing:software": {"worldstrat": _software_version()}}
    if notes:
        known["worldstrat:notes"] = list(notes)
    item = pystac.Item(
        id=item_id,
        geometry=mapping(box(*bounds)),
        bbox=list(bounds),
        datetime=datetime.combine(day, time.min, UTC) if day else None,
        properties=known,
        start_datetime=datetime.combine(start, time.min, UTC),
        end_datetime=datetime.combine(end, time(23, 59, 59), UTC),
        stac_extensions=_extensions(known),
        collection=collection,
    )
    # The core schema asks for it; an API that serves the item puts its own in place.
    item.add_link(pystac.Link("collection", f"collections/{collection}", pystac.MediaType.JSON))
    for facts in rasters:
        item.add_asset(facts.product.key, create_asset(facts))
    return item


_NULLABLE = frozenset({"worldstrat:split", "worldstrat:ipcc", "worldstrat:lccs", "worldstrat:smod"})
"""Properties that say null rather than nothing, so that a search can ask for it."""


@cache
def _software_version() -> str:
    """Return the version of this package, whose metadata is a file that takes milliseconds to parse."""
    return version("worldstrat")


def _extensions(properties: dict[str, Any]) -> list[str]:
    # Masks carry `classification:classes`, but only collections name that extension: see docs/decisions.
    used = list(_BASE_EXTENSIONS)
    if any(name.startswith("view:") for name in properties):
        used.append(extension.VIEW_URI)
    if "ml-aoi:split" in properties:
        used.append(extension.ML_AOI_URI)
    return used


def _bounds(aoi: Aoi, rasters: Sequence[RasterFacts]) -> Bounds:
    if not rasters:
        raise MetadataError(f"{aoi.name}: an item needs at least one raster.")
    if aoi.bounds:
        return aoi.bounds
    a, _, left, _, e, top = rasters[0].transform
    height, width = rasters[0].shape
    return left, top + e * height, left + a * width, top


def _cover_properties(rasters: Sequence[RasterFacts]) -> dict[str, Any]:
    cloud, data = mean_of(rasters, "clm"), mean_of(rasters, "data-mask")
    return {
        "worldstrat:cloud_cover": None if cloud is None else round(100 * cloud, 2),
        "worldstrat:data_cover": None if data is None else round(100 * data, 2),
    }


def _view_properties(rasters: Sequence[RasterFacts]) -> dict[str, Any]:
    zenith = mean_of(rasters, "sun-zenith")
    angles = {
        "view:sun_azimuth": mean_of(rasters, "sun-azimuth"),
        "view:sun_elevation": None if zenith is None else 90 - zenith,
        "view:azimuth": mean_of(rasters, "view-azimuth"),
        "view:incidence_angle": mean_of(rasters, "view-zenith"),
    }
    return {name: round(value, 3) for name, value in angles.items() if value is not None}


def _link(item: pystac.Item, others: Sequence[pystac.Item]) -> None:
    for other in others:
        href = f"collections/{other.collection_id}/items/{other.id}"
        title = other.properties["title"].split(": ", 1)[1]
        item.add_link(pystac.Link("related", href, pystac.MediaType.GEOJSON, title))
