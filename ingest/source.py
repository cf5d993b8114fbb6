"""Where AOIs come from: what a source of published files is, whatever holds them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from catalog.constants import Level
from catalog.errors import ObjectNotFoundError, ObjectStoreError, WorldStratError
from catalog.metadata import Problem as TableProblem
from catalog.metadata import Tables
from ingest.errors import RasterError, UnreadError
from ingest.names import parse_sentinel2, parse_spot

FileLevel = Literal["SPOT", "L2A", "L1C"]

MAX_FILE_SIZE: Final = 512 << 20
"""Bytes that a published file may say it has: the largest real one has 9 MB, and more would only fill the memory."""


class Origin(Protocol):
    """Where the bytes of a file are: a small frozen value that another process can read."""

    @property
    def place(self) -> str:
        """Path or address, for messages."""

    def read(self) -> bytes:
        """Return all bytes.

        Raises:
            OSError: they cannot be had.
            WorldStratError: they are not what the archive or the store says.
        """


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One published file and what its name says it is."""

    name: str
    """Its path inside the dataset with `/`, `lr_dataset/<AOI>/L2A/<file>`: the same wherever it comes from."""
    level: FileLevel
    """SPOT, or the processing level of Sentinel-2."""
    kind: str
    """Key of the product, `rgb` or `metadata`."""
    revisit: int | None
    """Rank of the revisit, None for SPOT."""
    size: int
    """Bytes."""
    version: str
    """What differs when the file was changed: its time, checksum or etag."""
    origin: Origin
    """Where its bytes are."""

    def read(self) -> bytes:
        """Return its bytes.

        Raises:
            RasterError: it cannot be read, or is larger than any published file.
            UnreadError: its disk failed, or it is gone.
            ObjectStoreError: its bucket does not answer, which says nothing of the file.
        """
        if self.size > MAX_FILE_SIZE:
            raise RasterError(
                f"it says to have {self.size:,} bytes; no published file has more than {MAX_FILE_SIZE:,}: not read"
            )
        try:
            return self.origin.read()
        except OSError as error:
            # Libraries raise it too, without a number, for contents that they cannot decompress.
            kind = UnreadError if error.errno else RasterError
            raise kind(f"cannot be read: {error.strerror or error}") from error
        except ObjectNotFoundError as error:
            raise UnreadError(f"cannot be read: {error}") from error
        except ObjectStoreError:
            raise
        except WorldStratError as error:
            raise RasterError(f"cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Problem:
    """A file of the dataset that is left aside, and why."""

    name: str
    """The file's path inside the dataset."""
    reason: str
    """What is wrong with it."""


@dataclass(frozen=True, slots=True)
class AoiFiles:
    """All published files of one AOI."""

    files: tuple[SourceFile, ...]
    """The files, in a fixed order."""
    problems: tuple[Problem, ...] = ()
    """Files with names of no published kind."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in the folder of an AOI, before its name is read."""

    name: str
    """Its path inside the dataset."""
    level: Level | None
    """Sentinel-2 level of its folder, None for that of SPOT."""
    size: int
    """Bytes."""
    version: str
    """What differs when the file was changed."""
    origin: Origin
    """Where its bytes are."""


class Part(Protocol):
    """One SRC: a folder, an archive, a table, a prefix of a bucket."""

    @property
    def place(self) -> str:
        """Path or address, for messages."""

    @property
    def tables(self) -> Mapping[str, Origin]:
        """The published tables that it holds, by file name."""

    @property
    def failures(self) -> tuple[TableProblem, ...]:
        """What of it as a whole cannot be read."""

    @property
    def notes(self) -> tuple[TableProblem, ...]:
        """What of it as a whole was left aside."""

    @property
    def holds_images(self) -> bool:
        """Whether it is more than tables."""

    def aois(self) -> Iterable[str]:
        """Return the names of the AOIs that it has files of."""

    def entries(self, aoi: str) -> Iterable[Entry]:
        """Yield its files of an AOI.

        Raises:
            OSError: they cannot be listed.
        """


class Source(Protocol):
    """A published dataset, in however many parts it comes."""

    @property
    def name(self) -> str:
        """What was given as SRC, for messages."""

    @property
    def tables(self) -> Tables:
        """The published tables."""

    @property
    def failures(self) -> tuple[TableProblem, ...]:
        """What of the parts as a whole cannot be read."""

    @property
    def notes(self) -> tuple[TableProblem, ...]:
        """What of the parts as a whole was left aside."""

    def names(self) -> list[str]:
        """Return the names of all AOIs: the table's in its order, then those that no row names."""

    def files(self, aoi: str) -> AoiFiles:
        """List the files of one AOI.

        Raises:
            OSError: they cannot be listed.
        """


def gather(aoi: str, entries: Iterable[Entry]) -> AoiFiles:
    """Return the files of one AOI out of what lies in its folders; the first of several copies is taken."""
    files: dict[tuple[str, str, int | None], SourceFile] = {}
    problems: list[Problem] = []
    for entry in entries:
        filename, level = entry.name.rpartition("/")[2], entry.level
        parsed = parse_spot(filename, aoi) if level is None else parse_sentinel2(filename, aoi, level)
        if isinstance(parsed, str):
            problems.append(Problem(entry.name, parsed))
            continue
        kind, revisit = parsed
        identity = (level or "SPOT", kind, revisit)
        if identity in files:
            used = files[identity].origin.place
            problems.append(Problem(entry.name, f"{entry.origin.place} is a second copy of {used}, not used"))
            continue
        files[identity] = SourceFile(
            entry.name, level or "SPOT", kind, revisit, entry.size, entry.version, entry.origin
        )
    ordered = sorted(files.values(), key=lambda file: (file.level, file.revisit or 0, file.kind))
    return AoiFiles(tuple(ordered), tuple(problems))
