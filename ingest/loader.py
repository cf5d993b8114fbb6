"""Ingested AOIs into the catalog, in batches: items first, then what is known of the AOI."""

from contextlib import AbstractContextManager, ExitStack, closing
from types import TracebackType
from typing import Final, Self

from catalog.collection import create_collections
from catalog.errors import DatabaseError
from catalog.pgstac import CatalogWriter, connect, translated
from catalog.settings import DatabaseSettings
from ingest.errors import StateError
from ingest.report import Report
from ingest.state import AoiState, load_states, save_states
from ingest.task import Ingested

BATCH_SIZE: Final = 200
"""Items of one copy into the database, about six AOIs."""
_LOCK: Final = 0x574F524C4453
"""Advisory lock that one ingest at a time holds ("WORLDS" in ASCII)."""


class CatalogLoader(AbstractContextManager["CatalogLoader"]):
    """Writes what workers made; leaving it writes what is left of the last batch."""

    def __init__(self, database: DatabaseSettings, report: Report) -> None:
        self._database = database
        self._report = report
        self._open = ExitStack()
        self._batch: list[tuple[Ingested, str]] = []
        self._known: dict[str, AoiState] = {}
        self._changed = False

    def __enter__(self) -> Self:
        """Return the loader itself, once it is the only one and the collections are there.

        Raises:
            StateError: another ingest writes this catalog.
            DatabaseError: the database does not answer, or has no pgSTAC.
        """
        with ExitStack() as stack:
            self._writer = stack.enter_context(CatalogWriter(self._database))
            self._connection = stack.enter_context(closing(connect(self._database)))
            self._lock()
            documents = [collection.to_dict(include_self_link=False) for collection in create_collections()]
            self._writer.load_collections(documents)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Load the last batch and close; an interrupted run keeps what it did."""
        with self._open:
            if not isinstance(error, DatabaseError):
                self.flush()
                if self._changed:
                    self._writer.update_collections()

    def states(self) -> dict[str, AoiState]:
        """Return what is known of every AOI whose items the catalog still holds."""
        with translated(self._database):
            self._known = load_states(self._connection)
        return self._known

    def add(self, ingested: Ingested, fingerprint: str) -> None:
        """Take one AOI; its items are loaded with their batch."""
        self._batch.append((ingested, fingerprint))
        if sum(len(one.items) for one, _ in self._batch) >= BATCH_SIZE:
            self.flush()

    def flush(self) -> None:
        """Load the batch, ask the database for its receipt, and only then note the AOIs as done.

        Raises:
            DatabaseError: the database does not answer.
            ReceiptError: it lacks items after the load.
        """
        states = [
            AoiState.of(ingested, fingerprint).keeping(self._known.get(ingested.aoi))
            for ingested, fingerprint in self._batch
        ]
        items = [item for ingested, _ in self._batch for item in ingested.items]
        self._batch.clear()
        if not states:
            return
        self._writer.load_items(items)
        with translated(self._database):
            save_states(self._connection, states)
        self._changed |= bool(items)
        for state in states:
            self._report.add(state)

    def _lock(self) -> None:
        with translated(self._database):
            row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
        if row is None or not row[0]:
            raise StateError("Another ingest is writing this catalog. Wait for its end, or stop it.")
