"""The page of results."""

from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from measure import Result, Side

_NOISY = 0.15  # spread of A/A above which the page concludes nothing finer
_COLUMNS = (
    "tiles",
    "CPU ours",
    "CPU titiler",
    "ratio",
    "target",
    "A/A",
    "p50 / p95 ours",
    "p50 / p95 titiler",
    "bytes ours / titiler",
    "equal",
)
_HEAD = """\
# Benchmarks

Written by `make bench`; the numbers are those of one run.

"""
_TEXT = """
Each row asks both servers for the same tiles of the same COGs of a small made-up sample (4 places, 2 revisits), both
warm. `CPU` is the server's process time for a request, the median of its blocks: neighbours on the machine do not count
in it. `A/A` is how far two blocks of one side in one round differ at worst; a ratio says no more than that allows.
`equal` is the share of pixels that are the same within one level, over twenty answers: losses of JPEG and WebP count
there, and so does NDVI's rounding. titiler runs with the GDAL settings of its documentation
(`benchmarks/stock_titiler.py`), on local files, PNG as it comes (level 6). Our side keeps decoded chips in memory,
which titiler has no place for: what is measured is a warm server. Neither keeps finished tiles.

"""


@dataclass(frozen=True)
class Row:
    """One case."""

    title: str
    result: Result
    equal: float
    target: float | None


def write_page(path: Path, rows: list[Row], machine: list[str]) -> None:
    """Write the page."""
    head = "| " + " | ".join(_COLUMNS) + " |"
    lines = [f"- {line}" for line in machine]
    table = [head, "|---|" + "--:|" * (len(_COLUMNS) - 1), *map(_row, rows)]
    path.write_text(_HEAD + "\n".join(lines) + "\n" + _TEXT + "\n".join(table) + "\n\n" + _verdict(rows))


def _row(row: Row) -> str:
    ours, stock = row.result.ours, row.result.stock
    target = f"{row.target:g}" if row.target else ""
    cells = [
        row.title,
        f"{median(ours.cpu_ms):.2f} ms",
        f"{median(stock.cpu_ms):.2f} ms",
        f"**{row.result.ratio:.1f}** ({min(row.result.ratios):.1f} to {max(row.result.ratios):.1f})",
        target,
        f"{row.result.control:.0%}",
        _latency(ours),
        _latency(stock),
        f"{mean(ours.sizes):.0f} / {mean(stock.sizes):.0f}",
        f"{row.equal:.2%}",
    ]
    return "| " + " | ".join(cells) + " |"


def _latency(side: Side) -> str:
    return f"{side.percentile(50):.1f} / {side.percentile(95):.1f} ms"


def _verdict(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        if row.target is None:
            continue
        low, high = min(row.result.ratios), max(row.result.ratios)
        word = "met" if low >= row.target else "missed" if high < row.target else "not decided by this run"
        lines.append(f"- {row.title}: the target of {row.target:g} is {word}.")
    larger = [row.title for row in rows if mean(row.result.ours.sizes) > mean(row.result.stock.sizes) * 1.02]
    lines.append(f"- Our answers are larger for: {'; '.join(larger) or 'none'}.")
    noisy = [row.title for row in rows if row.result.control > _NOISY]
    if noisy:
        lines.append(
            f"- Too noisy to conclude more than the order of magnitude (A/A above {_NOISY:.0%}): {'; '.join(noisy)}."
        )
    return "## What it says\n\n" + "\n".join(lines) + "\n"
