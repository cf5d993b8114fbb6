"""`worldstrat aois`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from catalog.options import data_option
from catalog.settings import load_database
from ingest.aois.draw import MAX_POINTS, Stratum, draw, features, sample_land
from ingest.aois.errors import SampleAoisError
from ingest.aois.existing import existing_bounds
from ingest.aois.globe import Globe
from ingest.aois.rebalance import REBALANCINGS

MAX_COUNT = 20_000
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def aois() -> None:
    """Draw new AOIs, as the published ones were drawn."""


@aois.command()
@click.option("--lccs", type=_FILE, required=True, help="Land cover of ESA CCI or C3S: GeoTIFF, or their NetCDF.")
@click.option("--smod", type=_FILE, required=True, help="GHS-SMOD, 1 km in Mollweide's projection: GeoTIFF.")
@click.option("--count", type=click.IntRange(1, MAX_COUNT), required=True, help="AOIs to draw.")
@click.option("--seed", type=click.IntRange(0), required=True, help="Another seed, other AOIs.")
@click.option("--rebalance", "how", type=click.Choice(REBALANCINGS), default=REBALANCINGS[0], show_default=True)
@click.option("--settlements", type=click.IntRange(0), help="How many of them are settlements; by --rebalance else.")
@click.option(
    "--distribution",
    type=click.IntRange(1, MAX_POINTS),
    default=1_000_000,
    show_default=True,
    help="Points on land that tell how common each class is, and that are drawn from.",
)
@click.option("--exclude-existing", is_flag=True, help="Draw none that overlaps an AOI of the catalog.")
@click.option("--prefix", default="Sampled", show_default=True, help="What names begin with.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("aois.geojson"), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the strata as JSON on standard output.")
@data_option("Folder of the local stack, for --exclude-existing.")
def sample(*, lccs: Path, smod: Path, count: int, seed: int, out: Path, as_json: bool, **given: Any) -> None:
    """Draw points on land, stratified by land use, and write the squares of 2.5 square kilometres around them.

    Points are drawn uniformly on the sphere; water counts where it is no sea. Their IPCC class follows from the land
    cover (LCCS). The roots of the classes' sizes say how many of the COUNT places each gets; those of Settlement are
    shared out among the degrees of urbanisation (SMOD) likewise. The same arguments always draw the same places.

    The GeoJSON file is what `worldstrat extend` takes.
    """
    if (given["settlements"] or 0) > count:
        raise click.BadParameter(f"{given['settlements']} of {count} AOIs cannot be settlements.")
    taken = existing_bounds(load_database(given["data"])) if given["exclude_existing"] else ()
    console = Console(stderr=True)
    with console.status(f"Reading the classes of {given['distribution']:,} points on land"):
        points = sample_land(Globe(lccs), Globe(smod), given["distribution"], seed)
    drawn, strata = draw(points, count, given["how"], seed, settlements=given["settlements"], existing=taken)
    _write(out, features(points, drawn, given["prefix"], seed))
    if as_json:
        click.echo(json.dumps({"out": str(out), "aois": len(drawn), "strata": [asdict(one) for one in strata]}))
    else:
        _print(Console(), out, strata)


def _write(out: Path, found: Sequence[Any]) -> None:
    try:
        out.write_text(json.dumps({"type": "FeatureCollection", "features": list(found)}, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise SampleAoisError(f"{out} cannot be written: {error.strerror}.") from error


def _print(console: Console, out: Path, strata: Sequence[Stratum]) -> None:
    points, places = sum(one.points for one in strata), sum(one.drawn for one in strata)
    table = Table("stratum", "of the land", "target", "drawn")
    for one in strata:
        table.add_row(one.name, f"{100 * one.points / points:.2f} %", str(one.target), str(one.drawn))
    console.print(table)
    console.print(f"{places} AOIs in {out}.")
    if any(one.drawn < one.target for one in strata):
        console.print("Some strata have too few points: a larger --distribution finds more of them.", style="yellow")
