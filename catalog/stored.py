"""Whole items as pgSTAC holds them, in streams: what its own functions leave out (members that are null) is kept."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import orjson
import psycopg
from hydraters import hydrate

Item = dict[str, Any]
Ids = Mapping[str, Sequence[str]]
"""Ids of items by collection."""

BATCH: Final = 200
"""Items that are in memory at a time."""
_TAG: Final = "pgstac:base_item"
"""Where an item names the state of its collection that it was stored against."""

_COLUMNS = "SELECT id, collection, ST_AsGeoJSON(geometry, 20), content::text FROM pgstac.items"
_SOME = f"{_COLUMNS} WHERE collection = %s AND id = ANY(%s)"
_EVERY = f"{_COLUMNS} WHERE %s::text[] IS NULL OR collection = ANY(%s)"
# Before 0.10, pgSTAC kept no base items of before a collection was edited.
_HISTORY = "SELECT to_regprocedure('pgstac.collection_base_item(text, integer)') IS NOT NULL"
_ONLY_BASE_ITEM = "SELECT base_item FROM pgstac.collections WHERE id = %(id)s"
# As content_hydrate() chooses it.
_BASE_ITEM = """
SELECT coalesce(
    pgstac.collection_base_item(%(id)s, %(tag)s), (SELECT base_item FROM pgstac.collections WHERE id = %(id)s)
)
"""


class StoredItems:
    """The items of a catalog, read by one connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._bases: dict[tuple[str, int | None], Item] = {}

    def some(self, ids: Ids) -> Iterator[Item]:
        """Yield the items of these ids that the catalog holds, in no order."""
        for collection, wanted in ids.items():
            for start in range(0, len(wanted), BATCH):
                rows = self._connection.execute(_SOME, (collection, list(wanted[start : start + BATCH]))).fetchall()
                yield from map(self._whole, rows)

    def every(self, collections: Sequence[str] | None = None) -> Iterator[Item]:
        """Yield all items as they are at one moment, in no order; a transaction is open meanwhile.

        Args:
            collections: ids of the collections; all where none are given.
        """
        given = None if collections is None else list(collections)
        with self._connection.transaction(), self._connection.cursor(f"items_{uuid4().hex}") as cursor:
            cursor.itersize = BATCH
            cursor.execute(_EVERY, (given, given))
            for row in cursor:
                yield self._whole(row)

    def _whole(self, row: tuple[Any, ...]) -> Item:
        item_id, collection, geometry, content = row
        stored: Item = {
            "type": "Feature",
            "id": item_id,
            "collection": collection,
            "geometry": orjson.loads(geometry or "null"),
            **orjson.loads(content),
        }
        tag = stored.pop(_TAG, None)
        whole: Item = hydrate(
            self._base(collection, None if tag is None else int(tag)), stored, strip_unmatched_markers=True
        )
        # A stranger's item may lack what every reader of items expects.
        return {"links": [], "assets": {}} | whole

    def _base(self, collection: str, tag: int | None) -> Item:
        """Return what the collection's items have in common, which pgSTAC leaves out of each."""
        key = collection, tag
        if key not in self._bases:
            known = self._connection.execute(_HISTORY).fetchone()
            statement = _BASE_ITEM if known and known[0] else _ONLY_BASE_ITEM
            row = self._connection.execute(statement, {"id": collection, "tag": tag}).fetchone()
            common = (row and row[0]) or {}
            self._bases[key] = {name: value for name, value in common.items() if value is not None}
        return self._bases[key]
