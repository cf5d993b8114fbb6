"""What is known of every AOI: a table beside pgSTAC that makes a second run quick and a killed one go on."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from catalog.metadata import Aoi, Problem
from ingest.source import AoiFiles
from ingest.task import Ingested

FORMAT = 1
"""Version of what ingest makes of a file; a higher one makes every AOI new."""

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS worldstrat;
CREATE TABLE IF NOT EXISTS worldstrat.ingested_aois (
    aoi text PRIMARY KEY,
    fingerprint text NOT NULL,
    items jsonb NOT NULL,
    files integer NOT NULL,
    bytes_in bigint NOT NULL,
    bytes_out bigint NOT NULL,
    failures jsonb NOT NULL,
    notes jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE worldstrat.ingested_aois IS 'The last ingest of every AOI of the published dataset.';
"""
# An AOI is known only as long as pgSTAC still holds all of its items.
_SELECT = """
WITH listed AS (
    SELECT a.aoi, collection, item
    FROM worldstrat.ingested_aois a, jsonb_each(a.items) AS c (collection, ids), jsonb_array_elements_text(ids) AS item
), gone AS (
    SELECT DISTINCT aoi FROM listed l
    WHERE NOT EXISTS (SELECT FROM pgstac.items i WHERE i.collection = l.collection AND i.id = l.item)
)
SELECT aoi, fingerprint, items, files, bytes_in, bytes_out, failures, notes
FROM worldstrat.ingested_aois WHERE aoi NOT IN (SELECT aoi FROM gone)
"""
_UPSERT = """
INSERT INTO worldstrat.ingested_aois (aoi, fingerprint, items, files, bytes_in, bytes_out, failures, notes)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (aoi) DO UPDATE SET (fingerprint, items, files, bytes_in, bytes_out, failures, notes, updated_at) =
    (excluded.fingerprint, excluded.items, excluded.files, excluded.bytes_in, excluded.bytes_out, excluded.failures,
     excluded.notes, now())
"""


@dataclass(frozen=True)
class AoiState:
    """What came of the last ingest of one AOI, without the items themselves."""

    aoi: str
    """Name of the AOI."""
    fingerprint: str
    """Fingerprint of what it was made of."""
    items: dict[str, list[str]]
    """Ids of its items by collection."""
    files: int
    """Published files that became objects."""
    bytes_in: int
    """Bytes of these files."""
    bytes_out: int
    """Bytes of the objects."""
    failures: tuple[Problem, ...]
    """Files that were refused."""
    notes: tuple[Problem, ...]
    """Oddities that were accepted."""

    @classmethod
    def of(cls, ingested: Ingested, fingerprint: str) -> "AoiState":
        """Return the state that an ingest leaves behind."""
        items: dict[str, list[str]] = {}
        for item in ingested.items:
            items.setdefault(item["collection"], []).append(item["id"])
        return cls(
            ingested.aoi,
            fingerprint,
            items,
            ingested.files,
            ingested.bytes_in,
            ingested.bytes_out,
            ingested.failures,
            ingested.notes,
        )

    def keeping(self, earlier: "AoiState | None") -> "AoiState":
        """Return this state with the items of an earlier one that this ingest did not make again, and a note of them.

        They stay in the catalog: their files may lie in another folder (the dataset comes in several archives), or be
        damaged only now.
        """
        made = {item for ids in self.items.values() for item in ids}
        kept = (
            {} if earlier is None else {name: [i for i in ids if i not in made] for name, ids in earlier.items.items()}
        )
        count = sum(len(ids) for ids in kept.values())
        if not count:
            return self
        items = {name: [*self.items.get(name, []), *kept.get(name, [])] for name in {**self.items, **kept}}
        note = Problem(self.aoi, "", f"{count} items of earlier runs, without good files here, stay in the catalog")
        return replace(self, items={name: ids for name, ids in items.items() if ids}, notes=(*self.notes, note))

    @property
    def item_counts(self) -> Counter[str]:
        """Number of items by collection."""
        return Counter({collection: len(ids) for collection, ids in self.items.items()})

    def is_done(self, fingerprint: str) -> bool:
        """Tell whether there is nothing to do: same inputs, and nothing failed."""
        return self.fingerprint == fingerprint and not self.failures


def fingerprint(aoi: Aoi, files: AoiFiles, store_url: str) -> str:
    """Return a digest of all that an AOI is made of: its rows, and names, sizes and versions of its files."""
    digest = hashlib.sha256(f"{FORMAT}\n{store_url}\n{aoi!r}".encode())
    for file in files.files:
        digest.update(f"\n{file.name}\t{file.size}\t{file.version}".encode())
    return digest.hexdigest()


def load_states(connection: psycopg.Connection[Any]) -> dict[str, AoiState]:
    """Return the state of every AOI whose items pgSTAC still holds, by name; make the table where it is missing."""
    connection.execute(_SCHEMA)
    return {row[0]: _from_row(row) for row in connection.execute(_SELECT)}


def save_states(connection: psycopg.Connection[Any], states: Sequence[AoiState]) -> None:
    """Write the state of AOIs whose items are in pgSTAC."""
    with connection.cursor() as cursor:
        cursor.executemany(_UPSERT, [_to_row(state) for state in states])


def _from_row(row: tuple[Any, ...]) -> AoiState:
    aoi, digest, items, files, bytes_in, bytes_out, *problems = row
    failures, notes = (tuple(Problem(**problem) for problem in column) for column in problems)
    return AoiState(aoi, digest, items, files, bytes_in, bytes_out, failures, notes)


def _to_row(state: AoiState) -> tuple[Any, ...]:
    failures, notes = (Jsonb([asdict(problem) for problem in column]) for column in (state.failures, state.notes))
    return (
        state.aoi,
        state.fingerprint,
        Jsonb(state.items),
        state.files,
        state.bytes_in,
        state.bytes_out,
        failures,
        notes,
    )
