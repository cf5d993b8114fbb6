"""What a run has to do: every AOI of the source beside what is known of it, a bounded number at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Final

from catalog.metadata import Aoi, Problem, source_of
from ingest.inputs import fingerprints, level_of
from ingest.options import Options
from ingest.source import AoiFiles, Source
from ingest.state import AoiState

CHUNK: Final = 100
"""AOIs whose states are in memory at a time."""
_NAMED: Final = 5

States = Callable[[Sequence[str]], Mapping[str, AoiState]]


class Change(StrEnum):
    """How an AOI of the source stands to the catalog."""

    NEW = "new"
    """The catalog does not know it."""
    CHANGED = "changed"
    """Its rows, its files, or the place of its objects are not those it was made of."""
    RETRIED = "retried"
    """It is known, and asked for again by `--force` or `--retry-failed`."""
    FAILED = "failed"
    """It is as it was when some of its files were refused."""
    UNCHANGED = "unchanged"
    """It is as it was."""
    ABSENT = "absent"
    """The source has no files of it."""
    UNREADABLE = "unreadable"
    """Its files cannot be listed."""

    @property
    def is_work(self) -> bool:
        """Whether the AOI is to be ingested."""
        return self in {Change.NEW, Change.CHANGED, Change.RETRIED}


@dataclass(frozen=True)
class Found:
    """One AOI of the source beside what is known of it."""

    aoi: Aoi
    """What the tables say."""
    change: Change
    """How it stands to the catalog."""
    files: AoiFiles = field(default_factory=lambda: AoiFiles(()))
    """Its files."""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints of its images."""
    state: AoiState | None = None
    """What is known of it."""
    problem: Problem | None = None
    """Why its files cannot be listed, or that there are none."""


def survey(source: Source, names: Sequence[str], states: States, options: Options) -> Iterator[Found]:
    """Yield every AOI of these names as it is found.

    Args:
        source: the published dataset.
        names: names of the AOIs to look at.
        states: gives what is known of some AOIs.
        options: where objects go, and whether AOIs are asked for again.
    """
    waiting = iter(names)
    while chunk := list(islice(waiting, CHUNK)):
        known = states(chunk)
        for name in chunk:
            yield _look(source, name, known.get(name), options)


def _look(source: Source, name: str, state: AoiState | None, options: Options) -> Found:
    aoi = source.tables.aois.get(name) or Aoi(name, source_of(name))
    try:
        files = source.files(name)
    except OSError as error:
        problem = Problem(name, str(error.filename or ""), f"cannot be listed: {error.strerror}")
        # All of its images count as tried, and are tried again as soon as they can be.
        return Found(aoi, Change.UNREADABLE, AoiFiles(()), state.fingerprints if state else {}, state, problem)
    if not files.files:
        return Found(aoi, Change.ABSENT, files, state=state, problem=Problem(name, "", _absence(state)))
    digests = fingerprints(aoi, files, options.store.url)
    again = options.force or options.retry_failed
    return Found(aoi, _change(state, digests, again=again), files, digests, state)


def _change(state: AoiState | None, digests: Mapping[str, str], *, again: bool) -> Change:
    if state is None:
        return Change.NEW
    if again:
        return Change.RETRIED
    if not state.knows(digests):
        return Change.CHANGED
    return Change.FAILED if state.failures else Change.UNCHANGED


def _absence(state: AoiState | None) -> str:
    if state is None or not state.items:
        return "no published files; no item"
    return f"no published files here; its {state.item_counts.total()} items of earlier runs stay in the catalog"


def told_others(others: Sequence[str]) -> str:
    """Say which AOIs the catalog has and the source has not."""
    named = ", ".join(others[:_NAMED]) + (", ..." if len(others) > _NAMED else "")
    return f"{len(others):,} AOIs of the catalog are not in this source, and stay: {named}"


class Gone:
    """Images that the catalog has and the source has no longer.

    Only of levels that the source has of some AOI: the dataset comes in several archives, and the one of SPOT images
    does not make those of Sentinel-2 gone.
    """

    def __init__(self) -> None:
        self._levels: set[str] = set()
        self._lacking: list[tuple[str, str, int]] = []

    def look(self, found: Found) -> None:
        """Compare one AOI's files with what it was made of."""
        here = found.fingerprints.keys()
        self._levels |= {level_of(image) for image in here}
        if not here or found.state is None:
            return
        lacking = [level_of(image) for image in found.state.fingerprints if image not in here]
        self._lacking += [(found.aoi.name, level, lacking.count(level)) for level in sorted(set(lacking))]

    @property
    def images(self) -> int:
        """Number of such images."""
        return sum(count for _, level, count in self._lacking if level in self._levels)

    def problems(self) -> list[Problem]:
        """Return a note for each AOI and level."""
        return [
            Problem(aoi, "", f"{count} {level} image{'s' * (count > 1)} gone from the source, kept in the catalog")
            for aoi, level, count in self._lacking
            if level in self._levels
        ]
