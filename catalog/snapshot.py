"""A collection's items as one GeoParquet file in the store, which is an asset of the collection."""

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from catalog.connection import frozen
from catalog.errors import SnapshotError
from catalog.extension import FILE_URI, TABLE_URI
from catalog.geoparquet import Item, Table, write_geoparquet
from catalog.keys import PARQUET_MEDIA_TYPE, object_key
from catalog.objects import ObjectStore, multihash
from catalog.stored import BATCH, StoredItems

ASSET: Final = "geoparquet-items"
"""Key of the asset."""
PLACE: Final = "snapshot"
"""Folder of the collection in the store that holds it."""
FILE: Final = "items.parquet"
# From the folder of a snapshot, `{collection}/snapshot/{hash}/`, to the store, which the server publishes as `assets/`,
# and from there to the STAC API.
_TO_STORE: Final = "../../../"
_TO_API: Final = f"{_TO_STORE}../stac/"
_EXTENSIONS: Final = (FILE_URI, TABLE_URI)
"""What its fields are described in; a collection has no others of them."""
_RELATIVE: Final = re.compile(r"(?![/?#])(?![a-z][a-z0-9+.-]*:)", re.IGNORECASE)


@dataclass(frozen=True)
class Snapshot:
    """A snapshot that is in the store."""

    collection: str
    """Id of the collection."""
    key: str
    """Where it lies."""
    rows: int
    """Items in it."""
    size: int
    """Bytes."""
    checksum: str
    """Multihash."""
    columns: tuple[str, ...]
    """Names of its columns."""
    created: datetime
    """The moment of which it tells."""

    def asset(self, href: str) -> dict[str, Any]:
        """Return the asset that a collection names it by."""
        return {
            "href": href,
            "type": PARQUET_MEDIA_TYPE,
            "title": "All items as GeoParquet",
            "description": (
                "Snapshot of the items as stac-geoparquet. Hrefs in it are relative to the file's own address; "
                "members that are null are left out, as the format has it."
            ),
            "roles": ["collection-mirror", "metadata"],
            "created": self.created.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "file:size": self.size,
            "file:checksum": self.checksum,
            "table:row_count": self.rows,
            "table:primary_geometry": "geometry",
            "table:columns": [{"name": name} for name in self.columns],
        }


def write_snapshot(connection: psycopg.Connection[Any], store: ObjectStore, collection_id: str) -> Snapshot | None:
    """Put all items of a collection as one file into the store and name it in the collection.

    The file's key holds its hash, so that a reader of the one before goes on reading it; `worldstrat prune` removes it
    one day. A collection without items names no snapshot.

    Raises:
        SnapshotError: the items do not fit into one table.
        ObjectStoreError: the store refused, or holds other bytes than it was given.
        psycopg.Error: the database failed.
    """
    with tempfile.TemporaryDirectory(prefix="worldstrat-") as folder:
        path = Path(folder, FILE)
        with frozen(connection) as moment:
            table = write_geoparquet(path, lambda: _items(connection, store, collection_id))
        snapshot = None if table is None else _put(store, collection_id, path, table, moment)
    _name(connection, collection_id, None if snapshot is None else snapshot.asset(store.href(snapshot.key)))
    return snapshot


def asset_of(collection: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the asset by which a collection names its snapshot, None where it has none."""
    found: dict[str, Any] | None = (collection.get("assets") or {}).get(ASSET)
    return found


def with_asset(collection: Mapping[str, Any], asset: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a collection that names this snapshot, or none."""
    assets = {name: other for name, other in (collection.get("assets") or {}).items() if name != ASSET}
    uris = [uri for uri in collection.get("stac_extensions", []) if uri not in _EXTENSIONS]
    bare = {name: member for name, member in collection.items() if name != "assets"}
    if asset is not None:
        assets[ASSET], uris = dict(asset), [*uris, *_EXTENSIONS]
    return bare | {"stac_extensions": uris} | ({"assets": assets} if assets else {})


def relative_item(item: Item, store: ObjectStore) -> Item:
    """Return an item as a snapshot of its collection holds it: hrefs relative to the file's own address.

    Objects lie beside the file, in the store as below the server's `assets/`; links lead to the server's STAC API.

    Raises:
        SnapshotError: the item has no assets, of which readers of the format make an error.
    """
    if not item["assets"]:
        raise SnapshotError(f"{item['id']!r} of {item['collection']} has no assets: give it one, or remove it.")
    assets = {name: {**asset, "href": _beside(asset["href"], store)} for name, asset in item["assets"].items()}
    links = [{**link, "href": _from_api(link["href"])} for link in item["links"]]
    return {**item, "assets": assets, "links": links}


def _beside(href: str, store: ObjectStore) -> str:
    key = store.key(href)
    return href if key is None else f"{_TO_STORE}{key}"


def _from_api(href: str) -> str:
    return f"{_TO_API}{href}" if _RELATIVE.match(href) else href


def _items(connection: psycopg.Connection[Any], store: ObjectStore, collection_id: str) -> Iterator[Item]:
    """Yield the items in the order of their ids, a batch of them in memory."""
    rows = connection.execute("SELECT id FROM pgstac.items WHERE collection = %s", (collection_id,)).fetchall()
    ids = sorted(row[0] for row in rows)
    stored = StoredItems(connection)
    for start in range(0, len(ids), BATCH):
        batch = sorted(stored.some({collection_id: ids[start : start + BATCH]}), key=lambda item: str(item["id"]))
        yield from (relative_item(item, store) for item in batch)


def _put(store: ObjectStore, collection_id: str, path: Path, table: Table, moment: datetime) -> Snapshot:
    data = path.read_bytes()
    checksum = multihash(data)
    key = object_key(f"{collection_id}/{PLACE}", checksum, FILE)
    store.put_verified(key, data, PARQUET_MEDIA_TYPE)
    return Snapshot(collection_id, key, table.rows, len(data), checksum, tuple(table.columns), moment)


def _name(connection: psycopg.Connection[Any], collection_id: str, asset: Mapping[str, Any] | None) -> None:
    """Make the snapshot an asset of the collection."""
    with connection.transaction():
        row = connection.execute(
            "SELECT content FROM pgstac.collections WHERE id = %s FOR UPDATE", (collection_id,)
        ).fetchone()
        content: dict[str, Any] = row[0] if row else {}
        if asset != asset_of(content):
            named = Jsonb(with_asset(content, asset))
            connection.execute("UPDATE pgstac.collections SET content = %s WHERE id = %s", (named, collection_id))
