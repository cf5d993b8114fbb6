"""`worldstrat search` and `worldstrat stats`: what there is, as a table or JSON."""

import json
from collections.abc import Mapping
from typing import Any, Final

import click
import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from client.errors import ServerError
from client.key import headers_for
from client.options import open_client, query_options, take_query
from client.query import answering

_COLUMNS: Final = ("source", "ipcc", "split", "revisit", "delta")
_SHOWN: Final = 20
_COUNTS: Final = (
    "collection_frequency",
    "source_frequency",
    "ipcc_frequency",
    "split_frequency",
    "place_cloud_cover_frequency",
)


@click.command("search")
@query_options
@click.option("--json", "as_json", is_flag=True, help="Print the items, one a line.")
def search(*, as_json: bool, **given: Any) -> None:
    """List the items that a search finds: the first 20, unless --limit or --json ask for more."""
    url, query = take_query(given)
    client = open_client(url)
    found = query.search(client)
    with answering(url):
        if as_json:
            for item in found.items_as_dicts():
                click.echo(json.dumps(item, ensure_ascii=False))
            return
        table = Table("item", "day", *_COLUMNS, "clouds %")
        table.columns[0].no_wrap = table.columns[1].no_wrap = True
        for number, item in enumerate(found.items_as_dicts()):
            if query.limit is None and number >= _SHOWN:
                break
            table.add_row(*map(Text, _row(item)))
        Console().print(table)
        click.echo(f"{found.matched()} items match.")


@click.command("stats")
@query_options
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def stats(*, as_json: bool, **given: Any) -> None:
    """Count what a search finds, by collection, source, IPCC class, split and clouds; nothing is downloaded."""
    url, query = take_query(given)
    if query.limit is not None:
        raise click.UsageError("--limit is for lists: counts are of all that match.")
    body: dict[str, Any] = {"collections": list(query.collections), "aggregations": list(_COUNTS)}
    body |= {"filter": query.filter(), "filter-lang": "cql2-json"} if query.filter() else {}
    body |= {name: value for name, value in {"bbox": query.bbox, "datetime": query.datetime}.items() if value}
    counted = _aggregate(url, body)
    if as_json:
        click.echo(json.dumps(counted, ensure_ascii=False))
        return
    for name, buckets in counted.items():
        table = Table(name.removesuffix("_frequency").replace("_", " "), "items", title_justify="left")
        table.columns[1].justify = "right"
        for key, count in buckets.items():
            table.add_row(Text(key), f"{count:,}")
        Console().print(table)


def _aggregate(url: str, body: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return the counts of each aggregation by bucket.

    Raises:
        ServerError: the server does not answer, or does not count.
    """
    try:
        answer = httpx.post(f"{url.rstrip('/')}/aggregate", json=body, headers=headers_for(url), timeout=60)
        answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        raise ServerError(f"{url} refused to count: {error.response.text[:300]}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ServerError(f"{url} does not answer ({type(error).__name__}). Is it the /stac address?") from error
    try:
        return {
            one["name"]: {str(bucket["key"]): bucket["frequency"] for bucket in one.get("buckets", ())}
            for one in answer.json()["aggregations"]
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ServerError(f"{url} is no STAC API that counts. Is it the /stac address of a server?") from error


def _row(item: Mapping[str, Any]) -> list[str]:
    told = item["properties"]
    cells = [told.get(f"worldstrat:{name}") for name in _COLUMNS]
    clouds = told.get("worldstrat:cloud_cover", told.get("eo:cloud_cover"))
    texts = ["" if cell is None else str(cell) for cell in cells]
    return [item["id"], (told.get("datetime") or "")[:10], *texts, "" if clouds is None else f"{clouds:.0f}"]
