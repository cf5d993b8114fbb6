"""The page of results."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from load import CLIENTS, LONG, SECONDS, SHARE, Load
from measure import Result, Side

_NOISY = 0.15  # spread of A/A above which the page concludes nothing finer
_TAIL = 3.0
"""Most that the 99th percentile should be of the median."""
_COLUMNS = (
    "tiles",
    "peer",
    "CPU ours",
    "CPU peer",
    "ratio",
    "target",
    "A/A",
    "p50 / p95 ours",
    "p50 / p95 peer",
    "bytes ours / peer",
    "equal",
)
_LOAD_COLUMNS = ("server", "capacity", "asked", "p50", "p95", "p99", "p99 / p50", "target")
_HEAD = """\
# Benchmarks

Written by `make bench`; the numbers are those of one run.

"""
_TEXT = """
Each row asks both servers for the same tiles of the same COGs of a small made-up sample (4 places, 2 revisits), both
warm. `CPU` is the server's process time for a request, the median of its blocks: neighbours on the machine do not count
in it. The ratio is the median of twelve pairs of blocks, with the interval that holds it; `A/A` is how far two blocks
of one side in one round differ: a ratio says no more than that allows. `equal` is the share of pixels that are the same
within one level, over twenty answers: losses of JPEG and WebP count there, and so does NDVI's rounding. titiler runs
with the GDAL settings of its documentation (`benchmarks/stock_titiler.py`), titiler-pgstac is its own application over
the same database with the same settings and its cache of items; both read local files and write PNG at level 6. Our
side keeps decoded chips in memory, which titiler has no place for: what is measured is a warm server. It keeps finished
tiles only in the row of a tile asked for again. `async-geotiff` reads as async-titiler does
(`benchmarks/async_tiles.py`: headers and blocks through obstore, warp by GDAL, PNG by rio-tiler), over copies whose
bands are interleaved by pixel: of several bands apart with a predictor it makes other numbers than GDAL.

"""
_LOAD_TEXT = f"""
## Under load

SPOT, native zoom, PNG, one process a server: first {CLIENTS} requests under way at a time gives its capacity, then
both are asked at a steady pace of {SHARE:.0%} of what the slower one bears, for {LONG:g} s. The last row asks the
faster one for {SHARE:.0%} of its own capacity, for {SECONDS:g} s. Latency counts from when a request was due. The
client runs on the same cores: at hundreds of tiles a second it takes one of them for itself.

"""


@dataclass(frozen=True)
class Row:
    """One case."""

    title: str
    peer: str
    result: Result
    equal: float
    target: float | None


def write_page(path: Path, rows: list[Row], loads: list[Load], machine: list[str]) -> None:
    """Write the page."""
    lines = "\n".join(f"- {line}" for line in machine)
    tiles, load = _table(_COLUMNS, map(_row, rows), 2), _table(_LOAD_COLUMNS, map(_load_row, loads), 1)
    path.write_text(_HEAD + lines + "\n" + _TEXT + tiles + _LOAD_TEXT + load + _verdict(rows, loads))


def _table(columns: Sequence[str], rows: Iterable[str], texts: int) -> str:
    aligned = "|" + "---|" * texts + "--:|" * (len(columns) - texts)
    return "\n".join(["| " + " | ".join(columns) + " |", aligned, *rows]) + "\n"


def _load_row(load: Load) -> str:
    times = [f"{load.percentile(percent):.1f} ms" for percent in (50, 95, 99)]
    paces = [f"{load.capacity:.0f}/s", f"{load.pace:.0f}/s"]
    return "| " + " | ".join([load.name, *paces, *times, f"**{load.tail:.1f}**", f"{_TAIL:g}"]) + " |"


def _row(row: Row) -> str:
    ours, stock = row.result.ours, row.result.stock
    target = f"{row.target:g}" if row.target else ""
    cells = [
        row.title,
        row.peer,
        f"{median(ours.cpu_ms):.2f} ms",
        f"{median(stock.cpu_ms):.2f} ms",
        f"**{row.result.ratio:.1f}** ({row.result.interval[0]:.1f} to {row.result.interval[1]:.1f})",
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


def _verdict(rows: list[Row], loads: list[Load]) -> str:
    lines = []
    for row in rows:
        if row.target is None:
            continue
        low, high = row.result.interval
        word = "met" if low >= row.target else "missed" if high < row.target else "not decided by this run"
        lines.append(f"- {_name(row)}: the target of {row.target:g} is {word}.")
    word = "met" if loads[0].tail <= _TAIL else "missed"
    lines.append(f"- p99 / p50 at {SHARE:.0%} of the slower side's load: the target of {_TAIL:g} is {word}.")
    larger = [_name(row) for row in rows if mean(row.result.ours.sizes) > mean(row.result.stock.sizes) * 1.02]
    lines.append(f"- Our answers are larger for: {'; '.join(larger) or 'none'}.")
    slower = [_name(row) for row in rows if row.result.interval[1] < 1]
    lines.append(f"- We take more CPU for: {'; '.join(slower) or 'none'}.")
    noisy = [_name(row) for row in rows if row.result.control > _NOISY]
    if noisy:
        lines.append(
            f"- Too noisy to conclude more than the order of magnitude (A/A above {_NOISY:.0%}): {'; '.join(noisy)}."
        )
    return "\n## What it says\n\n" + "\n".join(lines) + "\n"


def _name(row: Row) -> str:
    return f"{row.title} ({row.peer})"
