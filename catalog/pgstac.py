"""Into pgSTAC and back: collections, queryables, items in batches with a receipt."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Literal, Self

import psycopg
from psycopg.types.json import Jsonb
from pypgstac.db import PgstacDB

from catalog.connection import connect, translated
from catalog.errors import ReceiptError
from catalog.queryables import COUNTED, COUNTED_KEY, INDEXED, queryables
from catalog.settings import DatabaseSettings
from catalog.snapshot import asset_of, with_asset
from catalog.upkeep import update_collections

__all__ = ["CatalogWriter", "connect", "translated"]

# Properties and checksums differ from item to item, so pgSTAC stores them whole.
_RECEIPT = """
SELECT id, content->'properties', (
    SELECT jsonb_object_agg(key, value->'file:checksum')
    FROM jsonb_each(content->'assets') WHERE value ? 'file:checksum'
)
FROM items WHERE collection = %s AND id = ANY(%s)
"""
# The expression by which pgSTAC looks for the words of `q`; without an index it would take every item apart.
_WORDS_INDEX = """
CREATE INDEX items_words ON items USING gin ((
    to_tsvector('english', content->'properties'->>'description')
    || to_tsvector('english', coalesce(content->'properties'->>'title', ''))
    || to_tsvector('english', coalesce(content->'properties'->>'keywords', ''))
))
"""
Receipt = tuple[dict[str, Any], dict[str, str]]
"""Properties of an item, and the checksum of each of its objects."""


class CatalogWriter(AbstractContextManager["CatalogWriter"]):
    """One connection that writes the catalog; use one writer per catalog at a time."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._connection = connect(settings)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection; what was loaded is committed already."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def load_collections(self, collections: Sequence[Mapping[str, Any]]) -> None:
        """Add or renew collections and queryables; what items told of a collection (extent, summaries, snapshot) stays.

        Raises:
            DatabaseError: the database does not answer, or has no pgSTAC.
        """
        with translated(self._settings):
            known = dict(self._connection.execute("SELECT id, content FROM collections").fetchall())
            renewed = [_renew(dict(collection), known.get(collection["id"])) for collection in collections]
            changed = [collection for collection in renewed if collection != known.get(collection["id"])]
            if changed:
                self._load("collections", changed)
                self._load_queryables()
            self._index_words()

    def load_items(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Add or replace items, then ask the database whether all of them are there as they were meant.

        Raises:
            DatabaseError: the database does not answer.
            ReceiptError: it does, and lacks items or holds others.
        """
        if not items:
            return
        with translated(self._settings):
            self._load("items", [{**item, "private": {COUNTED_KEY: _counted(item)}} for item in items])
            missing = self._missing(items)
        if missing:
            raise ReceiptError(
                f"{len(missing)} of {len(items)} items are not in pgSTAC as they were loaded: {', '.join(missing[:5])}."
            )

    def update_collections(self, only: Sequence[str] = ()) -> None:
        """Make the extent and summaries of collections those of their items, and the planner's statistics fresh.

        Args:
            only: ids of those that changed; all where none is given.
        """
        with translated(self._settings):
            update_collections(self._connection, only)

    def _load(self, kind: Literal["collections", "items"], documents: list[dict[str, Any]]) -> None:
        # Importing it costs a second (it can read from every cloud); a run that changes nothing never needs it.
        from pypgstac.load import Loader, Methods  # noqa: PLC0415

        loader = Loader(_Database(self._connection))
        load = loader.load_items if kind == "items" else loader.load_collections
        load(iter(documents), Methods.upsert)

    def _load_queryables(self) -> None:
        self._connection.execute(
            "SELECT upsert_queryables(%s::jsonb, NULL, %s::text[], false)", (Jsonb(queryables()), list(INDEXED))
        )

    def _index_words(self) -> None:
        indexed = self._connection.execute("SELECT to_regclass('items_words')").fetchone()
        if indexed is None or indexed[0] is None:
            self._connection.execute(_WORDS_INDEX)

    def _missing(self, items: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the ids of items that the database lacks, or holds with other properties or objects."""
        wanted: dict[str, dict[str, Receipt]] = defaultdict(dict)
        for item in items:
            checksums = {
                key: asset["file:checksum"] for key, asset in item["assets"].items() if "file:checksum" in asset
            }
            wanted[item["collection"]][item["id"]] = (item["properties"], checksums)
        differing: list[str] = []
        for collection_id, receipts in wanted.items():
            rows = self._connection.execute(_RECEIPT, (collection_id, list(receipts)))
            stored = {item_id: (properties, checksums or {}) for item_id, properties, checksums in rows}
            differing += [item_id for item_id, receipt in receipts.items() if stored.get(item_id) != receipt]
        return sorted(differing)


class _Database(PgstacDB):
    """pypgstac on a connection of ours, instead of a pool that it opens and leaves to the interpreter's exit."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__(connection=connection)
        self._own = connection

    def connect(self) -> psycopg.Connection[Any]:
        """Return the connection that was given."""
        return self._own


def _counted(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties that are counted, for pgSTAC's private column: a count need not unpack the whole item."""
    return {name: item["properties"][name] for name in COUNTED if name in item["properties"]}


def _renew(collection: dict[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(collection))
    if known:
        plain["extent"] = known["extent"]
        plain["summaries"] = known.get("summaries", {}) | plain.get("summaries", {})
        return with_asset(plain, asset_of(known))
    return plain
