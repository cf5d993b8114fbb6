"""A catalog's items brought to this version of our extension: rewritten, or marked for the next ingest."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb
from rich.console import Console

from catalog.collection import create_collections
from catalog.connection import connect, translated
from catalog.extension import SCHEMA_URI
from catalog.fingerprint import item_hash
from catalog.keys import STORED
from catalog.pgstac import CatalogWriter
from catalog.progress import StepProgress
from catalog.revisions import PREFIX, revised, version_of
from catalog.settings import DatabaseSettings
from catalog.stored import Item, StoredItems
from ingest.audit import aoi_of
from ingest.findings import Finding
from ingest.marks import mark
from ingest.runs import RunEnd, Runs

BATCH: Final = 200
"""Items that are in memory, and rewritten in one transaction, at a time."""
_OLD: Final = """
SELECT collection, id FROM pgstac.items
WHERE collection = ANY(%(ours)s) AND NOT content->'stac_extensions' ? %(uri)s
    AND EXISTS (SELECT FROM jsonb_array_elements_text(content->'stac_extensions') AS e WHERE starts_with(e, %(prefix)s))
ORDER BY collection, id
"""
_STATES: Final = "SELECT aoi, items FROM worldstrat.aois WHERE aoi = ANY(%s)"
_SAVE: Final = """
INSERT INTO worldstrat.aoi_runs
    (run, aoi, status, version, fingerprints, items, files, bytes_in, bytes_out, seconds, failures, notes)
SELECT %(run)s, aoi, status, version, fingerprints, %(items)s, files, bytes_in, bytes_out, seconds, failures, notes
FROM worldstrat.aois WHERE aoi = %(aoi)s
ON CONFLICT (run, aoi) DO UPDATE SET items = excluded.items
"""


@dataclass
class Revised:
    """What became of items of older versions."""

    found: int = 0
    """Items of older versions."""
    rewritten: int = 0
    """Those that follow this version now."""
    marked: list[str] = field(default_factory=list)
    """Places that the next ingest makes again, since only their files tell what is new."""


def count_old(connection: psycopg.Connection[Any]) -> int:
    """Return how many of our items follow another version of the extension."""
    return len(_old(connection))


def revise(database: DatabaseSettings, console: Console) -> Revised:
    """Bring items to this version of the extension while readers go on: each is the old one or the new one.

    Raises:
        StateError: another process writes the catalog.
        DatabaseError: the database does not answer.
    """
    outcome = Revised()
    with translated(database), closing(connect(database)) as connection:
        old = _old(connection)
        outcome.found = len(old)
        if not old:
            return outcome
        runs = Runs(connection)
        runs.open([], {"upgrade": True})
        with CatalogWriter(database) as writer, StepProgress(console, "items", len(old)) as progress:
            writer.load_collections([one.to_dict(include_self_link=False) for one in create_collections()])
            for start in range(0, len(old), BATCH):
                _Batch(connection, writer, runs.run, outcome).take(old[start : start + BATCH])
                progress.at(start + BATCH)
        told = [f"Items brought to {SCHEMA_URI}: {outcome.rewritten}; places to be made again: {len(outcome.marked)}."]
        runs.close(RunEnd("done", remarks=told))
    return outcome


def _old(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    given = {"ours": list(STORED), "uri": SCHEMA_URI, "prefix": PREFIX}
    return [(collection, item) for collection, item in connection.execute(_OLD, given)]


class _Batch:
    """Some items on their way to this version."""

    def __init__(self, connection: psycopg.Connection[Any], writer: CatalogWriter, run: int, outcome: Revised) -> None:
        self._connection, self._writer, self._run, self._outcome = connection, writer, run, outcome

    def take(self, names: list[tuple[str, str]]) -> None:
        """Rewrite what can be rewritten, note its hashes, and mark the places of the others."""
        ids: dict[str, list[str]] = defaultdict(list)
        for collection, item_id in names:
            ids[collection].append(item_id)
        made: list[Item] = []
        left: dict[str, list[Finding]] = defaultdict(list)
        for item in StoredItems(self._connection).some(ids):
            if (changed := revised(item)) is not None:
                made.append(changed)
            else:
                left[aoi_of(item)].append(_finding(item))
        self._writer.load_items(made)
        self._outcome.rewritten += len(made)
        for aoi, items in self._noted(made):
            self._connection.execute(_SAVE, {"run": self._run, "aoi": aoi, "items": Jsonb(items)})
        marked = mark(self._connection, self._run, {aoi: findings for aoi, findings in left.items() if aoi})
        self._outcome.marked += [aoi for aoi in marked if aoi not in self._outcome.marked]

    def _noted(self, made: list[Item]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the places of items with the hashes that these have now."""
        hashes = {(item["collection"], item["id"]): item_hash(item) for item in made}
        for aoi, known in self._connection.execute(_STATES, (list({aoi_of(item) for item in made}),)).fetchall():
            yield (
                aoi,
                {
                    name: {i: hashes.get((name, i), value) for i, value in items.items()}
                    for name, items in known.items()
                },
            )


def _finding(item: Item) -> Finding:
    reason = f"it follows {version_of(item)}, and only its files tell what {SCHEMA_URI} asks for"
    return Finding("changed item", aoi_of(item), item["collection"], item["id"], "", reason)
