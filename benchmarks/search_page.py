"""The page of results of searches."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import mean, median
from typing import Any

from measure import ROUNDS, Result

_COLUMNS = (
    "search",
    "items",
    "CPU ours (server + PostgreSQL)",
    "CPU stock (server + PostgreSQL)",
    "ratio",
    "throughput",
    "target",
    "A/A",
    "p50 / p95 / p99 ours",
    "p50 / p95 / p99 stock",
    "kB ours / stock",
)
_TEXT = """
Both servers stand over the same database, one process each, and are asked the same, one request at a time. Items are
synthetic: copies of the real ones of a small sample with other places, days and clouds (`benchmarks/many_items.py`);
one takes 17 kB as JSON. Stock is stac-fastapi-pgstac's own application with hydration in Python and counts
(`benchmarks/search_stack.py`). Before each row the answers of both are compared, item by item: all but addresses
and the links that only we have.

`new`: every block asks what was not asked before, and our server remembers no items. `again`: the same requests as
before; our server remembers the items as it wrote them, and what a search compiles to and matches, until anything in
the database changes. `CPU` is the time of the server's process and of PostgreSQL for a request, the median of blocks;
`throughput` is how many times as many requests a second one client gets; `A/A` how far two blocks of one side in one
round differ at worst: a ratio says no more than that allows. In `new` rows the two are different requests.

"""

_PROFILE = """
## Where the time goes, and what next

Profile of 2026-11-22, at 130 thousand items. PostgreSQL's exact count (`numberMatched`) is 24 to 34 ms of every
search with conditions that were not asked before, whatever the limit: it is most of limit 10 and half of limit 100.
Reading and hydrating costs 0.15 ms an item the first time (limit 1000: 227 ms here, 161 ms in PostgreSQL, which
unpacks 17 kB an item) and 0.03 ms when remembered. In `again` rows A/A is wide since stock writes pgSTAC's `searches`
table in between, which makes ours forget. Next: counts of one collection and one property from numbers that the
ingest keeps, which spares most exact counts; items kept in the database as the JSON that is sent, which spares
unpacking and hydration of new ones.
"""


@dataclass(frozen=True)
class SearchRow:
    """One case over one catalog."""

    title: str
    items: int
    again: bool
    result: Result
    target: float | None

    @property
    def name(self) -> str:
        """What was asked, and whether before."""
        return f"{self.title}, {'again' if self.again else 'new'}"

    @property
    def throughput(self) -> float:
        """How many times as many requests we answer in the same time."""
        return mean(self.result.stock.latencies) / mean(self.result.ours.latencies)

    def line(self) -> str:
        """Return the row in short."""
        return f"{self.items:8d} {self.name:40s} CPU {self.result.ratio:5.1f}x  throughput {self.throughput:5.1f}x"


def write_search_page(path: Path, rows: list[SearchRow]) -> None:
    """Write the page."""
    head = "| " + " | ".join(_COLUMNS) + " |"
    table = [head, "|---|" + "--:|" * (len(_COLUMNS) - 1), *map(_row, rows)]
    verdict = [*_verdicts(rows), *_growth(rows)]
    facts = "\n".join(f"- {line}" for line in _describe())
    words = "# Benchmarks of searches\n\nWritten by `benchmarks/bench_search.py`; the numbers are those of one run.\n\n"
    path.write_text(
        words
        + facts
        + "\n"
        + _TEXT
        + "\n".join(table)
        + "\n\n## What it says\n\n"
        + "\n".join(verdict)
        + "\n"
        + _PROFILE
    )


def _describe() -> list[str]:
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("worldstrat", "stac-fastapi-pgstac", "pypgstac", "uvicorn")
    )
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()}",
        f"Python {platform.python_version()}, {packages}",
        f"{ROUNDS} rounds ABBA, one request at a time, one process a side, no compression",
        f"load average of the machine at the end: {os.getloadavg()[0]:.1f}",
    ]


def _row(row: SearchRow) -> str:
    ours, stock = row.result.ours, row.result.stock
    ratios = row.result.ratios
    cells = [
        row.name,
        f"{row.items:,}",
        _cpu(ours),
        _cpu(stock),
        f"**{row.result.ratio:.1f}** ({min(ratios):.1f} to {max(ratios):.1f})",
        f"{row.throughput:.1f}",
        f"{row.target:g}" if row.target else "",
        f"{row.result.control:.0%}",
        _latency(ours),
        _latency(stock),
        f"{mean(ours.sizes) / 1000:.0f} / {mean(stock.sizes) / 1000:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def _cpu(side: Any) -> str:
    database = median(side.database_ms)
    return f"{median(side.cpu_ms) - database:.1f} + {database:.1f} ms"


def _latency(side: Any) -> str:
    return " / ".join(f"{side.percentile(percent):.0f}" for percent in (50, 95, 99)) + " ms"


def _verdicts(rows: list[SearchRow]) -> list[str]:
    lines = []
    for row in rows:
        if row.target is None:
            continue
        low, high = min(row.result.ratios), max(row.result.ratios)
        word = "met" if low >= row.target else "missed" if high < row.target else "not decided by this run"
        lines.append(f"- {row.items:,} items, {row.name}: the target of {row.target:g} is {word}.")
    return lines


def _growth(rows: list[SearchRow]) -> list[str]:
    """Tell how our p95 grows with the catalog."""
    smallest = min(row.items for row in rows)
    base = {row.name: row.result.ours.percentile(95) for row in rows if row.items == smallest}
    return [
        f"- From {smallest:,} to {row.items:,} items our p95 of {row.name!r} grows "
        f"{row.result.ours.percentile(95) / base[row.name]:.1f} times."
        for row in rows
        if row.items != smallest
    ]
