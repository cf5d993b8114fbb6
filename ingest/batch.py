"""Items into the catalog, with the links and the receipt of a run: what a run without work need not import."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

import psycopg

from catalog.collection import create_collections
from catalog.connection import translated
from catalog.fingerprint import item_hash
from catalog.objects import ObjectStore
from catalog.pgstac import CatalogWriter
from catalog.settings import DatabaseSettings
from catalog.stored import StoredItems
from ingest.plan import Found
from ingest.receipt import take_receipt
from ingest.relations import join
from ingest.state import AoiState, kept_items
from ingest.task import Ingested

Batch = Sequence[tuple[Ingested, Found]]


class BatchWriter(AbstractContextManager["BatchWriter"]):
    """Writes the items of some AOIs at a time."""

    def __init__(self, database: DatabaseSettings, connection: psycopg.Connection[Any]) -> None:
        self._database = database
        self._connection = connection
        self._writer = CatalogWriter(database)

    def __enter__(self) -> Self:
        """Return the writer itself, once the collections are what this version says of them."""
        try:
            documents = [collection.to_dict(include_self_link=False) for collection in create_collections()]
            self._writer.load_collections(documents)
        except BaseException:
            self._writer.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection of its own."""
        self._writer.__exit__(kind, error, trace)

    def write(self, batch: Batch) -> list[AoiState]:
        """Load the items of some AOIs, linked with those kept of earlier runs; return what is now known of the AOIs.

        Raises:
            DatabaseError: the database does not answer.
            ReceiptError: it lacks items after the load.
        """
        items = [item for ingested, _ in batch for item in ingested.items]
        kept = _kept(batch)
        if kept:
            with translated(self._database):
                stored = list(StoredItems(self._connection).some(kept))
            made, renewed = join(items, stored)
            items = made + renewed
        self._writer.load_items(items)
        hashes = {(item["collection"], item["id"]): item_hash(item) for item in items}
        return [_state(ingested, found, hashes) for ingested, found in batch]

    def finish(self) -> None:
        """Make extents and summaries those of the items."""
        self._writer.update_collections()

    def receipt(self, run: int, store: ObjectStore) -> str:
        """Read back all that a run has brought, and say so.

        Raises:
            ReceiptError: pgSTAC or the store holds something else than what was meant.
        """
        with translated(self._database):
            return str(take_receipt(self._connection, run, store))


def _kept(batch: Batch) -> dict[str, list[str]]:
    """Return ids, by collection, of items that the AOIs have from earlier runs and do not bring again."""
    kept: dict[str, list[str]] = {}
    for ingested, found in batch:
        for collection, held in kept_items(found.state, _made(ingested)).items():
            kept.setdefault(collection, []).extend(held)
    return kept


def _state(ingested: Ingested, found: Found, hashes: Mapping[tuple[str, str], str]) -> AoiState:
    made = {name: {i: hashes[name, i] for i in ids} for name, ids in _made(ingested).items()}
    state = AoiState.of(ingested, found.fingerprints, made).joined(found.state, found.fingerprints)
    return state.with_hashes(hashes)


def _made(ingested: Ingested) -> dict[str, list[str]]:
    """Return the ids of the items that an AOI brings, by collection."""
    made: dict[str, list[str]] = {}
    for item in ingested.items:
        made.setdefault(item["collection"], []).append(item["id"])
    return made
