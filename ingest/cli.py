"""`worldstrat ingest`."""

import json
import os
import sys
from pathlib import Path

import click
from rich.console import Console

from catalog.options import data_option, schemas_option
from catalog.settings import load_database, load_store
from ingest.forecast import Forecast, forecast
from ingest.options import Options
from ingest.report_table import print_report
from ingest.run import ingest as run_ingest

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


@click.command()
@click.argument("src", nargs=-1, required=True)
@data_option()
@click.option(
    "--workers", type=click.IntRange(1), default=os.cpu_count() or 1, help="Processes; one per core if not set."
)
@click.option(
    "--ray-address",
    metavar="ADDRESS",
    help="Use Ray instead of processes: `local` starts a cluster, HOST:PORT or ray://HOST:PORT connects to one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on standard output.")
@schemas_option
@click.option("--only", multiple=True, metavar="AOI", help="Ingest this AOI only; can be repeated.")
@click.option("--force", is_flag=True, help="Ingest AOIs again that have not changed.")
@click.option("--retry-failed", is_flag=True, help="Ingest only AOIs with files that were refused, changed or not.")
@click.option(
    "--snapshot/--no-snapshot", default=True, help="Renew the GeoParquet snapshots of the collections; on by default."
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
def ingest(  # noqa: PLR0917 - click passes every option by its name
    src: tuple[str, ...],
    data: Path,
    workers: int,
    ray_address: str | None,
    as_json: bool,
    schemas: Path | None,
    only: tuple[str, ...],
    force: bool,
    retry_failed: bool,
    snapshot: bool,
    dry_run: bool,
) -> None:
    """Ingest SRC, the published WorldStrat dataset as it was downloaded, into the catalog.

    SRC is a folder, a .zip, a .tar.gz, metadata.csv, stratified_train_val_test_split.csv or s3://bucket/prefix, and
    may be given several times: what belongs to an AOI is joined. Folders hold the two tables, hr_dataset/ and
    lr_dataset/ as extracted from Zenodo (v1.0 or v1.1) or Kaggle, or the archives. Archives are read where they are:
    nothing is extracted; a .tar.gz is read once from end to end for an index, kept in the data folder.

    Rasters become Cloud-Optimized GeoTIFFs in the object store, AOIs become STAC items in the database. The same
    command again does only what is new or changed; what failed is tried again when its files change, or with
    --retry-failed.

    Ends with a report; the exit code is 0 when nothing failed, 1 otherwise, 130 after Ctrl-C.
    """
    options = Options(
        src=src,
        database=load_database(data),
        store=load_store(data),
        workers=workers,
        ray_address=ray_address,
        schemas=schemas.resolve() if schemas else None,
        only=only,
        force=force,
        retry_failed=retry_failed,
        snapshot=snapshot,
        indexes=data.resolve() / "indexes",
    )
    if dry_run:
        _show(forecast(options, Console(stderr=True)), as_json=as_json)
        return
    report = run_ingest(options, Console(stderr=True))
    if as_json:
        click.echo(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        print_report(report, Console())
    sys.exit(INTERRUPTED if report.interrupted else bool(report.failures))


def _show(expected: Forecast, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(expected.to_json(), ensure_ascii=False))
    else:
        expected.print(Console())
