"""What a run did, as a value, as JSON and as a table."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catalog.constants import COLLECTION_L1C, COLLECTIONS
from catalog.metadata import Problem
from ingest.state import AoiState

SHOWN: Final = 20
"""Failures, and kinds of notes, that the table names; the JSON has them all."""
_MEGABYTE: Final = 1e6


@dataclass
class Report:
    """The sum of a run: what the catalog now holds of a source, and what it could not take."""

    aois: int = 0
    """AOIs of which the catalog holds items."""
    files: int = 0
    """Published files that are objects now."""
    items: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(COLLECTIONS, 0)))
    """Items by collection."""
    bytes_in: int = 0
    """Bytes of the published files."""
    bytes_out: int = 0
    """Bytes of the objects."""
    seconds: float = 0.0
    """Duration of the run."""
    skipped: int = 0
    """AOIs that were already there, unchanged; they are counted in all of the above."""
    failures: list[Problem] = field(default_factory=list)
    """Files that were refused, and why."""
    notes: list[Problem] = field(default_factory=list)
    """Oddities that were accepted, and how they were taken."""
    remarks: list[str] = field(default_factory=list)
    """What is to be said of the run as a whole."""

    interrupted: bool = False
    """Whether Ctrl-C ended the run early."""
    _levels: dict[str, set[str]] = field(default_factory=dict, repr=False)
    """Collections that each AOI has items in."""

    def add(self, state: AoiState, *, skipped: bool = False) -> None:
        """Count one AOI."""
        self.aois += bool(state.items)
        self.files += state.files
        self.items += state.item_counts
        self.bytes_in += state.bytes_in
        self.bytes_out += state.bytes_out
        self.skipped += skipped
        self.failures += state.failures
        self.notes += state.notes
        self._levels[state.aoi] = set(state.items)

    def finish(self) -> None:
        """Note what only the whole run shows: AOIs without images that most others have."""
        have_l1c = {aoi for aoi, collections in self._levels.items() if COLLECTION_L1C in collections}
        if have_l1c:
            lacking = [aoi for aoi in self._levels if aoi not in have_l1c]
            self.notes += [Problem(aoi, "lr_dataset", "no L1C items, which other AOIs have") for aoi in lacking]
        if self.interrupted:
            self.remarks.append("Interrupted: the same command goes on from here.")

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "aois": self.aois,
            "files": self.files,
            "items": {collection: self.items[collection] for collection in COLLECTIONS},
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "seconds": round(self.seconds, 3),
            "skipped": self.skipped,
            "failures": [asdict(problem) for problem in self.failures],
            "notes": [asdict(problem) for problem in self.notes],
            "remarks": self.remarks,
        }

    def print(self, console: Console) -> None:
        """Print the report for a person."""
        console.print(_totals(self))
        if self.failures:
            console.print(_problems("Failures", [(p.aoi, p.file, p.reason) for p in self.failures]))
        if self.notes:
            console.print(_problems("Accepted, with a note", list(_alike(self.notes))))
        for remark in self.remarks:
            console.print(remark)


def _totals(report: Report) -> Table:
    table = Table("", "count", title="Ingested")
    table.columns[1].justify = "right"
    rows = {
        "AOIs": f"{report.aois:,}",
        "  unchanged since the last run": f"{report.skipped:,}",
        "files": f"{report.files:,}",
        **{collection: f"{report.items[collection]:,}" for collection in COLLECTIONS},
        "MB in": f"{report.bytes_in / _MEGABYTE:,.1f}",
        "MB out": f"{report.bytes_out / _MEGABYTE:,.1f}",
        "seconds": f"{report.seconds:,.1f}",
        "failures": f"{len(report.failures):,}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _problems(title: str, rows: list[tuple[str, str, str]]) -> Table:
    more = f" (the first {SHOWN} of {len(rows)}; --json has all)" if len(rows) > SHOWN else ""
    table = Table("AOI", "file", "reason", title=title + more)
    for row in rows[:SHOWN]:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _alike(notes: Iterable[Problem]) -> Iterable[tuple[str, str, str]]:
    """Yield one row for all notes of the same words: a dataset without L1C says so once, not 3,928 times."""
    grouped: dict[str, list[Problem]] = defaultdict(list)
    for note in notes:
        grouped[note.reason].append(note)
    for reason, same in grouped.items():
        one = len(same) == 1
        yield (same[0].aoi if one else f"{len(same)} AOIs", same[0].file if one else "", reason)
