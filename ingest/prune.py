"""Objects that no item names, taken out of the store: older versions, and what killed runs left."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import psycopg
from obstore.store import LocalStore
from rich.console import Console

from catalog.connection import connect, translated
from catalog.keys import STORED, ObjectKey
from catalog.objects import ObjectMeta, ObjectStore
from catalog.progress import StepProgress
from catalog.settings import DatabaseSettings, StoreSettings
from ingest.errors import StateError
from ingest.lock import lock_catalog

YOUNG: Final = timedelta(hours=1)
"""Age up to which an object is kept: whoever stores one puts it before the item that names it."""

# Every key that an item or a collection names, whichever collection that is: below this store as the href says it, else
# (the store of ours by another address) from the id of its own collection on. In the database and not here: a catalog
# of millions of items names more keys than fit in memory.
_NAMED: Final = """
CREATE TEMPORARY TABLE named AS
SELECT DISTINCT href, CASE
    WHEN starts_with(href, %(store)s) THEN substr(href, length(%(store)s) + 1)
    ELSE substring(href FROM '^(?:.*/)?(' || id || '/.*)$')
END AS key
FROM (
    SELECT c.id, a.value->>'href' AS href
    FROM (
        SELECT collection AS id, content->'assets' AS assets FROM pgstac.items
        UNION ALL SELECT id, content->'assets' FROM pgstac.collections
    ) c, jsonb_each(CASE jsonb_typeof(c.assets) WHEN 'object' THEN c.assets ELSE '{}' END) a
    OFFSET 0
) asset
WHERE starts_with(href, %(store)s) OR id = ANY(%(ours)s)
"""
_HERE: Final = "SELECT EXISTS (SELECT FROM named WHERE starts_with(href, %s))"
_UNNAMED: Final = (
    "SELECT key FROM unnest(%s::text[]) AS l (key) WHERE NOT EXISTS (SELECT FROM named n WHERE n.key = l.key)"
)
_UNFINISHED: Final = re.compile(r".+#\d+")
"""How a folder's file is called while it is written."""


@dataclass(frozen=True)
class Options:
    """What is pruned, and how."""

    database: DatabaseSettings
    """The catalog."""
    store: StoreSettings
    """Its objects."""
    older_than: timedelta = YOUNG
    """Objects younger than this are kept."""
    dry_run: bool = False
    """Whether to count only."""
    force: bool = False
    """Whether to remove also where more would go than stay."""


@dataclass
class Pruned:
    """What was, or would be, taken out of the store."""

    objects: int = 0
    """Objects that no item names."""
    bytes: int = 0
    """Their bytes."""
    unfinished: int = 0
    """Files that a killed process left half written; no reader ever sees them."""
    young: int = 0
    """Objects that no item names yet, too young to be taken out."""
    strange: int = 0
    """Objects that the catalog could not have written, left alone."""
    kept: int = 0
    """Objects that an item, or a collection, names."""
    kept_bytes: int = 0
    """Their bytes."""

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON has them."""
        return asdict(self)


def prune(options: Options, console: Console) -> Pruned:
    """Take out of the store what no item names; progress goes to the console.

    Raises:
        StateError: an ingest is at work, the catalog names nothing in this store, or more would go than stay: it is
            another's, or has been ingested anew in part.
        DatabaseError: the database does not answer.
        ObjectStoreError: the store does not.
    """
    before = datetime.now(UTC) - options.older_than
    store = ObjectStore.open(options.store)
    with translated(options.database), closing(connect(options.database)) as connection:
        lock_catalog(connection)
        connection.execute(_NAMED, {"ours": list(STORED), "store": store.href("")})
        connection.execute("CREATE INDEX ON named USING hash (key)")
        connection.execute("ANALYZE named")
        with StepProgress(console, "objects", None) as progress:
            pruned = _walk(connection, store, before, progress, remove=False)
            if not options.dry_run:
                if pruned.objects > pruned.kept and not options.force:
                    raise _too_many(pruned, store)
                pruned = _walk(connection, store, before, progress, remove=True)
    for path in _unfinished(store, before):
        pruned.unfinished += 1
        if not options.dry_run:
            path.unlink(missing_ok=True)
    return pruned


def _walk(
    connection: psycopg.Connection[Any], store: ObjectStore, before: datetime, progress: StepProgress, *, remove: bool
) -> Pruned:
    """Look at every object once; count it, and remove it where it goes and that is asked for."""
    pruned = Pruned()
    for page in _pages(store):
        _refuse_strangers(connection, store, pruned)
        _sort(connection, page, before, pruned, store if remove else None)
        progress.at(pruned.kept + pruned.objects + pruned.young, f"{pruned.objects:,} named by no item")
    return pruned


def _too_many(pruned: Pruned, store: ObjectStore) -> StateError:
    return StateError(
        f"{pruned.objects:,} objects in {store.url} would be removed and only {pruned.kept:,} stay. Is the catalog "
        "whole (`worldstrat verify`), and that of this store? --force removes them."
    )


def _pages(store: ObjectStore) -> Iterator[Sequence[ObjectMeta]]:
    """Yield what lies below the collections' prefixes, and nothing else."""
    for collection in STORED:
        yield from store.pages(collection)


def _refuse_strangers(connection: psycopg.Connection[Any], store: ObjectStore, pruned: Pruned) -> None:
    """Make sure, before the first object is judged, that this catalog is the one that the store belongs to."""
    if pruned.kept or pruned.objects:
        return
    row = connection.execute(_HERE, (store.href(""),)).fetchone()
    if row is None or not row[0]:
        raise StateError(
            f"No item of this catalog names an object in {store.url}, so all of them would be removed. "
            "Is it the catalog of this store?"
        )


def _sort(
    connection: psycopg.Connection[Any],
    page: Sequence[ObjectMeta],
    before: datetime,
    pruned: Pruned,
    store: ObjectStore | None,
) -> None:
    """Count the objects of a page, and remove from `store` those that go."""
    unnamed = {key for (key,) in connection.execute(_UNNAMED, ([meta.key for meta in page],))}
    kept = [meta for meta in page if meta.key not in unnamed]
    pruned.kept += len(kept)
    pruned.kept_bytes += sum(meta.size for meta in kept)
    going: list[ObjectMeta] = []
    for meta in page:
        if meta.key not in unnamed:
            continue
        if ObjectKey.parse(meta.key) is None:
            pruned.strange += 1
        elif meta.modified is None or meta.modified > before:
            pruned.young += 1
        else:
            going.append(meta)
    if going and store is not None:
        store.delete_all([meta.key for meta in going])
    pruned.objects += len(going)
    pruned.bytes += sum(meta.size for meta in going)


def _unfinished(store: ObjectStore, before: datetime) -> Iterator[Path]:
    """Yield files that nobody is writing any more; a bucket shows no such thing."""
    if not isinstance(store.raw, LocalStore):
        return
    root = Path(unquote(urlsplit(store.url).path))
    for collection in STORED:
        for path in (root / collection).rglob("*#*"):
            if _UNFINISHED.fullmatch(path.name) and path.is_file() and path.stat().st_mtime < before.timestamp():
                yield path
