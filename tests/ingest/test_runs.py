"""The book of runs in a real database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from catalog.metadata import Problem
from catalog.pgstac import connect
from catalog.settings import DatabaseSettings
from ingest.errors import StateError
from ingest.report_query import last_runs, read_report
from ingest.runs import RunEnd, Runs
from ingest.runs_schema import ensure_tables
from ingest.state import AoiState

STATE = AoiState(
    "A", {"SPOT": "s"}, {}, 3, 100, 50, (Problem("A", "x.tiff", "broken"),), (Problem("A", "", "odd"),), 1.5
)
OLD_TABLE = """
CREATE SCHEMA worldstrat;
CREATE TABLE worldstrat.ingested_aois (
    aoi text PRIMARY KEY, fingerprint text NOT NULL, items jsonb NOT NULL, files integer NOT NULL,
    bytes_in bigint NOT NULL, bytes_out bigint NOT NULL, failures jsonb NOT NULL, notes jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
)
"""


@pytest.fixture
def connection(database: DatabaseSettings) -> Iterator[psycopg.Connection[Any]]:
    """A connection to an empty catalog."""
    with closing(connect(database)) as connection:
        yield connection


def test_a_state_comes_back_as_it_was_saved_and_the_last_one_counts(connection: psycopg.Connection[Any]) -> None:
    runs = Runs(connection)
    runs.open(["/data"], {})
    assert runs.states(["A"]) == {}
    runs.save([STATE])
    assert runs.states(["A", "B"]) == {"A": STATE}
    runs.open(["/data"], {})
    mended = replace(STATE, fingerprints={"SPOT": "t"}, failures=())
    runs.save([mended])
    assert runs.states(["A"]) == {"A": mended}
    runs.open(["/data"], {})
    runs.save_untouched([("A", "skipped", [])])
    assert runs.states(["A"]) == {"A": mended}


def test_an_aoi_that_has_lost_its_items_is_made_of_nothing(connection: psycopg.Connection[Any]) -> None:
    runs = Runs(connection)
    runs.open(["/data"], {})
    runs.save([replace(STATE, items={COLLECTION_SPOT: {"A_SPOT": "h"}})])
    assert runs.states(["A"]) == {"A": replace(STATE, fingerprints={}, items={})}


def test_one_writer_at_a_time_has_the_catalog(connection: psycopg.Connection[Any], database: DatabaseSettings) -> None:
    Runs(connection).open(["/data"], {})
    with closing(connect(database)) as other, pytest.raises(StateError, match="Another ingest is writing"):
        Runs(other).open(["/data"], {})


def test_a_run_that_was_killed_is_lost_as_soon_as_nobody_works_at_it(database: DatabaseSettings) -> None:
    with closing(connect(database)) as worker, closing(connect(database)) as reader:
        Runs(worker).open(["/data"], {"force": True})
        assert [line.status for line in last_runs(reader, 5)] == ["running"]
        worker.close()
        assert _until_lost(reader) == "lost"
        assert read_report(reader, 1).status == "lost"
        assert Runs(reader).open(["/data"], {}) is False
        assert [line.status for line in last_runs(reader, 5)] == ["running", "lost"]


def _until_lost(reader: psycopg.Connection[Any]) -> str:
    for _ in range(200):
        if (status := last_runs(reader, 1)[0].status) == "lost":
            return status
        reader.execute("SELECT pg_sleep(0.01)")
    return status


@pytest.mark.parametrize(("status", "expected"), [("done", True), ("partial", True), ("failed", False)])
def test_a_run_knows_whether_the_last_one_came_to_its_end(
    connection: psycopg.Connection[Any], status: Any, *, expected: bool
) -> None:
    runs = Runs(connection)
    assert runs.open(["/data"], {}) is False
    runs.close(RunEnd(status))
    assert runs.open(["/data"], {}) is expected


def test_a_run_after_one_of_another_version_knows_that(connection: psycopg.Connection[Any]) -> None:
    runs = Runs(connection)
    runs.open(["/data"], {})
    runs.close(RunEnd("done"))
    connection.execute("UPDATE worldstrat.runs SET version = '0.0.9'")
    assert runs.open(["/data"], {}) is False


def test_the_report_of_a_run_is_what_it_saw_and_skipped_aois_are_told_as_they_were_left(
    connection: psycopg.Connection[Any],
) -> None:
    runs = Runs(connection)
    runs.open(["/data"], {})
    runs.save([STATE, replace(STATE, aoi="B", failures=(), items={COLLECTION_L2A: {"B_L2A_01": "h"}})])
    runs.close(RunEnd("partial"))
    runs.open(["/data", "/more"], {"workers": 2})
    runs.save_untouched([("A", "skipped", []), ("C", "absent", [Problem("C", "", "no files")])])
    runs.save([replace(STATE, aoi="B", failures=(), notes=(), items={COLLECTION_L2A: {"B_L2A_01": "h"}}, seconds=9)])
    runs.close(RunEnd("partial", None, [Problem("", "x.zip", "cut")], [Problem("D", "", "gone")], ["remark"]))

    report = read_report(connection, 2)
    assert (report.run, report.status, report.sources, report.options) == (
        2,
        "partial",
        ("/data", "/more"),
        {"workers": 2},
    )
    assert (report.aois, report.skipped, report.files, report.bytes_in, report.bytes_out) == (1, 1, 6, 200, 100)
    assert report.worker_seconds == 9
    assert [problem.reason for problem in report.failures] == ["cut", "broken"]
    assert [problem.reason for problem in report.notes] == ["odd", "no files", "gone"]
    assert report.remarks[0] == "remark"
    assert "1 AOIs with failures are unchanged" in report.remarks[1]
    assert read_report(connection, 1).aois == 1


def test_a_run_that_does_not_exist_is_named(connection: psycopg.Connection[Any]) -> None:
    ensure_tables(connection)
    with pytest.raises(StateError, match="There is no run 7"):
        read_report(connection, 7)


def test_tables_are_made_by_many_processes_at_once(database: DatabaseSettings) -> None:
    def make(_: int) -> None:
        with closing(connect(database)) as connection:
            ensure_tables(connection)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(8)))
    with closing(connect(database)) as connection:
        assert last_runs(connection, 1) == []


def test_what_an_earlier_version_knew_becomes_a_first_run(connection: psycopg.Connection[Any]) -> None:
    connection.execute(OLD_TABLE)
    problems = Jsonb([{"aoi": "B", "file": "f.tiff", "reason": "broken"}])
    insert = "INSERT INTO worldstrat.ingested_aois VALUES (%s, 'f', %s, 3, 100, 50, %s, '[]', %s)"
    connection.execute(
        insert, ("A", Jsonb({COLLECTION_SPOT: ["A_SPOT"], COLLECTION_L2A: []}), Jsonb([]), "2026-01-01T12:00Z")
    )
    connection.execute(insert, ("B", Jsonb({}), problems, "2026-01-02T12:00Z"))

    ensure_tables(connection)

    rows = connection.execute("SELECT aoi, run, status, items, files FROM worldstrat.aois").fetchall()
    assert rows == [("A", 1, "done", {COLLECTION_SPOT: {"A_SPOT": None}}, 3), ("B", 1, "failed", {}, 3)]
    assert [problem.reason for problem in read_report(connection, 1).failures] == ["broken"]
    (line,) = last_runs(connection, 5)
    assert (line.status, line.started.day, line.version) == ("partial", 1, "0.1.0, format 1")
    assert connection.execute("SELECT to_regclass('worldstrat.ingested_aois')").fetchone() == (None,)


def test_an_empty_table_of_an_earlier_version_leaves_no_run(connection: psycopg.Connection[Any]) -> None:
    connection.execute(OLD_TABLE)
    ensure_tables(connection)
    assert last_runs(connection, 5) == []


def test_what_no_database_takes_is_spelled_out(connection: psycopg.Connection[Any]) -> None:
    runs = Runs(connection)
    runs.open(["/data"], {})
    odd = Problem("A", "caf\udce9.tif", "it says \0")
    plain = Problem("A", "caf\\xe9.tif", "it says \\x00")
    runs.save([replace(STATE, failures=(odd,))])
    runs.save_untouched([("B", "absent", [odd])])
    runs.close(RunEnd("partial", None, [odd], [odd]))
    assert runs.states(["A"])["A"].failures == (plain,)
    report = read_report(connection, runs.run)
    assert report.failures == [plain, plain]
    assert report.notes.count(plain) == 2
