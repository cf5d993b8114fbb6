"""The whole catalog held against what was ingested: state, pgSTAC, schemas, and every object in the store."""

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from rich.console import Console

from catalog.connection import connect, translated
from catalog.constants import COLLECTION_MODELS, COLLECTION_SR, COLLECTIONS
from catalog.objects import ObjectStore
from catalog.progress import StepProgress
from catalog.settings import DatabaseSettings, StoreSettings
from catalog.stored import BATCH, StoredItems
from ingest.audit import Auditor, Batch, Meant, batch_of
from ingest.findings import Finding
from ingest.lock import lock_catalog
from ingest.object_audit import ObjectAuditor, named_objects
from ingest.runs_schema import ensure_tables
from ingest.validate import item_validator
from ingest.verification import Verification

OURS: Final = (*COLLECTIONS, COLLECTION_SR, COLLECTION_MODELS)
"""Collections whose objects are ours; what else a database holds is nobody's business here."""
AOIS_AT_ONCE: Final = 10
"""AOIs whose items are in memory at a time, about 330 items."""

_COUNT: Final = "SELECT count(*) FROM pgstac.items WHERE collection = ANY(%s)"
_NAMES: Final = (
    "SELECT aoi FROM worldstrat.aois WHERE items <> '{}' AND (%s::text[] IS NULL OR aoi = ANY(%s)) ORDER BY aoi"
)
_STATES: Final = "SELECT aoi, items FROM worldstrat.aois WHERE aoi = ANY(%s)"
# Items that no AOI's state names. Only their names: what they are is asked for a batch at a time.
_UNNAMED: Final = """
WITH known AS MATERIALIZED (
    SELECT c.key AS collection, i.key AS id
    FROM worldstrat.aois a, jsonb_each(a.items) c, jsonb_each(c.value) i
)
SELECT collection, id FROM pgstac.items i WHERE collection = ANY(%s)
    AND NOT EXISTS (SELECT FROM known k WHERE k.collection = i.collection AND k.id = i.id)
"""
_COLLECTIONS: Final = "SELECT content FROM pgstac.collections WHERE id = ANY(%s)"


@dataclass(frozen=True)
class Checks:
    """What is checked, and how."""

    database: DatabaseSettings
    """The catalog."""
    store: StoreSettings
    """Its objects."""
    quick: bool = False
    """Whether to compare the sizes of objects only."""
    schemas: Path | None = None
    """Folder with the extensions' schemas, for full validation."""


def verify(checks: Checks, console: Console) -> Verification:
    """Check the whole catalog; progress goes to the console, and nothing is changed.

    Raises:
        StateError: an ingest is at work, so that the catalog does not stand still.
        DatabaseError: the database does not answer.
        ObjectStoreError: the store does not.
    """
    with translated(checks.database), closing(connect(checks.database)) as connection:
        lock_catalog(connection)
        return examine(connection, checks, console)


def examine(
    connection: psycopg.Connection[Any], checks: Checks, console: Console, only: Collection[str] | None = None
) -> Verification:
    """Check a catalog whose lock this connection holds.

    Args:
        connection: to the catalog.
        checks: what to check.
        console: where progress goes.
        only: names of AOIs; everything, also what belongs to no AOI, where none are given.
    """
    started = time.monotonic()
    found = Verification(quick=checks.quick)
    with ObjectAuditor(ObjectStore.open(checks.store), quick=checks.quick) as objects:
        run = _Examination(connection, objects, checks)
        with StepProgress(console, "items", run.count() if only is None else None) as progress:
            for findings in run.parts(only, found):
                for finding in findings:
                    found.add(finding)
                progress.at(run.auditor.items, f"{found.counts.total():,} findings")
        found.items, found.objects, found.bytes = run.auditor.items, objects.objects, objects.bytes
    found.seconds = time.monotonic() - started
    return found


class _Examination:
    """One pass over a catalog."""

    def __init__(self, connection: psycopg.Connection[Any], objects: ObjectAuditor, checks: Checks) -> None:
        ensure_tables(connection)
        self._connection = connection
        self._objects = objects
        self.auditor = Auditor(StoredItems(connection), objects, item_validator(checks.schemas).check)

    def count(self) -> int:
        """Return how many items there are."""
        row = self._connection.execute(_COUNT, (list(OURS),)).fetchone()
        return row[0] if row else 0

    def parts(self, only: Collection[str] | None, found: Verification) -> Iterator[Iterable[Finding]]:
        """Yield the findings of a batch at a time."""
        for batch in self._known(only, found):
            yield self.auditor.check(batch)
        for batch in self._unnamed(OURS if only is None else COLLECTIONS):
            findings = self.auditor.check(batch)
            yield findings if only is None else [one for one in findings if one.aoi in only]
        if only is None:
            for (content,) in self._connection.execute(_COLLECTIONS, (list(OURS),)).fetchall():
                yield self._objects.check(named_objects(content, content["id"], ""))

    def _known(self, only: Collection[str] | None, found: Verification) -> Iterator[Batch]:
        """Yield what AOIs were ingested, some at a time."""
        asked = None if only is None else list(only)
        names = [name for (name,) in self._connection.execute(_NAMES, (asked, asked))]
        found.aois = len(names)
        for start in range(0, len(names), AOIS_AT_ONCE):
            yield batch_of(self._connection.execute(_STATES, (names[start : start + AOIS_AT_ONCE],)).fetchall())

    def _unnamed(self, collections: Collection[str]) -> Iterator[Batch]:
        """Yield the items that no state names, some at a time."""
        with self._connection.transaction(), self._connection.cursor("unnamed_items") as cursor:
            cursor.execute(_UNNAMED, (list(collections),))
            while pairs := cursor.fetchmany(BATCH):
                batch: dict[str, dict[str, Meant]] = {}
                for collection, item in pairs:
                    batch.setdefault(collection, {})[item] = Meant(None, None)
                yield batch
