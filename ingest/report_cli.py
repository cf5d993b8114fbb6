"""`worldstrat report`."""

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import IO

import click
from rich.console import Console

from catalog.connection import connect, translated
from catalog.options import data_option
from catalog.settings import load_database
from ingest.report import Report
from ingest.report_query import RunLine, last_runs, read_report
from ingest.report_table import print_report, print_runs
from ingest.runs_schema import tables_to_read


@click.command()
@data_option("Folder of the local stack; PG* name a database elsewhere.")
@click.option("--run", type=click.IntRange(1), metavar="ID", help="Show this run: what it did, failures, notes.")
@click.option("--last", type=click.IntRange(1, 1000), default=10, show_default=True, help="Runs to list.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@click.option(
    "--html",
    type=click.File("w", "utf-8", lazy=True),
    metavar="FILE",
    help="Write a page with the last runs and one of them, the last if --run names none.",
)
def report(*, data: Path, run: int | None, last: int, as_json: bool, html: IO[str] | None) -> None:
    """List the last runs of `worldstrat ingest`, or show one of them.

    Reads the database only; a run that goes on meanwhile is listed as running, one that was killed as lost.
    """
    settings = load_database(data)
    with closing(connect(settings)) as connection, translated(settings), tables_to_read(connection):
        runs = last_runs(connection, last)
        shown = run or (runs[0].run if html and runs else None)
        one = read_report(connection, shown) if shown else None
    if html:
        from ingest.report_page import render_page  # noqa: PLC0415 - the template engine is slow to import

        html.write(render_page(runs, one))
    if as_json:
        click.echo(_as_json(runs, one if run else None))
    elif not html:
        _print(runs, one)


def _as_json(runs: list[RunLine], one: Report | None) -> str:
    told = one.to_json() if one else [asdict(line) for line in runs]
    return json.dumps(told, ensure_ascii=False, default=str)


def _print(runs: list[RunLine], one: Report | None) -> None:
    if one:
        print_report(one, Console())
    else:
        print_runs(runs, Console())
