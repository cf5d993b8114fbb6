"""`worldstrat sample`: a small dataset to try everything with."""

import dataclasses
import json
import signal
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ingest.sample.build import Sample, build_sample
from ingest.sample.settings import SampleSettings
from ingest.sample.tables import VERSIONS

_DEFAULT = SampleSettings()


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--aois", default=_DEFAULT.aois, show_default=True, help="AOIs; eight are unlike each other.")
@click.option("--revisits", default=_DEFAULT.revisits, show_default=True, help="Sentinel-2 revisits of each, 1 to 16.")
@click.option("--levels", default=",".join(_DEFAULT.levels), show_default=True, help="Processing levels of Sentinel-2.")
@click.option("--version", type=click.Choice(VERSIONS), default=_DEFAULT.version, show_default=True, help="Layout.")
@click.option("--seed", default=_DEFAULT.seed, show_default=True, help="Another seed, other ground and clouds.")
@click.option("--workers", type=click.IntRange(1), help="Processes; one per core if not set.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON on standard output.")
def sample(
    *, out: Path, aois: int, revisits: int, levels: str, version: str, seed: int, workers: int | None, as_json: bool
) -> None:
    """Write a small procedural dataset in the published layout to OUT.

    Eight places of all four sources: not real pixels, but the published names, tables, grids and file types, so that
    `worldstrat ingest OUT` meets all that it meets in the dataset itself. The same arguments always give the same
    bytes; a finished sample is left as it is, an interrupted run leaves nothing.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    settings = SampleSettings(aois, revisits, tuple(filter(None, levels.split(","))), version, seed)
    written = _build_visibly(out, settings, workers)
    click.echo(json.dumps(dataclasses.asdict(written)) if as_json else _summarise(written))


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Treat a request to end like Ctrl-C, so that what was begun is taken away."""
    raise KeyboardInterrupt


def _build_visibly(out: Path, settings: SampleSettings, workers: int | None) -> Sample:
    """Build the sample under a progress bar on standard error."""
    columns = (TextColumn("Painting"), BarColumn(), MofNCompleteColumn(), TextColumn("files"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sample", total=None)
        return build_sample(
            out, settings, workers=workers, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )


def _summarise(written: Sample) -> str:
    """Return what a person wants to read."""
    size = f"{written.aois} AOIs, {written.files} files, {written.bytes / 1e6:.0f} MB"
    if not written.created:
        return f"Already there: {written.out} ({size})."
    return f"{written.out}: {size} in {written.seconds:.0f} s. Procedural imagery, not real pixels (see README.txt)."
