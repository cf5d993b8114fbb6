"""What happened to the files of one AOI: counted, noted, or failed; nothing is lost."""

from dataclasses import dataclass, field

from catalog.metadata import Problem
from ingest.errors import RasterError, UnreadError


@dataclass
class Ledger:
    """The book of one AOI while it is ingested."""

    aoi: str
    """Name of the AOI."""
    files: int = 0
    """Published files that became objects."""
    size: int = 0
    """Bytes of these published files."""
    failures: list[Problem] = field(default_factory=list)
    """Files that were refused, and why."""
    notes: list[Problem] = field(default_factory=list)
    """Oddities that were accepted, and how they were taken."""
    unread: bool = False
    """Whether a file was there and could not be read."""

    def count(self, size: int) -> None:
        """Count one published file of `size` bytes."""
        self.files += 1
        self.size += size

    def fail(self, file: str, reason: str) -> None:
        """Refuse a file."""
        self.failures.append(Problem(self.aoi, file, reason))

    def refuse(self, file: str, error: RasterError) -> None:
        """Refuse a file for what is wrong with it."""
        self.unread |= isinstance(error, UnreadError)
        self.fail(file, str(error))

    def note(self, file: str, reason: str) -> None:
        """Accept an oddity."""
        self.notes.append(Problem(self.aoi, file, reason))
