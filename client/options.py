"""The options by which commands choose images."""

from collections.abc import Callable
from typing import Any, Final

import click
from pystac_client import Client
from pystac_client.exceptions import APIError

from catalog.constants import COLLECTIONS as ALL
from catalog.metadata import SPLITS
from client.errors import ServerError
from client.key import URL, headers_for
from client.query import COLLECTIONS, Bbox, Query, answering


class BboxType(click.ParamType[Bbox]):
    """West, south, east, north in degrees, by commas."""

    name = "W,S,E,N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Bbox:
        """Return the four numbers."""
        try:
            west, south, east, north = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not west,south,east,north", param, ctx)
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):  # noqa: PLR2004 - degrees
            self.fail(f"{value!r} is no box in degrees, west before east and south before north", param, ctx)
        return west, south, east, north


_OPTIONS: Final = (
    click.option("--url", envvar="WORLDSTRAT_URL", default=URL, show_default=True, help="The STAC API of a server."),
    click.option(
        "--collection",
        "collections",
        multiple=True,
        type=click.Choice([*COLLECTIONS, *ALL]),
        help="Images of this kind only; SPOT and L2A if not set.",
    ),
    click.option("--source", "sources", multiple=True, help="Landcover, UNHCR, ASMSpotter or Amnesty."),
    click.option("--ipcc", multiple=True, help="IPCC class, such as Settlement."),
    click.option("--lccs", multiple=True, type=int, help="LCCS code, such as 190."),
    click.option("--smod", multiple=True, type=int, help="SMOD code, such as 30."),
    click.option("--split", "splits", multiple=True, type=click.Choice(SPLITS), help="Split of the published table."),
    click.option("--aoi", "aois", multiple=True, help="Name of a place."),
    click.option("--max-cloud", type=click.FloatRange(0, 100), help="Per cent of clouds in the place."),
    click.option("--max-delta", type=click.IntRange(0), help="Days between a revisit and the SPOT image."),
    click.option("--max-revisit", type=click.IntRange(1, 16), help="Worst rank of a revisit; 1 is the best."),
    click.option("--leaks", is_flag=True, help="With --split: also places that are in several splits."),
    click.option("--bbox", type=BboxType(), help="Part of the world, in degrees."),
    click.option("--datetime", metavar="TIME", help="A day, or an interval such as 2019-01-01/2019-12-31."),
    click.option("--limit", type=click.IntRange(1), help="Most items."),
)


def query_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options by which images are chosen; `take_query` reads them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_query(given: dict[str, Any]) -> tuple[str, Query]:
    """Take the address and the query out of a command's options."""
    url: str = given.pop("url")
    names = tuple(COLLECTIONS.get(name, name) for name in given.pop("collections"))
    rest: dict[str, Any] = {name: given.pop(name) for name in Query.__dataclass_fields__ if name != "collections"}
    if names:
        rest["collections"] = names
    return url, Query(**rest)


def open_client(url: str) -> Client:
    """Return a client of a STAC API.

    Raises:
        ServerError: there is none at that address.
    """
    with answering(url):
        try:
            return Client.open(url, headers=headers_for(url))
        except APIError:
            raise
        except Exception as error:  # pystac-client raises bare exceptions for what it cannot read
            raise ServerError(f"{url} is no STAC API. Is it the /stac address of a server?") from error
