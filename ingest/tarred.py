"""A tar archive (Zenodo v1.0), compressed or not: read where its members lie, once an index tells where that is."""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import indexed_gzip  # type: ignore[import-untyped]
from rich.console import Console

from catalog.metadata import Problem  # noqa: TC001 - annotations of attributes are looked up
from ingest.blobs import LocalBlob
from ingest.errors import SourceError
from ingest.listing import Listing, Member
from ingest.source import MAX_FILE_SIZE, Entry, Origin
from ingest.tar_index import NO_AOI, TarIndex, open_index, read_seek_points

_SPAN: Final = 64 << 20
"""Bytes of an archive that a worker decompresses at once: an AOI's files lie one after the other."""
_GAP: Final = 1 << 20
"""Bytes between two files of an AOI that are read over rather than read apart."""


@dataclass(frozen=True, slots=True)
class TarMember:
    """A file in a tar archive."""

    archive: Path
    """The archive."""
    index: Path | None
    """Where its seek points are; None where it is not compressed."""
    path: str
    """The file's name in it."""
    offset: int
    """Where the file begins in the archive, decompressed."""
    size: int
    """Bytes of the file."""
    span: tuple[int, int]
    """Where the files of its AOI around it begin and end."""

    @property
    def place(self) -> str:
        """The archive's path and the file's name in it."""
        return f"{self.archive}: {self.path}"

    def read(self) -> bytes:
        """Return all bytes.

        Raises:
            OSError: the archive cannot be read.
            SourceError: it is cut, or was changed since it was indexed.
        """
        if self.index is None:
            data = LocalBlob(self.archive).read(self.offset, self.size)
        else:
            begin = self.offset - self.span[0]
            data = _decompressed(self.archive, self.index, *self.span)[begin : begin + self.size]
        if len(data) != self.size:
            raise SourceError(f"{self.archive} is cut there: download it again")
        return data


class TarPart:
    """A tar archive in any of the published layouts."""

    holds_images = True

    def __init__(self, archive: Path, cache: Path | None, console: Console) -> None:
        self.place = str(archive)
        self._archive = archive
        self._index: TarIndex = open_index(archive, cache, console)
        self._listing: Listing = self._index.listing
        self.failures: tuple[Problem, ...] = self._index.failures
        self.notes: tuple[Problem, ...] = self._index.notes
        self.tables: Mapping[str, Origin] = {
            member.name: self._origin(member, (member.offset, member.offset + member.size))
            for member in self._listing.members(NO_AOI)
        }
        if not self.tables and not self.aois():
            raise SourceError(
                "; ".join(problem.reason for problem in self.failures)
                or f"{self.place} holds no files in the published layout, `<AOI>/<AOI>_ps.tiff` or the like."
            )

    def aois(self) -> list[str]:
        """Return the names of the AOIs that it holds files of."""
        return [aoi for aoi in self._listing.aois() if aoi != NO_AOI]

    def entries(self, aoi: str) -> Iterator[Entry]:
        """Yield its files of an AOI."""
        members = list(self._listing.members(aoi))
        spans = _spans(members)
        for member in members:
            origin = self._origin(member, spans[member.offset])
            yield Entry(member.name, member.level, member.size, member.version, origin)

    def _origin(self, member: Member, span: tuple[int, int]) -> TarMember:
        return TarMember(self._archive, self._index.seek_points, member.path, member.offset, member.size, span)


def _spans(members: Iterable[Member]) -> dict[int, tuple[int, int]]:
    """Return, by the offset of each member, the stretch of the archive that it is read with."""
    runs: list[list[Member]] = []
    begin = end = 0
    for member in sorted(members, key=lambda member: member.offset):
        last = member.offset + member.size
        if not runs or member.offset - end > _GAP or last - begin > _SPAN:
            runs.append([])
            begin = member.offset
        runs[-1].append(member)
        end = last
    return {member.offset: (run[0].offset, run[-1].offset + run[-1].size) for run in runs for member in run}


@lru_cache(maxsize=1)
def _decompressed(archive: Path, index: Path, begin: int, end: int) -> bytes:
    """Return a stretch of an archive; the last one is kept, for the files of an AOI are asked for one by one."""
    if end - begin > max(_SPAN, MAX_FILE_SIZE):
        raise SourceError(f"a file of {end - begin:,} bytes is no published one")
    file = _open(archive, index)
    try:
        file.seek(begin)
        return bytes(file.read(end - begin))
    except (indexed_gzip.NotCoveredError, indexed_gzip.ZranError, EOFError) as error:
        raise SourceError(f"{archive} is damaged there ({error}): download it again") from error


@lru_cache(maxsize=4)
def _open(archive: Path, index: Path) -> indexed_gzip.IndexedGzipFile:
    """Return an archive of which this process knows the seek points."""
    file = indexed_gzip.IndexedGzipFile(str(archive), readbuf_size=1 << 20)
    file.import_index(fileobj=io.BytesIO(read_seek_points(index)))
    return file
