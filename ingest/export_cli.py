"""`worldstrat export`."""

import json
from pathlib import Path

import click
from rich.console import Console

from catalog.options import data_option
from catalog.settings import load_database, load_store
from ingest.export import ExportOptions
from ingest.export import export as run_export
from ingest.export_assets import Mode


@click.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@data_option()
@click.option("--collection", "collections", multiple=True, metavar="ID", help="This collection; can be repeated.")
@click.option("--filter", "condition", metavar="CQL2", help="Only items that fulfil this, as text or as JSON.")
@click.option(
    "--assets",
    type=click.Choice(["none", "copy", "link"]),
    default="none",
    show_default=True,
    help="Leave objects where they are, copy them beside their items, or link them there (stores of files).",
)
@click.option("--asset-url", metavar="URL", help="Address that publishes the store, such as https://HOST/assets.")
@click.option("--workers", type=click.IntRange(1, 64), default=4, show_default=True, help="Places written at once.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON on standard output.")
def export(
    out: Path,
    *,
    data: Path,
    collections: tuple[str, ...],
    condition: str | None,
    assets: Mode,
    asset_url: str | None,
    workers: int,
    as_json: bool,
) -> None:
    """Write the catalog to the folder OUT as static STAC, for pystac, STAC Browser or any web server.

    OUT/catalog.json leads to the collections, to a folder for each place in them, and to its items; all links are
    relative, so that the folder can be moved and published. Each collection has its items as GeoParquet too.

    The root is written last: an interrupted export is no catalog, and the same command goes on with it. Exported
    again, the folder follows the catalog; what is gone there is removed.
    """
    options = ExportOptions(
        out.resolve(), load_database(data), load_store(data), collections, condition, assets, asset_url, workers
    )
    done = run_export(options, Console(stderr=True))
    if as_json:
        click.echo(json.dumps(done.to_json()))
    else:
        copied = f", {done.asset_bytes / 1e6:,.0f} MB of objects" if done.asset_bytes else ""
        click.echo(
            f"{done.items:,} items of {done.places:,} places in {done.collections} collections{copied}, "
            f"in {done.seconds:.1f} s: {out / 'catalog.json'}"
        )
