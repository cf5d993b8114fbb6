"""Searches of this server and of stock stac-fastapi-pgstac, over one database, and the page docs/benchmarks-search.md.

`--items 130000,1000000` measures larger catalogs too; `--data DIR` keeps what was loaded, so that a run goes on there.
"""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import httpx
from measure import ROUNDS, Result, Side
from search_page import SearchRow, write_search_page
from search_stack import SearchStack, running
from stack import Server

from infra.signals import interruptible

PAGE = Path(__file__).parents[1] / "docs/benchmarks-search.md"
L2A = "worldstrat-sentinel-2-l2a"
_OWN_LINKS = {"tilejson", "wmts", "preview"}


@dataclass
class SearchSide(Side):
    """What one server did; `cpu_ms` is that of the server and of PostgreSQL together."""

    database_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """One kind of question: the number makes another of it."""

    title: str
    path: Callable[[int], str]
    requests: int
    """Requests of a block."""
    target: float | None = None


def _day(number: int) -> str:
    return str(date(2017, 3, 1) + timedelta(days=number * 7 % 960))


CASES = (
    Case(
        "item by id", lambda n: f"/collections/{L2A}/items/Place-{n * 37 % 190:06d}_L2A_{n // 190 % 16 + 1:02d}", 40, 3
    ),
    Case("limit 10", lambda n: f"/search?limit=10&datetime={_day(n)}T00:00:{n % 60:02d}Z/..", 10),
    Case("limit 100", lambda n: f"/search?limit=100&datetime={_day(n)}T00:00:{n % 60:02d}Z/..", 4, 8),
    Case("limit 1000", lambda n: f"/search?limit=1000&datetime={_day(n)}T00:00:{n % 60:02d}Z/..", 1, 15),
    Case(
        "box, dates and CQL2, limit 10",
        lambda n: (
            f"/search?limit=10&bbox={n * 7 % 300 - 160},0,{n * 7 % 300 - 120},30&datetime={_day(n)}T00:00:00Z/.."
            f'&filter="worldstrat:cloud_cover"<{n % 60 + 20} AND "worldstrat:ipcc"=\'Agriculture\''
        ),
        8,
    ),
)


@click.command()
@click.option("--items", default="130000", show_default=True, help="Sizes of catalogs, separated by commas.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder that keeps the catalogs; else they go afterwards."
)
@click.option("--page", type=click.Path(path_type=Path), default=PAGE, show_default=True, help="Where results go.")
def main(items: str, data: Path | None, page: Path) -> None:
    """Start everything, measure, write the page."""
    rows: list[SearchRow] = []
    with ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="worldstrat-bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        client = stack.enter_context(httpx.Client(timeout=120, headers={"Accept-Encoding": "identity"}))
        stacks = stack.enter_context(running(folder.resolve(), tuple(int(size) for size in items.split(","))))
        numbers = count()
        for each in stacks:
            for case in CASES:
                for again in (False, True):
                    check_equal(client, each, case.path(next(numbers)))
                    result = run_case(client, each, case, numbers, again=again)
                    rows.append(SearchRow(case.title, each.items, again, result, case.target))
                    print(rows[-1].line(), flush=True)
    write_search_page(page, rows)
    print(f"Written to {page}")


def run_case(client: httpx.Client, stack: SearchStack, case: Case, numbers: "count[int]", *, again: bool) -> Result:
    """Ask both servers the same in blocks ABBA.

    Args:
        client: asks, one request at a time.
        stack: both servers and their database.
        case: what is asked.
        numbers: make other questions of it.
        again: ask what was asked before; else every block is new, and our server remembers no items.
    """
    ours, theirs = SearchSide(), SearchSide()
    server = stack.ours if again else stack.forgetful
    known = [case.path(next(numbers)) for _ in range(case.requests)]
    for one in (server, stack.stock):
        _run_block(client, stack, one, known, SearchSide())
    for _ in range(ROUNDS):
        paths = known if again else [case.path(next(numbers)) for _ in range(2 * case.requests)]
        halves = (paths, paths) if again else (paths[: case.requests], paths[case.requests :])
        # ABBA; each half is new to both sides.
        for one, half in ((server, 0), (stack.stock, 0), (stack.stock, 1), (server, 1)):
            _run_block(client, stack, one, halves[half], theirs if one is stack.stock else ours)
    return Result(ours, theirs)


def _run_block(client: httpx.Client, stack: SearchStack, server: Server, paths: list[str], side: SearchSide) -> None:
    own, database = server.cpu_ms(), stack.database_ms()
    for path in paths:
        start = perf_counter()
        answer = client.get(_url(stack, server, path)).raise_for_status()
        side.latencies.append((perf_counter() - start) * 1000)
        side.sizes.append(len(answer.content))
    spent = stack.database_ms() - database
    side.database_ms.append(spent / len(paths))
    side.cpu_ms.append((server.cpu_ms() - own + spent) / len(paths))


def _url(stack: SearchStack, server: Server, path: str) -> str:
    return f"{server.url}{path}" if server is stack.stock else f"{server.url}/stac{path}"


def check_equal(client: httpx.Client, stack: SearchStack, path: str) -> None:
    """End the run where the answers differ in more than the addresses that each server writes."""
    answers = [
        client.get(_url(stack, server, path)).raise_for_status().json()
        for server in (stack.ours, stack.forgetful, stack.stock)
    ]
    plain = [[_plain(item) for item in answer.get("features", [answer])] for answer in answers]
    if not plain[0] == plain[1] == plain[2]:
        raise SystemExit(f"The answers to {path} differ.")
    matched = {answer.get("numberMatched") for answer in answers}
    if len(matched) > 1:
        print(f"numberMatched of {path}: {matched}", flush=True)


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    assets = {
        name: {key: value for key, value in asset.items() if key != "href"} for name, asset in item["assets"].items()
    }
    links = [(link["rel"], link.get("title")) for link in item["links"] if link["rel"] not in _OWN_LINKS]
    return item | {"assets": assets, "links": links, "stac_extensions": None}


if __name__ == "__main__":
    with interruptible():
        main()
