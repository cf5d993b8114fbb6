"""A static STAC catalog: COGs as they are on the server beside items that name them."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from client.download.cut import describe_cut
from client.download.layout import Downloaded
from client.download.manifest import Entry, Written, write_whole
from client.download.names import is_file_name

_JSON: Final = "application/json"
_GEOJSON: Final = "application/geo+json"
_KEPT_LINKS: Final = frozenset({"license", "cite-as", "about", "derived_from", "xyz", "wmts", "tilejson"})
"""Links that lead out of the catalog; the maps are still made by the server."""


class StacLayout:
    """`catalog.json`, a folder for each collection, a folder for each item with its files."""

    name = "stac"

    def __init__(self, folder: Path, collection: Callable[[str], Mapping[str, Any]]) -> None:
        """Write to `folder`; `collection` gives a collection by its id."""
        self._folder = folder
        self._collection = collection

    def add(self, downloaded: Downloaded) -> Sequence[Entry]:
        """Write an item's files, then the item."""
        item = downloaded.item
        place = self._folder / item["collection"] / item["id"]
        files, assets = [], {}
        for key, content in downloaded.contents.items():
            asset = dict(item["assets"][key])
            bands = downloaded.bands.get(key)
            path = place / _filename(item, key, asset, cut=bool(bands))
            write_whole(path, content)
            written = Written.of(self._folder, path, content)
            asset["href"] = f"./{path.name}"
            if bands:
                asset = describe_cut(asset, content, written, bands)
            files.append(written)
            assets[key] = asset
        document = _document(item, assets, cut=bool(downloaded.bands))
        text = json.dumps(document, ensure_ascii=False, indent=1).encode()
        path = place / f"{item['id']}.json"
        write_whole(path, text)
        files.append(Written.of(self._folder, path, text))
        return [downloaded.entry(files, {"title": item["properties"].get("title")})]

    def close(self) -> Sequence[Entry]:
        """Return nothing: items wait for no others."""
        return ()

    def complete(self, entries: Iterable[Entry]) -> Sequence[Entry]:
        """Write the collections and the catalog."""
        members: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            members[entry.collection].append(entry)
        children = []
        for collection_id, items in members.items():
            document = dict(self._collection(collection_id))
            links = [link for link in document.get("links", ()) if link["rel"] in _KEPT_LINKS]
            links += [_link("root", "../catalog.json", _JSON), _link("parent", "../catalog.json", _JSON)]
            links += [
                _link("item", f"./{entry.item}/{entry.item}.json", _GEOJSON, entry.facts.get("title"))
                for entry in items
            ]
            document["links"] = links
            document.pop("assets", None)  # of the whole collection, not of what is here
            self._write(f"{collection_id}/collection.json", document)
            children.append(_link("child", f"./{collection_id}/collection.json", _JSON, document.get("title")))
        root = {
            "type": "Catalog",
            "stac_version": "1.1.0",
            "id": "worldstrat-download",
            "title": "WorldStrat, a part",
            "description": "Downloaded with `worldstrat download`; manifest.jsonl lists the files and their checksums.",
            "links": [_link("root", "./catalog.json", _JSON), *children],
        }
        self._write("catalog.json", root)
        return ()

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        write_whole(self._folder / name, json.dumps(document, ensure_ascii=False, indent=1).encode())


def _document(item: Mapping[str, Any], assets: Mapping[str, Any], *, cut: bool) -> dict[str, Any]:
    links = [link for link in item.get("links", ()) if link["rel"] in _KEPT_LINKS]
    links += [_link("via", link["href"], _GEOJSON) for link in item.get("links", ()) if link["rel"] == "self"]
    links += [
        _link("root", "../../catalog.json", _JSON),
        _link("parent", "../collection.json", _JSON),
        _link("collection", "../collection.json", _JSON),
    ]
    document = {**item, "assets": dict(assets), "links": links}
    if cut:
        # The shape and the grid are each crop's own now.
        moved = ("proj:shape", "proj:transform", "proj:bbox")
        document["properties"] = {name: value for name, value in item["properties"].items() if name not in moved}
    return document


def _filename(item: Mapping[str, Any], key: str, asset: Mapping[str, Any], *, cut: bool) -> str:
    """Return the name of an asset's file: the catalog's own, unless that could lead elsewhere."""
    if cut:
        return f"{item['id']}_{key}.tif"
    name = PurePosixPath(unquote(urlsplit(asset["href"]).path)).name
    if name.startswith(f"{item['id']}_") and is_file_name(name):
        return name
    suffix = PurePosixPath(name).suffix
    return f"{item['id']}_{key}{suffix if is_file_name(key + suffix) else ''}"


def _link(rel: str, href: str, media_type: str, title: str | None = None) -> dict[str, Any]:
    return {"rel": rel, "href": href, "type": media_type, **({"title": title} if title else {})}
