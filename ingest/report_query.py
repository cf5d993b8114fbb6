"""The report of a run, read from the book of runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from ingest.errors import StateError
from ingest.report import Report
from ingest.runs import RunStatus, is_running, problems
from ingest.state import AoiState

_RUN: Final = """
SELECT run, status, started, version, sources, options, error, failures, notes, remarks,
    extract(epoch FROM coalesce(finished, clock_timestamp()) - started)::float8
FROM worldstrat.runs WHERE run = %s
"""
# An AOI that was skipped is told of as it was left by the run that ingested it.
_AOIS: Final = """
SELECT r.aoi, r.status, s.items, s.files, s.bytes_in, s.bytes_out, s.seconds, s.failures, coalesce(s.notes, r.notes)
FROM worldstrat.aoi_runs r LEFT JOIN LATERAL (
    SELECT * FROM worldstrat.aoi_runs s
    WHERE s.aoi = r.aoi AND s.run <= r.run AND s.status NOT IN ('skipped', 'absent') ORDER BY s.run DESC LIMIT 1
) s ON r.status <> 'absent'
WHERE r.run = %s ORDER BY r.aoi
"""
_LAST: Final = """
SELECT run, status, started, extract(epoch FROM finished - started)::float8, sources, version, counts, error
FROM worldstrat.runs ORDER BY run DESC LIMIT %s
"""


@dataclass(frozen=True)
class RunLine:
    """A run as a list of runs has it."""

    run: int
    """Its number."""
    status: RunStatus
    """Its outcome."""
    started: datetime
    """When it began."""
    seconds: float | None
    """How long it took; None where nobody knows."""
    sources: Sequence[str]
    """What it was given."""
    version: str
    """Software that made it."""
    counts: dict[str, Any]
    """Sums of what it did; empty where it did not come to its end."""
    error: str | None
    """What ended it early."""

    @property
    def items(self) -> int | None:
        """Items of the AOIs that it saw; None where it did not come to its end."""
        return sum(self.counts["items"].values()) if "items" in self.counts else None


def read_report(connection: psycopg.Connection[Any], run: int) -> Report:
    """Return the report of one run.

    Raises:
        StateError: there is no such run.
    """
    row = connection.execute(_RUN, (run,)).fetchone()
    if row is None:
        raise StateError(f"There is no run {run}. `worldstrat report` lists those there are.")
    number, status, started, version, sources, options, error, failures, notes, remarks, seconds = row
    report = Report(
        run=number,
        status=_status(connection, status),
        started=started,
        version=version,
        sources=tuple(sources),
        options=options,
        error=error,
        failures=list(problems(failures)),
        remarks=remarks,
        seconds=seconds,
    )
    for aoi, kind, *rest in connection.execute(_AOIS, (run,)):
        _add(report, aoi, kind, rest)
    report.notes += problems(notes)
    report.finish()
    return report


def last_runs(connection: psycopg.Connection[Any], count: int) -> list[RunLine]:
    """Return the last runs, the newest first."""
    rows = connection.execute(_LAST, (count,)).fetchall()
    return [RunLine(row[0], _status(connection, row[1]), *row[2:]) for row in rows]


def _add(report: Report, aoi: str, kind: str, row: Sequence[Any]) -> None:
    items, files, bytes_in, bytes_out, seconds, failures, notes = row
    if items is None:
        report.notes += problems(notes)
        return
    state = AoiState(aoi, {}, items, files, bytes_in, bytes_out, problems(failures), problems(notes), seconds)
    report.add(state, skipped=kind == "skipped")


def _status(connection: psycopg.Connection[Any], status: RunStatus) -> RunStatus:
    """Return what became of a run: one that is open, and that nobody works at, was lost."""
    return "lost" if status == "running" and not is_running(connection) else status
