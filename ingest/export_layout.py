"""Where everything of a static catalog lies, and the documents in it; all links are relative."""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from catalog.constants import slug

ROOT: Final = "catalog.json"
COLLECTION: Final = "collection.json"
TABLE: Final = "items.parquet"
STAC_VERSION: Final = "1.1.0"
TITLE: Final = "WorldStrat"
DESCRIPTION: Final = (
    "Places on Earth, each with one SPOT 6/7 image at 1.5 m and up to 16 Sentinel-2 revisits at 10 m, stratified by "
    "land use. A static copy of a catalog: each place of a collection is a folder."
)
_JSON, _GEOJSON = "application/json", "application/geo+json"
_STRUCTURE: Final = frozenset({"root", "self", "parent", "collection", "child", "item", "items"})
"""Relations that say where a document lies: the copy has its own."""
_ITEM: Final = re.compile(r"collections/([^/]+)/items/([^/]+)")
_ODD: Final = re.compile(r"[^\w.-]+")

Json = dict[str, Any]
Key = tuple[str, str]
"""Id of a collection and of an item in it."""
PathOf = Callable[[Key], str | None]
"""The path of an item's document below the root, None where it is not part of the copy."""


@dataclass(frozen=True)
class Place:
    """The items of one AOI in one collection."""

    collection: str
    """Id of the collection."""
    aoi: str
    """Name of the AOI."""
    ids: tuple[str, ...]
    """Ids of the items, sorted."""

    @property
    def folder(self) -> str:
        """Path of its folder below the root."""
        return f"{self.collection}/{plain(slug(self.aoi))}"

    @property
    def is_alone(self) -> bool:
        """Whether it has one item only, which the collection links without a catalog in between."""
        return len(self.ids) == 1

    def path(self, item_id: str) -> str:
        """Return the path of an item's document below the root."""
        return f"{self.folder}/{plain(item_id)}.json"


def plain(name: str) -> str:
    """Return a name that every file system and URL takes as it is."""
    return _ODD.sub("-", name).lstrip(".") or "-"


def link(rel: str, href: str, title: str | None = None, media_type: str = _JSON) -> Json:
    """Return a link."""
    named = {"rel": rel, "href": href, "type": media_type}
    return named if title is None else named | {"title": title}


def root_document(collections: Sequence[Mapping[str, Any]]) -> Json:
    """Return the root, whose children are these collections."""
    children = [link("child", f"./{one['id']}/{COLLECTION}", one.get("title", one["id"])) for one in collections]
    return _catalog("worldstrat", TITLE, DESCRIPTION, [link("root", f"./{ROOT}", TITLE), *children])


def collection_document(
    content: Mapping[str, Any], told: Mapping[str, Any], places: Sequence[Place], table: Mapping[str, Any]
) -> Json:
    """Return a collection whose children are places.

    Args:
        content: as the catalog holds it.
        told: what its exported items tell of it: extent and summaries.
        places: what is in it.
        table: asset of all items as GeoParquet, and the extensions it needs.
    """
    children = [
        link("item", f"./{_below(place.path(place.ids[0]))}", place.aoi, _GEOJSON)
        if place.is_alone
        else link("child", f"./{_below(place.folder)}/{ROOT}", place.aoi)
        for place in places
    ]
    links = [link("root", f"../{ROOT}", TITLE), link("parent", f"../{ROOT}", TITLE), *_kept(content), *children]
    return {**content, **told, **table, "links": links}


def place_document(place: Place, title: str, items: Sequence[Mapping[str, Any]]) -> Json:
    """Return the catalog of one place of a collection, which has this title."""
    links = [
        link("root", f"../../{ROOT}", TITLE),
        link("parent", f"../{COLLECTION}", title),
        *(link("item", f"./{plain(item['id'])}.json", _title(item), _GEOJSON) for item in items),
    ]
    return _catalog(f"{place.collection}_{plain(slug(place.aoi))}", place.aoi, f"{place.aoi}: {title}.", links)


def item_document(item: Mapping[str, Any], place: Place, title: str, path_of: PathOf) -> Json:
    """Return an item whose links lead to documents of the copy; links to items that are not part of it are gone."""
    parent = link("parent", f"../{COLLECTION}", title) if place.is_alone else link("parent", f"./{ROOT}", place.aoi)
    links = [link("root", f"../../{ROOT}", TITLE), parent, link("collection", f"../{COLLECTION}", title)]
    for one in _kept(item):
        named = _ITEM.fullmatch(one["href"])
        if named is None:
            links.append(one)
        elif path := path_of((named[1], named[2])):
            links.append({**one, "href": posixpath.relpath(path, place.folder)})
    return {**item, "links": links}


def table_row(item: Json, folder: str) -> Json:
    """Return an item whose relative hrefs begin at the collection's folder, where the table lies."""
    name = _below(folder)

    def moved(thing: Json) -> Json:
        href = thing["href"]
        relative = ":" not in href.split("/", 1)[0]
        return {**thing, "href": posixpath.normpath(posixpath.join(name, href))} if relative else thing

    assets = {key: moved(asset) for key, asset in item["assets"].items()}
    return {**item, "assets": assets, "links": [moved(one) for one in item["links"]]}


def _catalog(catalog_id: str, title: str, description: str, links: list[Json]) -> Json:
    return {
        "type": "Catalog",
        "id": catalog_id,
        "stac_version": STAC_VERSION,
        "title": title,
        "description": description,
        "links": links,
    }


def _below(path: str) -> str:
    """Return a path as the folder of its collection sees it."""
    return path.split("/", 1)[1]


def _title(item: Mapping[str, Any]) -> str:
    return str(item["properties"].get("title") or item["id"])


def _kept(thing: Mapping[str, Any]) -> list[Json]:
    return [dict(one) for one in thing.get("links", ()) if one["rel"] not in _STRUCTURE]
