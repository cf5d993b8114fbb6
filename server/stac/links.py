"""Links from the STAC API to pictures of what it found: the web-map-links extension, and a preview."""

from typing import Any
from urllib.parse import quote

WEB_MAP_LINKS = "https://stac-extensions.github.io/web-map-links/v1.2.0/schema.json"
TILE_SCHEME = "WebMercatorQuad"
RENDER = "true-color"
"""The render that every collection has, and that an item is shown by."""

SORTABLES = "http://www.opengis.net/def/rel/ogc/1.0/sortables"

Link = dict[str, Any]


def add_item_links(base_url: str, item: dict[str, Any]) -> None:
    """Add links to the tiles and the preview of an item, in place.

    The `fields` extension may have taken away the item's links, and its ids: then there is nothing to link.
    """
    if not {"links", "collection", "id"} <= item.keys():
        return
    item_id = item["id"]
    raster = f"{base_url}raster/collections/{quote(item['collection'])}/items/{quote(item_id)}"
    layer = {"wmts:layer": f"{item_id}_{TILE_SCHEME}_{RENDER}"}
    item["links"] += [
        _link("tilejson", f"{raster}/{TILE_SCHEME}/tilejson.json", "application/json", "Map tiles"),
        _link("wmts", f"{raster}/WMTSCapabilities.xml", "application/xml", "Map tiles for GIS") | layer,
        _link("preview", f"{raster}/preview.png", "image/png", "Preview"),
    ]
    _declare(item)


def add_collection_links(base_url: str, collection: dict[str, Any]) -> None:
    """Add links to the mosaic and to the aggregations of a collection's items, in place."""
    if not {"links", "id"} <= collection.keys():
        return
    raster = f"{base_url}raster/collections/{quote(collection['id'])}"
    mosaic = _link("tilejson", f"{raster}/{TILE_SCHEME}/tilejson.json", "application/json", "Map tiles of all items")
    stac = f"{base_url}stac/collections/{quote(collection['id'])}"
    collection["links"] += [
        mosaic,
        _link("aggregate", f"{stac}/aggregate", "application/json", "Counts of its items"),
        _link("aggregations", f"{stac}/aggregations", "application/json", "What can be counted"),
        sortables_link(stac),
    ]
    _declare(collection)


def sortables_link(stac_url: str) -> Link:
    """Return the link to what items can be sorted by; the address is that of the API or of a collection in it."""
    return _link(SORTABLES, f"{stac_url}/sortables", "application/schema+json", "What items can be sorted by")


def _link(rel: str, href: str, media_type: str, title: str) -> Link:
    return {"rel": rel, "href": href, "type": media_type, "title": title}


def _declare(thing: dict[str, Any]) -> None:
    if "stac_extensions" in thing and WEB_MAP_LINKS not in thing["stac_extensions"]:
        thing["stac_extensions"] = [*thing["stac_extensions"], WEB_MAP_LINKS]
