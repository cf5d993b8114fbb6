"""`worldstrat upgrade`."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console

from catalog.options import data_option
from catalog.settings import load_database
from infra.upgrade import Upgraded, forecast, install
from infra.upgrade import upgrade as run_upgrade


@click.command()
@data_option()
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--install", "wanted", is_flag=True, help="Put pgSTAC into a database that has none.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON on standard output.")
def upgrade(*, data: Path, dry_run: bool, wanted: bool, as_json: bool) -> None:
    """Bring the catalog to this version of the software: pgSTAC, our own tables, the items.

    Forward only: make a backup first. pgSTAC is migrated in one transaction, for the length of which searches wait;
    where tables are in use for long it is tried again. Items of an older version of the `worldstrat` extension are
    rewritten a few hundred at a time; where only their files tell what is new, their places are marked, and the next
    `worldstrat ingest` makes them again. Servers may go on meanwhile.
    """
    database = load_database(data)
    if wanted and not dry_run:
        install(database)
    done = forecast(database) if dry_run else run_upgrade(database, Console(stderr=True))
    if as_json:
        click.echo(json.dumps(done.to_json() | {"dry_run": dry_run}))
    else:
        click.echo("\n".join(_lines(done, dry_run=dry_run)))


def _lines(done: Upgraded, *, dry_run: bool) -> Iterator[str]:
    if done.is_nothing:
        yield f"Nothing to do: pgSTAC {done.pgstac}, tables and items are of this version."
        return
    if done.pgstac != done.pgstac_before:
        yield f"pgSTAC {done.pgstac_before} -> {done.pgstac}"
    yield from (f"tables: {step}" for step in done.steps)
    if done.items.found:
        yield f"{done.items.found:,} items of an older version of the extension"
        if not dry_run:
            yield f"{done.items.rewritten:,} rewritten; {len(done.items.marked):,} places marked for the next ingest"
