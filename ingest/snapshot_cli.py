"""`worldstrat snapshot`."""

import json
from pathlib import Path

import click

from catalog.options import data_option
from catalog.settings import load_database, load_store
from ingest.snapshots import renew_snapshots


@click.command()
@data_option()
@click.option("--collection", "collections", multiple=True, metavar="ID", help="This collection; can be repeated.")
@click.option("--force", is_flag=True, help="Renew also those whose items have not changed.")
@click.option("--json", "as_json", is_flag=True, help="Print the snapshots as JSON on standard output.")
def snapshot(data: Path, *, collections: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Write all items of each collection as one GeoParquet file into the store.

    The file is the asset `geoparquet-items` of the collection, which the server publishes like any other: DuckDB,
    geopandas and rustac read it from there. `worldstrat ingest` renews it by itself, but for a few changes in a large
    collection. The file before it stays until `worldstrat prune`.
    """
    made = renew_snapshots(load_database(data), load_store(data), collections, force=force)
    if as_json:
        told = [{"collection": one.collection, "key": one.key, "items": one.rows, "bytes": one.size} for one in made]
        click.echo(json.dumps(told))
        return
    for one in made:
        click.echo(f"{one.collection}: {one.rows:,} items, {one.size / 1e6:,.1f} MB, {one.key}")
    if not made:
        click.echo("Every snapshot tells of the items as they are.")
