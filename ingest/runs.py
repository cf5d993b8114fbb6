"""The book of runs: a row per run, and a row per AOI and run, from which the state of every AOI follows."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import psycopg
from psycopg.types.json import Jsonb

from catalog.metadata import Problem
from ingest.inputs import software_version
from ingest.lock import LOCK, lock_catalog
from ingest.names import as_text
from ingest.runs_schema import ensure_tables
from ingest.state import AoiState

RunStatus = Literal["running", "done", "partial", "failed", "interrupted", "lost"]
Untouched = Literal["skipped", "absent"]

_STATES: Final = """
SELECT aoi, fingerprints, items, files, bytes_in, bytes_out, failures, notes, seconds
FROM worldstrat.aois WHERE aoi = ANY(%s)
"""
_PRESENT: Final = "SELECT id FROM pgstac.items WHERE collection = %s AND id = ANY(%s)"
_SAVE: Final = """
INSERT INTO worldstrat.aoi_runs
    (run, aoi, status, version, fingerprints, items, files, bytes_in, bytes_out, failures, notes, seconds)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_SAVE_UNTOUCHED: Final = """
INSERT INTO worldstrat.aoi_runs (run, aoi, status, version, notes)
SELECT %s, u.aoi, u.status, %s, u.notes::jsonb FROM unnest(%s::text[], %s::text[], %s::text[]) AS u (aoi, status, notes)
ON CONFLICT DO NOTHING
"""
_IS_HELD: Final = """
SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
    WHERE locktype = 'advisory' AND datname = current_database() AND objsubid = 1
        AND (classid::bigint << 32 | objid::bigint) = %s
)
"""


@dataclass(frozen=True)
class RunEnd:
    """How a run ended."""

    status: RunStatus
    """Its outcome."""
    error: str | None = None
    """What ended it early."""
    failures: Sequence[Problem] = ()
    """What of the source as a whole could not be read."""
    notes: Sequence[Problem] = ()
    """What is to be said of AOIs that only the whole run shows."""
    remarks: Sequence[str] = ()
    """What is to be said of the run as a whole."""


class Runs:
    """The runs of one catalog, on a connection of its writer that commits each statement."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.run = 0
        """Number of the run that was opened."""

    def open(self, sources: Sequence[str], options: Mapping[str, Any]) -> bool:
        """Begin a run; one that left its row open, and no longer holds the lock, was lost.

        Returns:
            whether the last run came to its end, and with this very version.

        Raises:
            StateError: another process writes this catalog, and goes on doing so.
        """
        lock_catalog(self._connection)
        ensure_tables(self._connection)
        self._connection.execute("UPDATE worldstrat.runs SET status = 'lost' WHERE status = 'running'")
        last = self._connection.execute(
            "SELECT status, version FROM worldstrat.runs ORDER BY run DESC LIMIT 1"
        ).fetchone()
        begun = self._connection.execute(
            "INSERT INTO worldstrat.runs (sources, options, version) VALUES (%s, %s, %s) RETURNING run",
            (list(sources), Jsonb(dict(options)), software_version()),
        ).fetchone()
        self.run = begun[0] if begun else 0
        return last in {("done", software_version()), ("partial", software_version())}

    def close(self, end: RunEnd) -> None:
        """Write how the run ended."""
        self._connection.execute(
            """
            UPDATE worldstrat.runs SET finished = clock_timestamp(), status = %s, error = %s, failures = %s, notes = %s,
                remarks = %s
            WHERE run = %s
            """,
            (end.status, end.error, _jsonb(end.failures), _jsonb(end.notes), Jsonb(list(end.remarks)), self.run),
        )

    def count(self, counts: Mapping[str, Any]) -> None:
        """Keep the sums of the run, for lists of runs."""
        self._connection.execute(
            "UPDATE worldstrat.runs SET counts = %s WHERE run = %s", (Jsonb(dict(counts)), self.run)
        )

    def states(self, names: Sequence[str]) -> dict[str, AoiState]:
        """Return what is known of these AOIs; one that has lost items in pgSTAC counts as made of nothing."""
        states = [_from_row(row) for row in self._connection.execute(_STATES, (list(names),)).fetchall()]
        ids: dict[str, list[str]] = defaultdict(list)
        for state in states:
            for collection, hashes in state.items.items():
                ids[collection].extend(hashes)
        # By lists of ids, since joined with the whole catalog they would be looked up by reading all of it.
        present = {name: {i for (i,) in self._connection.execute(_PRESENT, (name, ids[name]))} for name in ids}
        return {state.aoi: state.without_lost(present) for state in states}

    def failed(self) -> list[str]:
        """Return the names of the AOIs whose last ingest refused something."""
        rows = self._connection.execute("SELECT aoi FROM worldstrat.aois WHERE status IN ('partial', 'failed')")
        return [name for (name,) in rows]

    def has_failures(self) -> bool:
        """Tell whether an AOI that this run saw has refused files, be it from an earlier run."""
        row = self._connection.execute(
            "SELECT EXISTS (SELECT FROM worldstrat.aoi_runs r JOIN worldstrat.aois a USING (aoi)"
            " WHERE r.run = %s AND r.status <> 'absent' AND a.status <> 'done')",
            (self.run,),
        ).fetchone()
        return row is not None and row[0]

    def save(self, states: Sequence[AoiState]) -> None:
        """Note AOIs as ingested, once their items are in pgSTAC."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_SAVE, [(self.run, *_to_row(state)) for state in states])

    def save_untouched(self, aois: Sequence[tuple[str, Untouched, Sequence[Problem]]]) -> None:
        """Note AOIs that were seen and left as they are: name, why, and what is to be said of them."""
        if not aois:
            return
        names, statuses, notes = zip(*aois, strict=True)
        told = [json.dumps(_as_json(of_aoi)) for of_aoi in notes]
        self._connection.execute(_SAVE_UNTOUCHED, (self.run, software_version(), list(names), list(statuses), told))

    def others(self, names: Sequence[str]) -> list[str]:
        """Return the names of AOIs in the catalog that are not among these."""
        rows = self._connection.execute(
            "SELECT aoi FROM worldstrat.aois WHERE items <> '{}' AND NOT aoi = ANY(%s)", (list(names),)
        )
        return [name for (name,) in rows]


def is_running(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether some process writes the catalog at this moment."""
    row = connection.execute(_IS_HELD, (LOCK,)).fetchone()
    return row is not None and row[0]


def _from_row(row: tuple[Any, ...]) -> AoiState:
    aoi, digests, items, files, bytes_in, bytes_out, failures, notes, seconds = row
    return AoiState(aoi, digests, items, files, bytes_in, bytes_out, problems(failures), problems(notes), seconds)


def problems(column: Sequence[Mapping[str, str]]) -> tuple[Problem, ...]:
    """Return problems as a column of JSON holds them."""
    return tuple(Problem(**problem) for problem in column)


def _to_row(state: AoiState) -> tuple[Any, ...]:
    return (
        state.aoi,
        state.status,
        software_version(),
        Jsonb(state.fingerprints),
        Jsonb(state.items),
        state.files,
        state.bytes_in,
        state.bytes_out,
        _jsonb(state.failures),
        _jsonb(state.notes),
        state.seconds,
    )


def _jsonb(problems: Sequence[Problem]) -> Jsonb:
    return Jsonb(_as_json(problems))


def _as_json(problems: Sequence[Problem]) -> list[dict[str, str]]:
    """Return problems as PostgreSQL takes them: a library's message may quote anything."""
    return [{name: as_text(text) for name, text in asdict(problem).items()} for problem in problems]
