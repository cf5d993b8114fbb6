"""`worldstrat fetch`."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table

from ingest.fetch.published import INGESTED, PARTS, VERSIONS, PublishedFile
from ingest.fetch.run import Fetched, Options, choose, describe, fetch

_LATEST = "1.1"


@click.command("fetch")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--version", type=click.Choice(tuple(VERSIONS)), default=_LATEST, show_default=True, help="Which one.")
@click.option("--part", "parts", type=click.Choice(PARTS), multiple=True, help="This part only; can be repeated.")
@click.option("--only-list", is_flag=True, help="List the files and what is there of them, and download nothing.")
@click.option(
    "--parallel", type=click.IntRange(1, 16), default=4, show_default=True, help="Requests under way at once."
)
@click.option(
    "--base-url",
    metavar="URL",
    envvar="WORLDSTRAT_ZENODO",
    help="Mirror: the address that the names of the files are added to. Also WORLDSTRAT_ZENODO.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what came of each file as JSON on standard output.")
def fetch_command(
    *,
    out: Path,
    version: str,
    parts: tuple[str, ...],
    only_list: bool,
    parallel: int,
    base_url: str | None,
    as_json: bool,
) -> None:
    """Download the published WorldStrat dataset to the folder OUT.

    From Zenodo, 93 GB of version 1.1 without `raw`, the SPOT images as Airbus delivered them (11 GB). Large files come
    over several connections, each is checked against its published MD5 sum. Whatever interrupts it (the line, the
    server, Ctrl-C, a reboot), the same command goes on where it was, and asks nothing once all files are there.

    The exit code is 0 when all files are there, 1 otherwise, 130 after Ctrl-C.
    """
    files = choose(version, parts)
    if only_list:
        _list(out, files, as_json=as_json)
        return
    options = Options(out, files, _checked(base_url) or VERSIONS[version].url, parallel)
    outcomes = fetch(options, Console(stderr=True))
    click.echo(json.dumps([_to_json(one) for one in outcomes]) if as_json else _summarise(outcomes))
    sys.exit(any(one.status == "failed" for one in outcomes))


def _checked(base_url: str | None) -> str | None:
    try:
        usable = not base_url or bool(base_url.startswith(("http://", "https://")) and urlsplit(base_url).hostname)
    except ValueError:
        usable = False
    if not usable:
        raise click.BadParameter(f"{base_url!r} is no http:// or https:// address.", param_hint="--base-url")
    return base_url


def _list(out: Path, files: Sequence[PublishedFile], *, as_json: bool) -> None:
    states = describe(out, files)
    if as_json:
        rows = [_file_json(file) | {"status": state, "received": there} for file, state, there in states]
        click.echo(json.dumps(rows))
        return
    table = Table("part", "file", "bytes", "MD5", "here")
    table.columns[1].no_wrap = table.columns[2].no_wrap = True
    table.columns[2].justify = "right"
    table.columns[3].overflow = "fold"
    for file, state, there in states:
        size = f"{file.size:,}" if file.size else f"about {file.about:,}" if file.about else ""
        here = f"{there:,}" if state == "partial" else state
        table.add_row(file.part, file.name, size, file.md5 or "unknown", here)
    Console().print(table)


def _file_json(file: PublishedFile) -> dict[str, Any]:
    return {"file": file.name, "part": file.part, "size": file.size, "md5": file.md5}


def _to_json(one: Fetched) -> dict[str, Any]:
    return _file_json(one.file) | {"path": str(one.path), "status": one.status, "reason": one.reason}


def _summarise(outcomes: Sequence[Fetched]) -> str:
    """Return what came of the files, and the command that reads them."""
    lines = [f"{one.status:8} {one.path}" for one in outcomes if one.status != "failed"]
    lines += [f"failed   {one.reason}" for one in outcomes if one.status == "failed"]
    sources = [str(one.path) for one in outcomes if one.file.part in INGESTED and one.status != "failed"]
    if sources:
        lines += ["", "Next:", f"  worldstrat ingest {shlex.join(sources)}"]
    return "\n".join(lines)
