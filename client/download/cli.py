"""`worldstrat download`."""

import json
import sys
from pathlib import Path
from typing import Any, Final

import click
from pystac_client import Client
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from client.download.choice import Choice
from client.download.layout import Layout
from client.download.manifest import Manifest, alone
from client.download.published import PublishedLayout
from client.download.run import Downloader, Summary
from client.download.shards import ShardLayout
from client.download.stac_layout import StacLayout
from client.options import BboxType, open_client, query_options, take_query
from client.query import Bbox, Query, answering

INTERRUPTED: Final = 130
_LAYOUTS: Final = (StacLayout.name, PublishedLayout.name, ShardLayout.name)
_SHOWN: Final = 10


@click.command("download")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@query_options
@click.option("--asset", "assets", multiple=True, help="Only this asset of each item, such as data, ps, scl.")
@click.option("--band", "bands", multiple=True, help="Only this band, such as B04; the server cuts it out.")
@click.option("--crop", type=BboxType(), help="Only this part of the world; the server cuts it out.")
@click.option("--layout", type=click.Choice(_LAYOUTS), default=StacLayout.name, show_default=True)
@click.option("--threads", type=click.IntRange(1, 32), default=8, show_default=True, help="Items on their way at once.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON on standard output.")
def download(
    out: Path,
    *,
    assets: tuple[str, ...],
    bands: tuple[str, ...],
    crop: Bbox | None,
    layout: str,
    threads: int,
    as_json: bool,
    **given: Any,
) -> None:
    """Download what a search finds to the folder OUT.

    Each file is checked against the checksum of its item. The same command again asks only for what is not there, or
    has changed. Layouts: `stac` is a static catalog of COGs, `published` the folders, names and numbers of the
    published archives, `webdataset` tar files to train from.

    The exit code is 0 when all files are there, 1 otherwise, 130 after Ctrl-C.
    """
    url, query = take_query(given)
    choice = Choice(assets, bands, crop, url.rstrip("/").removesuffix("/stac"))
    if choice.cuts and layout == PublishedLayout.name:
        raise click.UsageError("--band and --crop make files that the published layout has no place for.")
    client = open_client(url)
    with alone(out):
        downloader = Downloader(create_layout(layout, out, client), Manifest(out, layout), choice, threads)
        summary = _run(downloader, client, query, Console(stderr=True))
    _tell(summary, out, as_json=as_json)
    sys.exit(INTERRUPTED if summary.interrupted else bool(summary.failures))


def create_layout(name: str, out: Path, client: Client) -> Layout:
    """Return the layout of a name."""
    if name == PublishedLayout.name:
        return PublishedLayout(out)
    if name == ShardLayout.name:
        return ShardLayout(out)
    return StacLayout(out, lambda collection: _collection(client, collection))


def _collection(client: Client, collection_id: str) -> dict[str, Any]:
    with answering(str(client.self_href)):
        collection = client.get_collection(collection_id)
    return collection.to_dict() if collection else {"type": "Collection", "id": collection_id}


def _run(downloader: Downloader, client: Client, query: Query, console: Console) -> Summary:
    columns = (TextColumn("downloading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    search = query.search(client)
    with answering(str(client.self_href)), Progress(*columns, console=console, transient=True) as progress:
        matched = search.matched()
        total = matched if query.limit is None or matched is None else min(matched, query.limit)
        return downloader.run(search.items_as_dicts(), progress, total)


def _tell(summary: Summary, out: Path, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary.to_json(), ensure_ascii=False))
        return
    click.echo(
        f"{summary.items} items ({summary.kept} were there), {summary.files} files in {out}; "
        f"{summary.received / 1e6:.1f} MB received."
    )
    if summary.skipped:
        click.echo(f"{summary.skipped} items have none of the assets, bands or places asked for.", err=True)
    for failure in summary.failures[:_SHOWN]:
        click.echo(f"failed: {failure}", err=True)
    if len(summary.failures) > _SHOWN:
        click.echo(f"and {len(summary.failures) - _SHOWN} more; --json tells all.", err=True)
    if summary.interrupted:
        click.echo("Interrupted: the same command goes on from here.", err=True)
