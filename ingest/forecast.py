"""What a run would do, without doing it."""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catalog.connection import connect, translated
from ingest.options import Options
from ingest.plan import Change, Found, Gone, survey, told_others
from ingest.run import check, names_of
from ingest.runs import Runs
from ingest.runs_schema import tables_to_read
from ingest.source import Source
from ingest.sources import open_source

_MEANING = {
    Change.NEW: "not in the catalog",
    Change.CHANGED: "rows, files or store differ from what the catalog was made of",
    Change.RETRIED: "asked for again",
    Change.UNCHANGED: "left as they are",
    Change.FAILED: "left as they are, with files that were refused: --retry-failed tries them again",
    Change.ABSENT: "no files in the source",
    Change.UNREADABLE: "their files cannot be listed",
}
_MEGABYTE = 1e6


@dataclass
class Forecast:
    """Numbers of what a run would find and do."""

    aois: Counter[Change] = field(default_factory=Counter)
    """AOIs by how they stand to the catalog."""
    files: Counter[Change] = field(default_factory=Counter)
    """Their published files."""
    size: Counter[Change] = field(default_factory=Counter)
    """Bytes of these files."""
    gone: int = 0
    """Images that the catalog has of AOIs of the source, and the source no longer."""
    others: list[str] = field(default_factory=list)
    """AOIs that the catalog has and the source has not."""
    broken: list[str] = field(default_factory=list)
    """Archives that are cut or damaged, and where."""

    def add(self, found: Found) -> None:
        """Count one AOI."""
        self.aois[found.change] += 1
        self.files[found.change] += len(found.files.files)
        self.size[found.change] += found.files.size

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as JSON has them."""
        counts = {
            str(change): {"aois": self.aois[change], "files": self.files[change], "bytes": self.size[change]}
            for change in _MEANING
        }
        gone = {"images": self.gone, "aois": len(self.others), "names": self.others}
        return counts | {"gone": gone, "broken": self.broken}

    def print(self, console: Console) -> None:
        """Print the numbers for a person."""
        table = Table("", "AOIs", "files", "MB", "", title="What a run would do (nothing was changed)")
        for column in table.columns[1:4]:
            column.justify = "right"
        for change, meaning in _MEANING.items():
            size = f"{self.size[change] / _MEGABYTE:,.1f}"
            style = "bold" if change.is_work and self.aois[change] else None
            table.add_row(change, f"{self.aois[change]:,}", f"{self.files[change]:,}", size, meaning, style=style)
        console.print(table)
        for reason in self.broken:
            console.print(escape(reason), style="bold red")
        if self.gone:
            console.print(f"{self.gone:,} images are gone from the source; the catalog keeps them.")
        if self.others:
            console.print(escape(told_others(self.others)))


def forecast(options: Options, console: Console | None = None, source: Source | None = None) -> Forecast:
    """Compare the source with the catalog; nothing is written, and the object store is not asked.

    Args:
        options: what a run would be asked to do.
        console: where the progress of a first pass over a tar archive is shown.
        source: an open source; `options.src` is opened where none is given.

    Raises:
        WorldStratError: the source is no dataset, or the database does not answer.
    """
    source = source or open_source(options.src, options.indexes, console)
    check(options, source)
    found, gone = Forecast(), Gone()
    found.broken = [f"{problem.file}: {problem.reason}" for problem in source.failures]
    with (
        closing(connect(options.database)) as connection,
        translated(options.database),
        tables_to_read(connection),
    ):
        runs = Runs(connection)
        names = names_of(options, source, runs)
        for one in survey(source, names, runs.states, options):
            found.add(one)
            gone.look(one)
        if not (options.only or options.retry_failed):
            found.others = runs.others(names)
    found.gone = gone.images
    return found
