"""The tables of runs beside pgSTAC: made where they are missing, filled from what earlier versions kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from catalog.migrations import Step, migrate

_TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS worldstrat;
CREATE TABLE IF NOT EXISTS worldstrat.runs (
    run integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started timestamptz NOT NULL DEFAULT now(),
    finished timestamptz,
    status text NOT NULL DEFAULT 'running'
        CHECK (status IN ('running', 'done', 'partial', 'failed', 'interrupted', 'lost')),
    sources text[] NOT NULL,
    options jsonb NOT NULL DEFAULT '{}',
    version text NOT NULL,
    counts jsonb NOT NULL DEFAULT '{}',
    failures jsonb NOT NULL DEFAULT '[]',
    notes jsonb NOT NULL DEFAULT '[]',
    remarks jsonb NOT NULL DEFAULT '[]',
    error text
);
CREATE TABLE IF NOT EXISTS worldstrat.aoi_runs (
    run integer NOT NULL REFERENCES worldstrat.runs,
    aoi text NOT NULL,
    status text NOT NULL CHECK (status IN ('done', 'partial', 'failed', 'skipped', 'absent')),
    finished timestamptz NOT NULL DEFAULT now(),
    version text NOT NULL,
    fingerprints jsonb NOT NULL DEFAULT '{}',
    items jsonb NOT NULL DEFAULT '{}',
    files integer NOT NULL DEFAULT 0,
    bytes_in bigint NOT NULL DEFAULT 0,
    bytes_out bigint NOT NULL DEFAULT 0,
    seconds double precision NOT NULL DEFAULT 0,
    failures jsonb NOT NULL DEFAULT '[]',
    notes jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (run, aoi)
);
CREATE INDEX IF NOT EXISTS aoi_runs_current ON worldstrat.aoi_runs (aoi, run DESC)
    WHERE status NOT IN ('skipped', 'absent');
CREATE OR REPLACE VIEW worldstrat.aois AS
    SELECT DISTINCT ON (aoi) * FROM worldstrat.aoi_runs
    WHERE status NOT IN ('skipped', 'absent') ORDER BY aoi, run DESC;
COMMENT ON TABLE worldstrat.runs IS 'Every run of worldstrat ingest.';
COMMENT ON TABLE worldstrat.aoi_runs IS 'What every run found and made of every AOI.';
COMMENT ON VIEW worldstrat.aois IS 'The state of every AOI: its last row that was neither skipped nor absent.';
"""
# The one table of version 0.1: a row per AOI, no runs, a fingerprint of all of an AOI's files at once.
_CONVERT: Final = """
WITH run AS (
    INSERT INTO worldstrat.runs (started, finished, status, sources, version, remarks)
    SELECT min(updated_at), max(updated_at), CASE WHEN bool_or(failures <> '[]') THEN 'partial' ELSE 'done' END,
        '{}', %(version)s, '["Runs before this one were not recorded; this row stands for all of them."]'
    FROM worldstrat.ingested_aois HAVING count(*) > 0 RETURNING run
)
INSERT INTO worldstrat.aoi_runs
    (run, aoi, status, finished, version, items, files, bytes_in, bytes_out, failures, notes)
SELECT run.run, aoi, CASE WHEN failures = '[]' THEN 'done' WHEN items = '{}' THEN 'failed' ELSE 'partial' END,
    updated_at, %(version)s, coalesce((
        SELECT jsonb_object_agg(collection, (
            SELECT jsonb_object_agg(item, NULL::text) FROM jsonb_array_elements_text(ids) AS i (item)
        )) FROM jsonb_each(items) AS c (collection, ids) WHERE ids <> '[]'
    ), '{}'), files, bytes_in, bytes_out, failures, notes
FROM run, worldstrat.ingested_aois
"""


def ensure_tables(connection: psycopg.Connection[Any]) -> list[str]:
    """Make the tables, or bring them to this version; any number of processes may do so at once.

    What version 0.1 knew of the AOIs becomes a first run: their items stay known, their files count as changed.

    Returns:
        the names of the steps that were taken.

    Raises:
        SchemaVersionError: a later version of this software has written them.
    """
    return migrate(connection, PART, STEPS)


@contextmanager
def tables_to_read(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Have the tables for the length of a transaction that writes nothing: missing ones are there for the moment."""
    with connection.transaction(force_rollback=True):
        if not _has(connection, "worldstrat.aois"):
            ensure_tables(connection)
        yield


def _make_tables(connection: psycopg.Connection[Any]) -> None:
    if _has(connection, "worldstrat.aois"):
        return  # made before versions were noted
    connection.execute(_TABLES)
    if _has(connection, "worldstrat.ingested_aois"):
        connection.execute(_CONVERT, {"version": "0.1.0, format 1"})
        connection.execute("DROP TABLE worldstrat.ingested_aois")


def _has(connection: psycopg.Connection[Any], relation: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (relation,)).fetchone()
    return row is not None and row[0]


PART: Final = "ingest"
"""Name of these tables among ours."""
STEPS: Final = (Step("runs and what they made of each place", _make_tables),)
"""What made them what they are; forward only."""
