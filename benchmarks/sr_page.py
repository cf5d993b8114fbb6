"""The page of results of super-resolution."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from gpu_sr import GpuResult
from measure import Result

COLD_SECONDS = 0.6
"""Most that a cold item should take."""
_HEAD = """\
# Benchmarks of super-resolution

Written by `benchmarks/bench_sr.py`; the numbers are those of one run.

"""
_WARM = """
## Warm tiles

NDVI as PNG of 256 pixels at zoom 16, whose pixels are 2.4 m at the equator. The first row asks one server for the same
tiles of the item and of its super-resolution; neither side keeps finished tiles; `ratio` is what super-resolution costs
more. The second asks a stock titiler that runs the same network on the warped pixels of every tile
(`benchmarks/titiler_sr.py`), which gives seams; `ratio` is what that costs more. `A/A` is how far two blocks of one
side in one round differ.

| beside | CPU super-resolved | CPU of the other | ratio | target | A/A |
|---|--:|--:|--:|--:|--:|
"""


@dataclass(frozen=True)
class Cold:
    """First requests of items."""

    first: float
    """Seconds of the very first, with which the network is loaded."""
    walls: tuple[float, ...]
    """Seconds of the others."""
    cpu_ms: float
    """Median of the server's CPU-milliseconds."""
    size: tuple[int, int]
    """Rows and columns of an item at 10 m."""

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.walls)

    @property
    def worst(self) -> float:
        """The longest."""
        return max(self.walls)


@dataclass(frozen=True)
class SrRow:
    """Super-resolved tiles beside others: beside plain ones, which have the target, the second side of `result`."""

    title: str
    result: Result
    target: float | None

    @property
    def ratio(self) -> float:
        """How many times the CPU of the first side the second takes."""
        return self.result.ratio


@dataclass(frozen=True)
class SrResults:
    """All that the page tells."""

    cold: Cold
    rows: list[SrRow]
    workers: list[dict[str, Any]] | None
    """What `ray_sr.py` said; None where it could not run."""
    card: GpuResult | None
    """None without a card."""


_PROFILE = """
The extra of a warm tile (2026-11-23): 0.15 ms to deflate 27 kB instead of 6 kB, 0.1 ms to gather pixels of an array of
640 pixels across instead of 160, 0.1 ms of labels and of writing the longer answer. Most of what it was before, 0.7 ms,
was neither: the routes of super-resolution were tried after a hundred and fifty others. Next: the bytes of an
expression kept for the whole item, which would spare both sides most of their arithmetic.
"""


def write_sr_page(path: Path, results: SrResults, machine: list[str]) -> None:
    """Write the page."""
    parts = [_HEAD + "\n".join(f"- {line}" for line in machine), _tell_cold(results.cold)]
    parts.append(_WARM.strip() + "\n" + "\n".join(map(_tell_row, results.rows)))
    parts.append(_PROFILE.strip())
    parts += [_tell_workers(results.workers), _tell_card(results.card)]
    path.write_text("\n\n".join(part.strip("\n") for part in parts) + "\n")


def _tell_cold(cold: Cold) -> str:
    word = "met" if cold.median <= COLD_SECONDS else "missed"
    rows, columns = cold.size
    return (
        "## Cold items\n\n"
        f"One tile of each of {len(cold.walls)} items of {rows} x {columns} pixels that the server has not seen: "
        f"reading, inference over the whole item, tile. Wall time is {cold.median:.2f} s in the middle and "
        f"{cold.worst:.2f} s at most, CPU {cold.cpu_ms:.0f} ms; the very first took {cold.first:.2f} s, with the "
        f"loading of the network. The target of {COLD_SECONDS:g} s is {word}."
    )


def _tell_row(row: SrRow) -> str:
    ours, stock = row.result.ours, row.result.stock
    fine, other = (stock, ours) if row.target else (ours, stock)
    low, high = row.result.interval
    verdict = ""
    if row.target:
        word = "met" if high <= row.target else "missed" if low > row.target else "not decided by this run"
        verdict = f"at most {row.target:g}: {word}"
    cells = [
        row.title,
        f"{median(fine.cpu_ms):.2f} ms",
        f"{median(other.cpu_ms):.2f} ms",
        f"**{row.ratio:.2f}** ({low:.2f} to {high:.2f})",
        verdict,
        f"{row.result.control:.0%}",
    ]
    return "| " + " | ".join(cells) + " |"


def _tell_workers(rows: list[dict[str, Any]] | None) -> str:
    title = "## Workers on Ray Serve\n\n"
    if rows is None:
        return title + "Not measured: this machine lets nobody make a network namespace."
    lines = "\n".join(
        f"| {row['batch']} | {row['items_per_second']:.1f} | {row['median_ms']:.0f} ms | {row['alone_ms']:.0f} ms |"
        for row in rows
    )
    return (
        title + "One replica on the CPU, called by handle by 16 callers with items of 160 x 160 pixels "
        "(`benchmarks/ray_sr.py`). On a CPU a batch saves calls, not operations.\n\n"
        "| most items of a batch | items/s | median latency | one alone |\n|--:|--:|--:|--:|\n" + lines
    )


def _tell_card(card: GpuResult | None) -> str:
    title = "## On a GPU\n\n"
    if card is None:
        return title + "Not measured: no CUDA device. `benchmarks/gpu_sr.py` measures where there is one."
    share = f"{card.share:.1%} of its peak" if card.share is not None else "a share of a peak that is not known here"
    return (
        title + f"{card.card}: {card.network_tiles:,.0f} tile-equivalents a second by the network alone ({share}), "
        f"{card.item_tiles:,.0f} with halo, consistency and masks; one item takes {card.item_ms:.1f} ms. Farthest from "
        f"ONNX Runtime on the CPU: {card.difference:.1g} reflectance."
    )
