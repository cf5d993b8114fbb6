"""`worldstrat extend`."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from catalog.constants import LEVEL_COLLECTIONS, MAX_REVISIT, Level
from catalog.options import data_option
from catalog.settings import DatabaseSettings, StoreSettings, load_database, load_store
from ingest.extend.rank import Ranking
from ingest.extend.run import Extension, Options
from ingest.extend.search import StacSource, load_modifier
from ingest.extend.wanted import Refused, Wanted, read_wanted
from ingest.report import Report
from ingest.run import Options as IngestOptions
from ingest.run import ingest

_DAY = click.DateTime(["%Y-%m-%d"])
SHOWN = 40
"""AOIs that the table shows; the JSON has them all."""


class Weights(click.ParamType[tuple[float, float]]):
    """Two numbers, DAYS,CLOUDS."""

    name = "DAYS,CLOUDS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """Return the two numbers."""
        try:
            days, clouds = (float(part) for part in str(value).split(","))
        except ValueError:
            days = clouds = -1.0
        if not (0 <= days < float("inf") and 0 <= clouds < float("inf") and days + clouds > 0):
            self.fail(f"{value!r} is not two weights like 1,1 of which one is above 0.", param, ctx)
        return days, clouds


@click.command()
@click.argument("aois", type=click.Path(path_type=Path))
@click.option("--stac", required=True, metavar="URL", help="Landing page of a STAC API.")
@click.option("--collection", required=True, metavar="ID", help="Its collection of Sentinel-2 images.")
@click.option("--level", type=click.Choice(list(LEVEL_COLLECTIONS)), default="L2A", show_default=True)
@click.option("--revisits", type=click.IntRange(1, MAX_REVISIT), default=MAX_REVISIT, show_default=True)
@click.option("--since", type=_DAY, default="2017-01-01", show_default=True, help="First day searched.")
@click.option("--until", type=_DAY, help="Last day searched; today if not given.")
@click.option("--target-date", type=_DAY, help="Day to be near, for AOIs without a date of their own.")
@click.option("--max-cloud", type=click.FloatRange(0, 100), help="Most clouds of a whole product, per cent.")
@click.option("--max-days", type=click.IntRange(0), help="Most days from the target date.")
@click.option("--weights", type=Weights(), default="1,1", show_default=True, help="What days and clouds count.")
@click.option("--modifier", metavar="MODULE:FUNCTION", help="Signs items: `planetary_computer:sign_inplace`, say.")
@click.option("--workers", type=click.IntRange(1, 64), default=8, show_default=True, help="Revisits read at once.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the new files; DATA/extended-LEVEL by default.")
@click.option("--no-ingest", is_flag=True, help="Write the files only; `worldstrat ingest OUT` takes them in later.")
@click.option("--dry-run", is_flag=True, help="Show what would be taken; nothing is read or written.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on standard output.")
@data_option()
def extend(
    *, aois: Path, stac: str, collection: str, target_date: datetime | None, as_json: bool, **given: Any
) -> None:
    """Find Sentinel-2 revisits for the AOIS of a GeoJSON file on a STAC API, and take them into the catalog.

    Each feature is a Polygon, whose bounds count, or a Point, around which 2.5 square kilometres are cut. Properties:
    name, and if you like source, target_date or highres_date, lccs, ipcc, smod, split. Images that cover an AOI are
    ranked by days from its date and by clouds, as in the dataset; the best become revisits 1, 2, ... on its grid, are
    written in the published layout, and ingested. The same command again does only what is new.

    \b
    Earth Search:        --stac https://earth-search.aws.element84.com/v1 --collection sentinel-2-c1-l2a
    Planetary Computer:  --stac https://planetarycomputer.microsoft.com/api/stac/v1 --collection sentinel-2-l2a
                         --modifier planetary_computer:sign_inplace
    This software:       --stac http://HOST/stac --collection worldstrat-sentinel-2-l2a

    The exit code is 0 when every AOI has revisits, 1 otherwise, 130 after Ctrl-C.
    """  # noqa: D301 - \b keeps click from filling the lines
    stored = not (given["dry_run"] or given["no_ingest"])
    services = (load_database(given["data"]), load_store(given["data"])) if stored else None
    wanted, failures = read_wanted(aois, target_date.date() if target_date else None)
    options = _options(given)
    extension = Extension(StacSource(stac, collection), load_modifier(given["modifier"]), options)
    done = _run_visibly(extension, wanted, failures)
    report: dict[str, Any] = {"aois": done, "failures": [asdict(failure) for failure in failures]}
    failed = bool(failures)
    if services and done:
        ingested = _ingest(options.out, [aoi["aoi"] for aoi in done], *services)
        report["ingest"] = ingested.to_json()
        failed = failed or bool(ingested.failures) or ingested.interrupted
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        _print(report, options)
    sys.exit(int(failed))


def _options(given: Mapping[str, Any]) -> Options:
    level: Level = given["level"]
    days, clouds = given["weights"]
    until = given["until"] or datetime.now(UTC).replace(tzinfo=None)
    if given["since"] > until:
        raise click.BadParameter(f"--since {given['since']:%Y-%m-%d} is after --until {until:%Y-%m-%d}.")
    return Options(
        out=(given["out"] or given["data"] / f"extended-{level.lower()}").resolve(),
        until=until.date(),
        level=level,
        since=given["since"].date(),
        ranking=Ranking(given["revisits"], days, clouds, given["max_cloud"], given["max_days"]),
        workers=given["workers"],
        dry_run=given["dry_run"],
    )


def _run_visibly(extension: Extension, wanted: Sequence[Wanted], failures: list[Refused]) -> list[dict[str, Any]]:
    """Run under a progress bar on standard error; return the AOIs that have revisits, add the others to `failures`."""
    done = []
    columns = (TextColumn("Revisits"), BarColumn(), MofNCompleteColumn(), TextColumn("AOIs"), TimeElapsedColumn())
    with (
        Progress(*columns, console=Console(stderr=True), transient=True) as bar,
        closing(extension.run(wanted)) as results,
    ):
        for result in bar.track(results, total=len(wanted)):
            if isinstance(result, Refused):
                failures.append(result)
            else:
                # As JSON, which holds none of the catalog's items: there may be many AOIs.
                done.append(result.to_json())
    return done


def _ingest(out: Path, names: Sequence[str], database: DatabaseSettings, store: StoreSettings) -> Report:
    """Ingest the AOIs that have revisits, those too that an earlier run has found."""
    options = IngestOptions(out, database, store, workers=os.cpu_count() or 1, only=tuple(names))
    return ingest(options, Console(stderr=True))


def _print(report: Mapping[str, Any], options: Options) -> None:
    console = Console()
    table = Table(
        "AOI", "pixels", "images", "taken", "days", "clouds of the best", title=f"Revisits at {options.level}"
    )
    for aoi in report["aois"][:SHOWN]:
        table.add_row(*_row(aoi))
    console.print(table)
    if len(report["aois"]) > SHOWN:
        console.print(f"... and {len(report['aois']) - SHOWN} more; --json has them all.")
    for aoi in report["aois"]:
        for note in aoi["notes"]:
            console.print(escape(f"Note: {aoi['aoi']}: {note}"))
    for failure in report["failures"]:
        console.print(escape(f"Failed: {failure['aoi']}: {failure['reason']}"), style="red")
    if "ingest" in report:
        items = sum(report["ingest"]["items"].values())
        console.print(
            f"{options.out}: {items} items in the catalog, {len(report['ingest']['failures'])} files refused."
        )
    elif not options.dry_run:
        console.print(f"Written to {options.out}; `worldstrat ingest` takes it in.")


def _row(aoi: Mapping[str, Any]) -> list[str]:
    deltas = [revisit["delta"] for revisit in aoi["revisits"] if revisit["delta"] is not None]
    clouds = aoi["revisits"][0]["cloud_cover"]
    return [
        escape(aoi["aoi"]),
        "{} x {}".format(*aoi["size"]),
        str(aoi["candidates"]),
        f"{len(aoi['revisits'])}{' (unchanged)' if aoi['unchanged'] else ''}",
        f"{min(deltas)} to {max(deltas)}" if deltas else "",
        "" if clouds is None else f"{clouds:g} %",
    ]
