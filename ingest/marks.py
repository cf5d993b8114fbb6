"""AOIs that are to be made again: their state forgets what they were made of, and says why."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from catalog.metadata import Problem
from ingest.findings import Finding
from ingest.inputs import software_version

# A row of this run, whether the AOI has one already or not; without fingerprints the next ingest finds it changed.
_MARK: Final = """
INSERT INTO worldstrat.aoi_runs (run, aoi, status, version, items, files, bytes_in, bytes_out, failures, notes)
SELECT %(run)s, aoi, 'partial', %(version)s, items, files, bytes_in, bytes_out, failures || %(failures)s, notes
FROM worldstrat.aois WHERE aoi = %(aoi)s
ON CONFLICT (run, aoi) DO UPDATE SET status = 'partial', fingerprints = '{}', failures = excluded.failures
RETURNING aoi
"""


def mark(connection: psycopg.Connection[Any], run: int, damaged: Mapping[str, Sequence[Finding]]) -> list[str]:
    """Have the next ingest make AOIs again.

    Args:
        connection: to the catalog, whose lock it holds.
        run: number of the run that found the damage.
        damaged: what was found, by AOI.

    Returns:
        the names of those that an ingest knows; the others are new to the next ingest anyway.
    """
    marked: list[str] = []
    for aoi, findings in damaged.items():
        problems = [Problem(aoi, one.href or one.item, f"{one.kind}: {one.reason}") for one in findings]
        values = {
            "run": run,
            "aoi": aoi,
            "version": software_version(),
            "failures": Jsonb([asdict(problem) for problem in problems]),
        }
        marked += [name for (name,) in connection.execute(_MARK, values).fetchall()]
    return marked
