"""`worldstrat backup`, `restore` and `rebuild`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from catalog.options import data_option
from catalog.settings import load_database, load_store
from infra.backup import backup as run_backup
from infra.backup import open_place
from infra.manifest import Manifest
from infra.rebuild import Rebuilt
from infra.rebuild import rebuild as run_rebuild
from infra.restore import restore as run_restore

_MEGABYTE = 1e6
_KEPT = "The catalog of before is the database {!r}; drop it when nobody misses it."
_json_option = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON on standard output.")


@click.command()
@click.argument("out")
@data_option()
@_json_option
def backup(out: str, *, data: Path, as_json: bool) -> None:
    """Write the whole catalog, its database, to OUT: a folder, or s3://bucket/prefix.

    OUT holds `catalog.dump`, which pg_dump writes and pg_restore reads, and `manifest.json`: versions, rows, hashes.
    It is the catalog of one moment, taken while others go on reading and writing. Nothing is ever overwritten.

    Objects are not in it: they lie in the store, and are never overwritten either. Copy that afterwards.
    """
    manifest = run_backup(load_database(data), open_place(out, data), Console(stderr=True))
    if as_json:
        click.echo(manifest.model_dump_json())
    else:
        click.echo(f"Backup of {_told(manifest)}, {manifest.size / _MEGABYTE:,.1f} MB in {out}.")


@click.command()
@click.argument("src")
@data_option()
@click.option("--force", is_flag=True, help="Take the place also of a catalog that is not empty; that one is kept.")
@_json_option
def restore(src: str, *, data: Path, force: bool, as_json: bool) -> None:
    """Bring the catalog back from SRC, a backup in a folder or at s3://bucket/prefix.

    It is restored into a new database, held against the hashes of its manifest, and takes the place of the old one
    only when it is the same: the command either brings all of it back, or changes nothing.
    """
    done = run_restore(open_place(src, data), load_database(data), Console(stderr=True), force=force)
    if as_json:
        told: dict[str, Any] = {"manifest": done.manifest.model_dump(mode="json"), "kept": done.kept}
        click.echo(json.dumps(told))
        return
    click.echo(f"Restored {_told(done.manifest)}: the same as backed up.")
    if done.kept is not None:
        click.echo(_KEPT.format(done.kept))


@click.command()
@data_option()
@click.option("--force", is_flag=True, help="Take the place also of a catalog that is not empty; that one is kept.")
@_json_option
def rebuild(*, data: Path, force: bool, as_json: bool) -> None:
    """Make the catalog anew from the object store alone, where its database is lost and there is no backup.

    Collections, items and what ingest knows of the places come from the newest transcript of each collection, which
    `worldstrat ingest` and `worldstrat snapshot` write into the store. Every object that an item names is looked up.
    What was ingested after the transcripts is counted: the same `worldstrat ingest` brings it back.

    Not in the store, so not brought back: the history of runs, registered searches, keys and other things of access.

    The exit code is 1 where objects are missing.
    """
    done = run_rebuild(load_database(data), load_store(data), Console(stderr=True), force=force)
    if as_json:
        click.echo(json.dumps(done.to_json()))
    else:
        click.echo("\n".join(_lines(done)))
    sys.exit(not done.verification.is_clean)


def _lines(done: Rebuilt) -> Iterator[str]:
    for one in sorted(done.transcripts, key=lambda one: one.collection):
        yield f"{one.collection}: {done.items[one.collection]:,} items of {one.moment:%Y-%m-%d %H:%M} UTC"
    yield f"Rebuilt: {sum(done.items.values()):,} items ({done.catalog_hash[:12]}), the same as written down."
    if done.unnamed.young:
        yield f"{done.unnamed.young:,} objects are newer and no item names them: ingest again what came after that."
    if done.unnamed.objects:
        yield f"{done.unnamed.objects:,} older objects that no item names: `worldstrat prune` removes them."
    if not done.verification.is_clean:
        yield f"Objects that items name are missing or of another size: {done.verification.counts.total():,}."
        yield "`worldstrat verify --repair SRC...` makes them again."
    if done.kept is not None:
        yield _KEPT.format(done.kept)


def _told(manifest: Manifest) -> str:
    items = sum(manifest.contents.items.values())
    return f"{items:,} items of {manifest.created:%Y-%m-%d %H:%M} UTC ({manifest.contents.catalog_hash[:12]})"
