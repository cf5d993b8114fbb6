"""What a check found damaged, made again from the dataset: now, or by the next ingest."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from catalog.connection import connect, translated
from catalog.constants import COLLECTIONS
from ingest.lock import lock_catalog
from ingest.marks import mark
from ingest.options import Options
from ingest.run import ingest
from ingest.runs import RunEnd, Runs
from ingest.sources import open_source
from ingest.verification import Verification
from ingest.verify import Checks, examine


@dataclass(frozen=True)
class Repair:
    """What to check, and what to mend it from."""

    checks: Checks
    """What is checked."""
    sources: Sequence[str] = ()
    """The dataset, as `ingest` takes it; damaged AOIs are only marked where none is given."""
    workers: int = 1
    """Processes that make AOIs again."""
    indexes: Path | None = None
    """Folder in which the indexes of tar archives are kept."""


def repair(wanted: Repair, console: Console) -> Verification:
    """Check the catalog and have what is damaged made again; nothing is deleted.

    Returns:
        what is still not as it was meant.

    Raises:
        StateError: an ingest is at work.
        SourceError: what was given is no dataset.
        DatabaseError: the database does not answer.
        ObjectStoreError: the store does not.
    """
    source = open_source(wanted.sources, wanted.indexes, console) if wanted.sources else None
    found = _check_and_mark(wanted.checks, console)
    if source is None or not found.damaged:
        return found
    here = set(source.names())
    again = [aoi for aoi in found.damaged if aoi in here]
    console.print(f"{len(again):,} of {len(found.damaged):,} damaged AOIs are in {source.name}; they are made again.")
    if not again:
        return found
    checks = wanted.checks
    options = Options(wanted.sources, checks.database, checks.store, wanted.workers, None, checks.schemas, tuple(again))
    ingest(options, console, source)
    return _after(found, again, checks, console)


def _check_and_mark(checks: Checks, console: Console) -> Verification:
    """Check everything, and mark what is damaged while nobody else may write."""
    with translated(checks.database), closing(connect(checks.database)) as connection:
        lock_catalog(connection)
        found = examine(connection, checks, console)
        if found.damaged:
            runs = Runs(connection)
            runs.open([], {"verify": True, "quick": checks.quick})
            found.marked = mark(connection, runs.run, found.damaged)
            # No clean end: had the run before been lost, the next ingest has collections to bring up to date.
            told = f"verify found {found.counts.total():,} things that are not as they were meant"
            runs.close(RunEnd("failed", f"{told}; {len(found.marked):,} AOIs are marked"))
    return found


def _after(found: Verification, again: Sequence[str], checks: Checks, console: Console) -> Verification:
    """Return what is left of the findings, after a second look at what was made again."""
    with translated(checks.database), closing(connect(checks.database)) as connection:
        lock_catalog(connection)
        left = examine(connection, checks, console, again if found.is_listed else None)
    if found.is_listed:
        for finding in found.findings:
            # Of an AOI, an ingest makes only what is in the dataset's own collections.
            if finding.aoi not in again or finding.collection not in COLLECTIONS:
                left.add(finding)
        left.aois, left.items, left.objects, left.bytes = found.aois, found.items, found.objects, found.bytes
    left.seconds += found.seconds
    left.repaired = [aoi for aoi in again if aoi not in left.damaged]
    left.marked = [aoi for aoi in found.marked if aoi not in again]
    return left
