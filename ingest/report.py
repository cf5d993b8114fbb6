"""What a run did, as a value and as JSON."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from catalog.constants import COLLECTION_L1C, COLLECTIONS
from catalog.metadata import Problem
from ingest.runs import RunStatus
from ingest.state import AoiState

INTERRUPTED: Final = "Interrupted: the same command goes on from here."
UNTRIED: Final = "{count:,} AOIs with failures are unchanged and were not tried again; --retry-failed does."


@dataclass
class Report:
    """The sum of a run: what the catalog now holds of a source, and what it could not take."""

    run: int = 0
    """Number of the run."""
    status: RunStatus = "done"
    """Its outcome."""
    started: datetime | None = None
    """When it began."""
    version: str = ""
    """Software that made it."""
    sources: tuple[str, ...] = ()
    """What it was given."""
    options: dict[str, Any] = field(default_factory=dict)
    """How it was asked."""
    error: str | None = None
    """What ended it early."""
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
    worker_seconds: float = 0.0
    """Time that workers took for what this run ingested."""

    _untried: int = field(default=0, repr=False)
    _lack_l1c: list[str] = field(default_factory=list, repr=False)
    _has_l1c: bool = field(default=False, repr=False)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the run early."""
        return self.status == "interrupted"

    def add(self, state: AoiState, *, skipped: bool = False) -> None:
        """Count one AOI."""
        self.aois += bool(state.items)
        self.files += state.files
        self.items += state.item_counts
        self.bytes_in += state.bytes_in
        self.bytes_out += state.bytes_out
        self.skipped += skipped
        self.worker_seconds += 0 if skipped else state.seconds
        self.failures += state.failures
        self.notes += state.notes
        self._untried += skipped and bool(state.failures)
        if COLLECTION_L1C in state.items:
            self._has_l1c = True
        else:
            self._lack_l1c.append(state.aoi)

    def finish(self) -> None:
        """Note what only the whole run shows: AOIs without images that most others have, failures left alone."""
        if self._has_l1c:
            self.notes += [Problem(aoi, "lr_dataset", "no L1C items, which other AOIs have") for aoi in self._lack_l1c]
        if self._untried:
            self.remarks.append(UNTRIED.format(count=self._untried))
        if self.interrupted:
            self.remarks.append(INTERRUPTED)

    def counts(self) -> dict[str, Any]:
        """Return the sums, without what a list of runs has no room for."""
        return {
            "aois": self.aois,
            "files": self.files,
            "items": {collection: self.items[collection] for collection in COLLECTIONS},
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "seconds": round(self.seconds, 3),
            "skipped": self.skipped,
            "worker_seconds": round(self.worker_seconds, 3),
            "failures": len(self.failures),
            "notes": len(self.notes),
        }

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return self.counts() | {
            "run": self.run,
            "status": self.status,
            "started": self.started.isoformat() if self.started else None,
            "version": self.version,
            "sources": list(self.sources),
            "options": self.options,
            "error": self.error,
            "failures": [asdict(problem) for problem in self.failures],
            "notes": [asdict(problem) for problem in self.notes],
            "remarks": self.remarks,
        }
