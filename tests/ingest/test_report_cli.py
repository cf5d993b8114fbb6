"""`worldstrat report` as from a shell."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from catalog.metadata import Problem
from catalog.pgstac import connect
from catalog.settings import DatabaseSettings
from infra.cli import main
from ingest.runs import RunEnd, Runs
from ingest.state import AoiState

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, database: DatabaseSettings) -> Run:
    """Run `worldstrat report` with a stack's folder."""
    (tmp_path / "stack.env").write_text(
        f"PGHOST={database.host}\nPGPORT={database.port}\nPGUSER={database.user}\n"
        f"PGPASSWORD={database.password.get_secret_value()}\nPGDATABASE={database.database}\n"
    )
    return lambda *arguments: CliRunner().invoke(main, ["report", *arguments, "--data", str(tmp_path)])


@pytest.fixture
def two_runs(database: DatabaseSettings) -> None:
    """A run that ended with a failure, and one that was killed."""
    with connect(database) as connection:
        runs = Runs(connection)
        runs.open(["/data/ws"], {"workers": 2})
        runs.save([AoiState("A", {"SPOT": "s"}, failures=(Problem("A", "a.tiff", "broken [red]"),), files=3)])
        runs.close(RunEnd("partial"))
        runs.count({"aois": 0, "failures": 1, "items": {"worldstrat-spot": 0}})
        runs.open(["/data/ws"], {})


def test_a_catalog_that_knows_no_run_says_so_and_stays_as_it_is(run: Run, database: DatabaseSettings) -> None:
    assert "No run yet." in run().stdout
    assert json.loads(run("--json").stdout) == []
    with connect(database) as connection:
        assert connection.execute("SELECT to_regnamespace('worldstrat')").fetchone() == (None,)


@pytest.mark.usefixtures("two_runs")
def test_the_last_runs_are_a_table_the_newest_first(run: Run) -> None:
    lines = run().stdout.splitlines()
    assert lines[0].split() == ["run", "began", "outcome", "seconds", "AOIs", "unchanged", "items", "failures"]
    assert [line.split()[0] for line in lines[1:3]] == ["2", "1"]
    assert "lost" in lines[1]
    assert "partial" in lines[2]
    assert len(run("--last", "1").stdout.splitlines()) == len(lines) - 1


@pytest.mark.usefixtures("two_runs")
def test_the_last_runs_and_one_of_them_are_json(run: Run) -> None:
    listed = json.loads(run("--json").stdout)
    assert [(one["run"], one["status"]) for one in listed] == [(2, "lost"), (1, "partial")]
    one = json.loads(run("--run", "1", "--json").stdout)
    assert one["failures"] == [{"aoi": "A", "file": "a.tiff", "reason": "broken [red]"}]
    assert (one["status"], one["options"], one["sources"]) == ("partial", {"workers": 2}, ["/data/ws"])


@pytest.mark.usefixtures("two_runs")
def test_one_run_is_shown_with_its_failures(run: Run) -> None:
    shown = run("--run", "1").stdout
    assert "Run 1: partial" in shown
    assert "broken [red]" in shown


@pytest.mark.usefixtures("two_runs")
def test_the_page_is_of_the_run_that_was_asked_for_else_of_the_last(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert run("--html", str(page)).exit_code == 0
    assert "<title>WorldStrat ingest: run 2, lost</title>" in page.read_text()
    run("--html", str(page), "--run", "1")
    assert "broken [red]" in page.read_text()


@pytest.mark.usefixtures("two_runs")
def test_a_page_that_cannot_be_written_is_one_clear_message(run: Run, tmp_path: Path) -> None:
    result = run("--html", str(tmp_path / "nowhere/report.html"))
    assert result.exit_code == 1
    assert "nowhere/report.html': No such file or directory" in result.stderr


@pytest.mark.usefixtures("two_runs")
def test_a_run_that_does_not_exist_is_one_clear_message(run: Run) -> None:
    result = run("--run", "9")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: There is no run 9. `worldstrat report` lists those there are.\n",
    )
