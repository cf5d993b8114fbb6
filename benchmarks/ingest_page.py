"""The page of results of ingest."""

import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

import rasterio
from tree import Spent

FASTER, AGAIN = 5.0, 50.0
"""How many times the ordinary script's items a second ours should have, and how much faster a second run should be."""
_NAMES = {
    "ours": "`worldstrat ingest`",
    "ordinary": "ordinary script",
    "floor": "floor",
    "again": "`worldstrat ingest` again, nothing changed",
}
_VERSIONS = ("worldstrat", "rio-cogeo", "rio-stac", "pypgstac", "imagecodecs")
_HEAD = """\
# Benchmarks of ingest

Written by `benchmarks/bench_ingest.py`; the numbers are those of one run.

"""
_TEXT = """
The same published files, by each side in turns, into a new folder and a new database each time, {workers} processes a
side. The **ordinary script** (`benchmarks/ordinary_ingest.py`) is what the documentation of three libraries leads to:
rio-cogeo's `cog_translate` with its default profile to a temporary file, a copy to the store, rio-stac for the items,
`pypgstac load` for all of them. It makes the same items with the same assets, and neither checks, verifies, hashes nor
remembers anything. The **floor** (`benchmarks/floor_ingest.py`) reads and decompresses every raster and compresses its
numbers with the settings of our COGs: no files, no items, no database. Ours does all that `worldstrat ingest` does:
pixels decoded back and compared, objects read back, items validated, a receipt from the database.
Wall time is from the start of the command to its end; CPU is that of the command and of all that it starts, and of
PostgreSQL. The memory is that of the largest process. The files are in the system's cache for every side.

| side | items/s | wall | CPU | CPU of PostgreSQL | CPU per item | memory | stored |
|---|--:|--:|--:|--:|--:|--:|--:|
"""


@dataclass(frozen=True)
class Dataset:
    """What is ingested."""

    aois: int
    files: int
    size: int
    """Bytes of all files."""

    @classmethod
    def of(cls, src: Path) -> "Dataset":
        """Look at a dataset."""
        files = [path for path in src.rglob("*") if path.is_file()]
        aois = {path.parent.name for path in files if path.name.endswith("_ps.tiff")}
        return cls(len(aois), len(files), sum(path.stat().st_size for path in files))


@dataclass
class Result:
    """What one side did, round by round."""

    spent: list[Spent] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    """Seconds of each round by the run's own report: without the start of Python and its imports."""
    items: int = 0
    """Items in the catalog afterwards."""
    stored: int = 0
    """Bytes of all objects."""

    def add(self, spent: Spent, items: int, stored: int) -> None:
        """Add a round."""
        self.spent.append(spent)
        self.items, self.stored = items, stored

    @property
    def walls(self) -> list[float]:
        """Seconds of each round."""
        return [spent.wall for spent in self.spent]

    @property
    def cpus(self) -> list[float]:
        """Seconds of CPU of each round, PostgreSQL's included."""
        return [spent.total_cpu for spent in self.spent]


def write_ingest_page(path: Path, dataset: Dataset, results: dict[str, Result], workers: int) -> None:
    """Write the page."""
    ours = results["ours"]
    if results["ordinary"].items != ours.items:
        raise SystemExit(f"The script made {results['ordinary'].items} items, ours {ours.items}: not the same work.")
    lines = [*_describe(), f"{len(ours.spent)} rounds in turns, the other way round every second time"]
    lines.append(
        f"{dataset.aois} AOIs of a made-up sample (`worldstrat sample`), {ours.items} items, {dataset.files} files of "
        f"{dataset.size / 1e6:.0f} MB"
    )
    table = "\n".join(_row(name, results[name], ours.items) for name in _NAMES)
    head = _HEAD + "\n".join(f"- {line}" for line in lines) + "\n"
    path.write_text(head + _TEXT.format(workers=workers) + table + "\n" + _verdict(results))


def _row(name: str, result: Result, items: int) -> str:
    wall, cpu = median(result.walls), median(spent.cpu for spent in result.spent)
    database = median(spent.database_cpu for spent in result.spent)
    cells = [
        _NAMES[name],
        f"{items / wall:.1f}",
        f"{wall:.2f} s",
        f"{cpu:.1f} s",
        f"{database:.1f} s",
        f"{1000 * (cpu + database) / items:.1f} ms",
        f"{max(spent.peak for spent in result.spent) / 1e6:.0f} MB",
        f"{result.stored / 1e6:.0f} MB" if name in {"ours", "ordinary"} else "",
    ]
    return "| " + " | ".join(cells) + " |"


def _verdict(results: dict[str, Result]) -> str:
    ours, ordinary, floor, again = (results[name] for name in ("ours", "ordinary", "floor", "again"))
    lines = [
        f"- Items a second, ours to the ordinary script's: {_ratio(ordinary.walls, ours.walls, FASTER)}",
        f"- CPU per item, the ordinary script's to ours: {_ratio(ordinary.cpus, ours.cpus)}",
        f"- Distance to the floor, wall time of ours to the floor's: {_ratio(ours.walls, floor.walls)}",
        f"- The same in CPU: {_ratio(ours.cpus, floor.cpus)}",
        (
            f"- A second run with nothing changed, first to second, by the time that the runs report: "
            f"{_ratio(ours.own, again.own, AGAIN)}"
        ),
        (
            f"- The same with the start of Python and its imports, which is most of the second run: "
            f"{_ratio(ours.walls, again.walls)}"
        ),
        f"- A/A: two rounds of one side differ by {_spread(results):.0%} of wall time at most.",
    ]
    return "\n## What it says\n\n" + "\n".join(lines) + "\n"


def _ratio(above: list[float], below: list[float], target: float | None = None) -> str:
    """Return the middle of the ratios of each round, the range of them, and how that stands to the target."""
    ratios = sorted(a / b for a, b in zip(above, below, strict=True))
    text = f"**{median(ratios):.1f}** ({ratios[0]:.1f} to {ratios[-1]:.1f})"
    if target is None:
        return f"{text}."
    word = "met" if ratios[0] >= target else "missed" if ratios[-1] < target else "not decided by this run"
    return f"{text}; the target of {target:g} is {word}."


def _spread(results: dict[str, Result]) -> float:
    sides = [results[name].walls for name in ("ours", "ordinary", "floor")]
    return max(max(walls) / min(walls) - 1 for walls in sides)


def _describe() -> list[str]:
    cores = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    packages = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {cores}, Linux",
        f"Python {platform.python_version()}, {packages}, GDAL {rasterio.__gdal_version__}",
        f"load average of the machine at the end: {os.getloadavg()[0]:.1f}",
    ]
