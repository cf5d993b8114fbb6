"""The report of a run as tables for a person at a terminal."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catalog.constants import COLLECTIONS
from ingest.counts import counts_table
from ingest.report import Report
from ingest.report_groups import Alike, grouped
from ingest.report_query import RunLine

SHOWN: Final = 20
"""Failures, and kinds of notes, that the table names; the JSON has them all."""
_WIDE: Final = 100
"""Columns of a terminal that has room for the sources of a run."""
_MEGABYTE: Final = 1e6


def print_report(report: Report, console: Console) -> None:
    """Print the report of one run."""
    console.print(_totals(report))
    if report.failures:
        console.print(_problems("Failures", [(p.aoi, p.file, p.reason) for p in report.failures]))
    if report.notes:
        console.print(_problems("Accepted, with a note", list(_rows(grouped(report.notes)))))
    for remark in (*report.remarks, *([f"Ended by an error: {report.error}"] if report.error else [])):
        console.print(remark, markup=False)


def print_runs(runs: Sequence[RunLine], console: Console) -> None:
    """Print a list of runs, one a line."""
    if not runs:
        console.print("No run yet.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("run", "began", "outcome", "seconds", "AOIs", "unchanged", "items", "failures"):
        table.add_column(name, no_wrap=True, justify="left" if name in {"began", "outcome"} else "right")
    wide = console.width >= _WIDE
    if wide:
        table.add_column("source", overflow="fold")
    for line in runs:
        counted = [line.counts.get("aois"), line.counts.get("skipped"), line.items, line.counts.get("failures")]
        table.add_row(
            str(line.run),
            f"{line.started:%Y-%m-%d %H:%M}",
            line.status,
            _or_dash(line.seconds, ",.1f"),
            *(_or_dash(count, ",") for count in counted),
            *([escape(", ".join(line.sources))] if wide else []),
        )
    console.print(table)
    console.print("`worldstrat report --run ID` shows one of them with its failures and notes.")


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _totals(report: Report) -> Table:
    title = f"Run {report.run}: {report.status}" if report.run else "Ingested"
    rows = {
        "AOIs": f"{report.aois:,}",
        "  unchanged since the last run": f"{report.skipped:,}",
        "files": f"{report.files:,}",
        **{collection: f"{report.items[collection]:,}" for collection in COLLECTIONS},
        "MB in": f"{report.bytes_in / _MEGABYTE:,.1f}",
        "MB out": f"{report.bytes_out / _MEGABYTE:,.1f}",
        "seconds": f"{report.seconds:,.1f}",
        "failures": f"{len(report.failures):,}",
    }
    return counts_table(title, rows)


def _problems(title: str, rows: Sequence[tuple[str, str, str]]) -> Table:
    more = f" (the first {SHOWN} of {len(rows)}; --json has all)" if len(rows) > SHOWN else ""
    table = Table("AOI", "file", "reason", title=title + more)
    for row in rows[:SHOWN]:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _rows(groups: Iterable[Alike]) -> Iterable[tuple[str, str, str]]:
    """Yield one row for all notes of the same words: a dataset without L1C says so once, not 3,928 times."""
    for alike in groups:
        first = alike.problems[0]
        one = len(alike.problems) == 1
        yield (first.aoi if one else f"{len(alike.problems)} AOIs", first.file if one else "", alike.reason)
