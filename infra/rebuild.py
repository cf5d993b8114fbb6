"""A catalog rebuilt from its store alone: collections, items and what ingest knows of the places."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final

import psycopg
from rich.console import Console

from catalog.connection import connect, translated
from catalog.fingerprint import CatalogSum, catalog_hash, collection_hash
from catalog.objects import ObjectStore
from catalog.pgstac import CatalogWriter
from catalog.progress import StepProgress
from catalog.settings import DatabaseSettings, StoreSettings
from catalog.transcript import Document, Line, Transcript, newest_transcripts, read_transcript
from infra.errors import RestoreError
from infra.pgstac import prepare
from infra.replacement import replacement
from ingest.prune import Options as PruneOptions
from ingest.prune import Pruned, prune
from ingest.states import RebuiltStates
from ingest.verification import Verification
from ingest.verify import Checks, verify

BATCH: Final = 500
"""Items that are loaded at once."""


@dataclass(frozen=True)
class Rebuilt:
    """A catalog that was rebuilt."""

    transcripts: Sequence[Transcript]
    """What it was rebuilt from."""
    items: Mapping[str, int]
    """Items by collection."""
    catalog_hash: str
    """Hash of all of them."""
    verification: Verification
    """Whether all objects are there that its items name."""
    unnamed: Pruned
    """Objects of the store that no item names: `young` are newer than the oldest of the transcripts."""
    kept: str | None
    """Database that holds the catalog of before; None where there was none."""

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as JSON has it."""
        return {
            "items": dict(self.items),
            "catalog_hash": self.catalog_hash,
            "transcripts": {one.collection: one.moment.isoformat() for one in self.transcripts},
            "verification": self.verification.to_json(),
            "newer_objects": self.unnamed.young,
            "older_objects": self.unnamed.objects,
            "kept": self.kept,
        }


def rebuild(database: DatabaseSettings, store: StoreSettings, console: Console, *, force: bool) -> Rebuilt:
    """Rebuild the catalog from the newest transcript of each collection; it is whole, or nothing has changed.

    Args:
        database: where the catalog shall be; the database need not exist.
        store: the objects, and the transcripts beside them.
        console: where progress goes.
        force: take the place also of a catalog that is not empty.

    Raises:
        RestoreError: the store holds no transcript, or what came of one is not what it was of.
        TranscriptError: one is not whole.
        WorldStratError: the database or the store failed.
    """
    objects = ObjectStore.open(store)
    transcripts = sorted(newest_transcripts(objects).values(), key=lambda one: one.moment, reverse=True)
    if not transcripts:
        raise RestoreError(
            f"{store.url} holds no transcript of a collection: `worldstrat ingest` and `worldstrat snapshot` write "
            "them. Restore a backup, or ingest the dataset again."
        )
    with replacement(database, force=force) as place:
        prepare(place.settings)
        filled = _fill(place.settings, objects, transcripts, console)
        checked = verify(Checks(place.settings, store, quick=True), console)
        unnamed = _unnamed(place.settings, store, transcripts[-1].moment, console)
    return Rebuilt(transcripts, filled.items, filled.total.hexdigest(), checked, unnamed, place.kept)


def _fill(
    database: DatabaseSettings, store: ObjectStore, transcripts: Sequence[Transcript], console: Console
) -> "_Filling":
    """Load all transcripts, and give the planner its statistics."""
    with (
        translated(database),
        CatalogWriter(database) as writer,
        closing(connect(database)) as connection,
        StepProgress(console, "items", None) as progress,
    ):
        filling = _Filling(writer, connection, progress)
        for transcript in transcripts:
            filling.fill(transcript.collection, read_transcript(store, transcript))
        connection.execute("SET default_statistics_target = 10")
        connection.execute("ANALYZE")
    return filling


def _unnamed(database: DatabaseSettings, store: StoreSettings, moment: datetime, console: Console) -> Pruned:
    """Count the objects that no item names, those since a moment by themselves."""
    # Of an empty catalog nobody can tell whether the store is its own.
    with translated(database), closing(connect(database)) as connection:
        row = connection.execute("SELECT EXISTS (SELECT FROM pgstac.items)").fetchone()
    if row is None or not row[0]:
        return Pruned()
    since = datetime.now(UTC) - moment
    return prune(PruneOptions(database, store, older_than=since, dry_run=True), console)


class _Filling:
    """A database on its way from empty to rebuilt."""

    def __init__(self, writer: CatalogWriter, connection: psycopg.Connection[Any], progress: StepProgress) -> None:
        self._writer, self._connection, self._progress = writer, connection, progress
        self._states: RebuiltStates | None = None
        self.items: dict[str, int] = {}
        """Items by collection."""
        self.total = CatalogSum()
        """Their hash."""

    def fill(self, collection_id: str, lines: Iterator[Line]) -> None:
        """Load a transcript; those of the newest moment come first.

        Raises:
            RestoreError: what the database holds then is not what was loaded.
            WorldStratError: the transcript is not whole, or the database failed.
        """
        self.items[collection_id] = 0
        for kind, documents in _by_kind(lines):
            if kind == "opening":
                opening = documents[0]
                self._writer.load_collections([opening["collection"]])
            elif kind == "item":
                self._writer.load_items(documents)
                self.items[collection_id] += len(documents)
                self._progress.at(sum(self.items.values()))
            elif kind == "note":
                self._note(opening["software"], documents)
            else:
                self._compare(opening["collection"], documents[0]["hash"])

    def _note(self, software: str, notes: list[Document]) -> None:
        if self._states is None:
            self._states = RebuiltStates(self._connection, software)
        with self._connection.transaction():
            for note in notes:
                self._states.add(note)

    def _compare(self, collection: Document, items: str) -> None:
        name = collection["id"]
        row = self._connection.execute("SELECT content FROM pgstac.collections WHERE id = %s", (name,)).fetchone()
        there = row and collection_hash(row[0]), catalog_hash(self._connection, [name])
        if there != (collection_hash(collection), items):
            raise RestoreError(f"What came of the transcript of {name} is not what it was of.")
        self.total.join(items)


def _by_kind(lines: Iterator[Line]) -> Iterator[tuple[str, list[Document]]]:
    """Yield lines of a kind together, a bounded number of them."""
    for kind, several in groupby(lines, key=itemgetter(0)):
        documents = (document for _, document in several)
        while batch := list(islice(documents, BATCH)):
            yield kind, batch
