"""A run: the AOIs of a list, one after the other, each a search and its revisits read side by side."""

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from catalog.constants import Level
from ingest.extend.errors import RevisitError
from ingest.extend.layout import AoiFolder, product_id
from ingest.extend.rank import Choice, Ranking, choose
from ingest.extend.read import read_pixels
from ingest.extend.search import Modifier, StacSource
from ingest.extend.tables import FolderTables
from ingest.extend.wanted import Refused, Wanted

_TABLES_EVERY: Final = 50
"""AOIs after which the tables are written, so that a killed run loses few rows; their files are found again."""


@dataclass(frozen=True)
class Options:
    """How revisits are found and where they go."""

    out: Path
    """Folder in the published layout that they are added to."""
    until: date
    """Last day searched."""
    level: Level = "L2A"
    """Product of the collection."""
    since: date = date(2017, 1, 1)
    """First day searched; the authors began here."""
    ranking: Ranking = field(default_factory=Ranking)
    """Which images are taken."""
    workers: int = 8
    """Revisits read at once."""
    dry_run: bool = False
    """Whether to choose only."""


@dataclass(frozen=True)
class Extended:
    """An AOI and the revisits that were chosen for it."""

    wanted: Wanted
    """The AOI."""
    candidates: int
    """Images that cover it, one a day."""
    choices: tuple[Choice, ...]
    """What was taken of them, the best first."""
    unchanged: bool = False
    """Whether the folder held just these already."""
    notes: tuple[str, ...] = ()
    """What was found odd."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        aoi = self.wanted.aoi
        return {
            "aoi": aoi.name,
            "bounds": list(aoi.bounds or ()),
            "size": [self.wanted.grid.width, self.wanted.grid.height],
            "target_date": self.wanted.target.isoformat() if self.wanted.target else None,
            "candidates": self.candidates,
            "unchanged": self.unchanged,
            "notes": list(self.notes),
            "revisits": [
                {
                    "n": choice.n,
                    "date": choice.candidate.day.isoformat(),
                    "delta": choice.delta,
                    "cloud_cover": choice.candidate.cloud_cover,
                    "rank": choice.rank,
                    "item": choice.candidate.address,
                    "product_id": product_id(choice.candidate.item),
                }
                for choice in self.choices
            ],
        }


class Extension:
    """Finds and writes the revisits of new AOIs."""

    def __init__(self, source: StacSource, modifier: Modifier, options: Options) -> None:
        """Read the tables of the folder, where there are some.

        Raises:
            ExtendError: the folder holds another dataset.
        """
        self._source = source
        self._modifier = modifier
        self._options = options
        self._tables = FolderTables(options.out)

    def run(self, wanted: Sequence[Wanted]) -> Generator[Extended | Refused]:
        """Yield what came of each AOI; closing the generator keeps what is done."""
        with ThreadPoolExecutor(self._options.workers, "revisit") as pool, self._kept():
            for count, one in enumerate(wanted, start=1):
                try:
                    yield self._extend(one, pool)
                except RevisitError as error:
                    yield Refused(one.aoi.name, str(error))
                if count % _TABLES_EVERY == 0 and not self._options.dry_run:
                    self._tables.write()

    @contextmanager
    def _kept(self) -> Iterator[None]:
        if not self._options.dry_run:
            # Before the first file, so that a folder without them is known to be of another making.
            self._tables.write()
        try:
            yield
        finally:
            if not self._options.dry_run:
                self._tables.write()

    def _extend(self, wanted: Wanted, pool: ThreadPoolExecutor) -> Extended:
        options, aoi = self._options, wanted.aoi
        if wanted.target is None and options.ranking.days:
            raise RevisitError("it has no target_date; give it one, or --target-date for all, or --weights 0,1")
        if aoi.bounds is None:  # an AOI of a list has bounds; the type of published ones allows none
            raise RevisitError("it has no bounds")
        candidates = self._source.candidates(aoi.bounds, options.since, options.until)
        choices = choose(candidates, wanted.target, options.ranking)
        if not choices:
            raise RevisitError(self._nothing(len(candidates)))
        folder = AoiFolder(options.out, wanted, options.level)
        unchanged = not options.dry_run and folder.holds(choices)
        notes: list[str] = []
        if not (unchanged or options.dry_run):
            notes = self._fill(folder, choices, pool)
        self._tables.replace(wanted, choices)
        return Extended(wanted, len(candidates), tuple(choices), unchanged, tuple(notes))

    def _fill(self, folder: AoiFolder, choices: Sequence[Choice], pool: ThreadPoolExecutor) -> list[str]:
        """Read and write all revisits of an AOI: all of them, or none."""
        folder.start()
        pending = [pool.submit(self._write, folder, choice) for choice in choices]
        try:
            notes = [note for future in pending for note in future.result()]
            folder.finish()
        finally:
            for future in pending:
                future.cancel()
            for future in pending:
                # Those that run are waited for: they write where discard() clears up.
                future.cancelled() or future.exception()
            folder.discard()
        return notes

    def _write(self, folder: AoiFolder, choice: Choice) -> list[str]:
        """Read and write one revisit; return what was odd."""
        candidate = choice.candidate
        item = deepcopy(dict(candidate.item))
        # Signatures last less than an hour: they are asked for when they are needed.
        try:
            self._modifier(item)
        except Exception as error:  # a stranger's function may raise anything; its item is what fails
            raise RevisitError(f"--modifier failed for {candidate.address}: {error!r}") from error
        pixels = read_pixels(item, candidate.address, folder.level, folder.wanted.grid, self._source.reach)
        folder.write(choice, pixels)
        return pixels.notes

    def _nothing(self, candidates: int) -> str:
        where, options = f"{self._source.collection} of {self._source.url}", self._options
        if candidates:
            return f"none of the {candidates} images of it in {where} is within --max-cloud and --max-days"
        return f"no image in {where} covers it between {options.since} and {options.until}"
