"""Which collections have other items than their snapshots and transcripts, and renewing those."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from catalog.connection import connect, translated
from catalog.constants import COLLECTIONS
from catalog.keys import STORED
from catalog.objects import ObjectStore
from catalog.settings import DatabaseSettings, StoreSettings
from catalog.snapshot import Snapshot, asset_of, write_snapshot
from catalog.transcript import newest_transcripts, write_transcript
from ingest.errors import ExportError, StateError
from ingest.inputs import software_version
from ingest.lock import lock_catalog
from ingest.runs_schema import tables_to_read
from ingest.states import notes_of

QUICK: Final = 10_000
"""Items of which a snapshot takes some seconds: it is renewed with every change."""
SHARE: Final = 0.05
"""Part of a larger collection that has to be different before an ingest takes the minutes of a new snapshot."""
OLD: Final = (
    "{changed:,} of {items:,} items of {collection} are newer than its snapshot; `worldstrat snapshot` renews it."
)

_CHANGED: Final = """
SELECT coalesce(sum((SELECT count(*) FROM jsonb_object_keys(items->%(id)s))), 0)::bigint
FROM worldstrat.aoi_runs
WHERE status IN ('done', 'partial') AND items ? %(id)s AND finished > coalesce(%(since)s::timestamptz, '-infinity')
"""


@dataclass(frozen=True)
class Standing:
    """A collection and its snapshot."""

    collection: str
    """Id of the collection."""
    items: int
    """Items that it has."""
    changed: int
    """Items that were ingested since its snapshot; all of what comes by other ways, of which nobody keeps a book."""
    created: datetime | None
    """Moment of the snapshot; None where there is none."""

    @property
    def is_outdated(self) -> bool:
        """Whether the snapshot, or its absence, does not tell of the items as they are."""
        return self.changed > 0 or (self.created is None) != (self.items == 0)

    @property
    def is_worth_it(self) -> bool:
        """Whether an ingest should renew the snapshot before it ends."""
        return self.is_outdated and (self.items <= QUICK or self.created is None or self.changed > SHARE * self.items)


def keep_snapshots(database: DatabaseSettings, settings: StoreSettings) -> list[str]:
    """Renew the snapshots that an ingest has made old, where that is worth its time; return what is to be said.

    Raises:
        WorldStratError: the database or the store failed.
    """
    with translated(database), closing(connect(database)) as connection:
        store = ObjectStore.open(settings)
        old = [standing for standing in standings(connection, COLLECTIONS) if standing.is_outdated]
        worth = [standing.collection for standing in old if standing.is_worth_it]
        lacking = _lacking(connection, store)
        if (worth or lacking) and _is_ours(connection):
            _renew(connection, store, worth, lacking)
            old = [standing for standing in old if not standing.is_worth_it]
    return [OLD.format(collection=one.collection, changed=one.changed, items=one.items) for one in old]


def _is_ours(connection: psycopg.Connection[Any]) -> bool:
    """Take the catalog's lock; an ingest that has done its work does not fail where another has begun meanwhile."""
    try:
        lock_catalog(connection)
    except StateError:
        return False
    return True


def renew_snapshots(
    database: DatabaseSettings, settings: StoreSettings, collections: Sequence[str], *, force: bool
) -> list[Snapshot]:
    """Renew the snapshots of collections that have other items now.

    Args:
        database: where items are.
        settings: of the store.
        collections: ids; where none are given, all for transcripts, and of these our own for snapshots.
        force: renew also those that tell of the items as they are.

    Raises:
        ExportError: the catalog lacks a collection.
        WorldStratError: the database or the store failed, or another process writes the catalog.
    """
    with translated(database), closing(connect(database)) as connection:
        lock_catalog(connection)
        store = ObjectStore.open(settings)
        known = standings(connection, collections or tuple(STORED))
        unknown = sorted(set(collections) - {standing.collection for standing in known})
        if unknown:
            raise ExportError(f"The catalog has no collection {', '.join(unknown)}.")
        names = [one.collection for one in known if force or one.is_outdated]
        return _renew(connection, store, names, [] if collections else _lacking(connection, store, unwatched=True))


def standings(connection: psycopg.Connection[Any], collections: Sequence[str]) -> list[Standing]:
    """Return how the snapshots of those of these collections that there are stand to their items."""
    rows = connection.execute(
        "SELECT id, content, (SELECT count(*) FROM pgstac.items WHERE collection = c.id) "
        "FROM pgstac.collections AS c WHERE id = ANY(%s) ORDER BY id",
        (list(collections),),
    ).fetchall()
    with tables_to_read(connection):
        return [_standing(connection, *row) for row in rows]


def _standing(connection: psycopg.Connection[Any], collection_id: str, content: dict[str, Any], items: int) -> Standing:
    asset = asset_of(content)
    created = None if asset is None else datetime.fromisoformat(asset["created"])
    if collection_id not in COLLECTIONS:
        return Standing(collection_id, items, items, created)
    row = connection.execute(_CHANGED, {"id": collection_id, "since": created}).fetchone()
    return Standing(collection_id, items, int(row[0]) if row else 0, created)


def _lacking(connection: psycopg.Connection[Any], store: ObjectStore, *, unwatched: bool = False) -> list[str]:
    """Return the collections without a transcript, and if wanted those of whose changes nobody keeps a book."""
    known = newest_transcripts(store)
    rows = connection.execute("SELECT id FROM pgstac.collections ORDER BY id")
    return [name for (name,) in rows if name not in known or (unwatched and name not in COLLECTIONS)]


def _renew(
    connection: psycopg.Connection[Any], store: ObjectStore, names: Sequence[str], lacking: Sequence[str]
) -> list[Snapshot]:
    """Write snapshots, and after them the transcripts, which name them, of these and of others."""
    made = []
    for name in dict.fromkeys((*names, *lacking)):
        try:
            if name in names and (snapshot := write_snapshot(connection, store, name)) is not None:
                made.append(snapshot)
        finally:
            write_transcript(connection, store, name, software_version(), notes_of)
    return made
