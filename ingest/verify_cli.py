"""`worldstrat verify`."""

import json
import os
import sys
from pathlib import Path

import click
from rich.console import Console

from catalog.options import data_option, schemas_option
from catalog.settings import load_database, load_store
from ingest.repair import Repair, repair
from ingest.verify import Checks
from ingest.verify import verify as run_verify


@click.command()
@click.argument("src", nargs=-1)
@data_option()
@click.option("--quick", is_flag=True, help="Compare the sizes of objects only, instead of reading every byte.")
@schemas_option
@click.option(
    "--repair", "mend", is_flag=True, help="Have damaged AOIs made again: now from SRC, else by the next ingest."
)
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count() or 1, help="Processes of a repair.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON on standard output.")
def verify(
    src: tuple[str, ...],
    *,
    data: Path,
    quick: bool,
    schemas: Path | None,
    mend: bool,
    workers: int,
    as_json: bool,
) -> None:
    """Check that the catalog and the object store hold what was ingested.

    Every item is compared with the hash that its ingest noted and with its schemas, and every object that an item
    names with the size and SHA-256 that the item tells. Items that were lost, changed or never ingested and objects
    that are missing or damaged are listed; the exit code is then 1.

    --repair marks the AOIs behind them, so that the next `worldstrat ingest` makes them again; with SRC (the dataset,
    as `ingest` takes it) they are made again at once and checked anew. Nothing is ever deleted.
    """
    if src and not mend:
        raise click.UsageError("SRC is only read to repair: add --repair, or leave it out.")
    checks = Checks(load_database(data), load_store(data), quick, schemas.resolve() if schemas else None)
    console = Console(stderr=True)
    found = (
        repair(Repair(checks, src, workers, data.resolve() / "indexes"), console)
        if mend
        else run_verify(checks, console)
    )
    if as_json:
        click.echo(json.dumps(found.to_json(), ensure_ascii=False))
    else:
        found.print(Console())
    sys.exit(not found.is_clean)
