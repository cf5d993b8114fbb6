"""`worldstrat prune`."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from catalog.options import data_option
from catalog.settings import load_database, load_store
from ingest.prune import Options, Pruned
from ingest.prune import prune as run_prune

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MEGABYTE = 1e6


class Duration(click.ParamType[timedelta]):
    """`90s`, `30m`, `1h` or `7d`."""

    name = "DURATION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the duration, or fail with what is wrong."""
        if isinstance(value, timedelta):
            return value
        parsed = re.fullmatch(r"(\d{1,6})([smhd])", str(value))
        if parsed is None:
            self.fail(f"{value!r} is no duration: give a whole number and s, m, h or d, such as 30m.", param, ctx)
        return timedelta(**{_UNITS[parsed[2]]: int(parsed[1])})


@click.command()
@data_option()
@click.option("--dry-run", is_flag=True, help="Count what would be removed, and remove nothing.")
@click.option(
    "--older-than",
    type=Duration(),
    default="1h",
    show_default=True,
    help="Keep what is younger: who stores an object puts it there before the item that names it.",
)
@click.option("--force", is_flag=True, help="Remove objects also where more would go than stay.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON on standard output.")
def prune(*, data: Path, dry_run: bool, older_than: timedelta, force: bool, as_json: bool) -> None:
    """Remove objects that no item names.

    An object's key holds its hash, so an ingest of a changed file leaves the old object where it was, and a run that
    was killed leaves objects without an item. Both are removed here, and half-written files with them. What an item
    or a collection names is kept, and so is everything outside the collections' folders. Where more would go than
    stay, nothing is removed without --force: the catalog may be another's, or not whole yet.
    """
    options = Options(load_database(data), load_store(data), older_than, dry_run, force)
    pruned = run_prune(options, Console(stderr=True))
    click.echo(json.dumps(pruned.to_json() | {"dry_run": dry_run}) if as_json else _told(pruned, dry_run=dry_run))


def _told(pruned: Pruned, *, dry_run: bool) -> str:
    verb = "would be removed" if dry_run else "removed"
    lines = [
        f"{pruned.objects:,} objects that no item names {verb} ({pruned.bytes / _MEGABYTE:,.1f} MB).",
        f"{pruned.kept:,} objects kept ({pruned.kept_bytes / _MEGABYTE:,.1f} MB).",
    ]
    if pruned.unfinished:
        lines.append(f"{pruned.unfinished:,} half-written files {verb}.")
    if pruned.young:
        lines.append(f"{pruned.young:,} objects that no item names are too young to be removed (--older-than).")
    if pruned.strange:
        lines.append(f"{pruned.strange:,} objects that the catalog could not have written are left alone.")
    return "\n".join(lines)
