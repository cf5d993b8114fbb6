"""A zip archive (Zenodo v1.1, Kaggle) by random access: its directory is read once, its members where they lie."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from catalog.metadata import METADATA_CSV, SPLIT_CSV, Problem
from ingest.blobs import Blob, open_blob
from ingest.errors import SourceError
from ingest.inflate import ERRORS, METHODS, inflate
from ingest.listing import Listing, Member, leads_outside, table_name
from ingest.names import kind_of_root, parse_path
from ingest.source import MAX_FILE_SIZE, Entry, Origin

_ENCRYPTED: Final = 0x1
_LOCAL_HEADER: Final = struct.Struct("<4s22xHH")
"""Signature, then the lengths of the name and of the extra field behind it."""
_SIGNATURE: Final = b"PK\3\4"
_LARGEST: Final = (1 << 63) - 1
"""Largest number that a listing holds; a directory has room for larger ones."""
_MARGIN: Final = 1024
"""Bytes of name and extra field that the first request reaches for, besides the data."""


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A file in a zip archive."""

    archive: Blob
    """The archive."""
    path: str
    """The file's name in it."""
    offset: int
    """Where its local header begins."""
    stored: int
    """Bytes that it takes, compressed."""
    size: int
    """Bytes of the file."""
    method: int
    """How it is compressed."""
    crc: int
    """CRC-32 of the file."""

    @property
    def place(self) -> str:
        """The archive's place and the file's name in it."""
        return f"{self.archive.place}: {self.path}"

    def read(self) -> bytes:
        """Return all bytes, their checksum verified.

        Raises:
            OSError: the archive cannot be read.
            SourceError: the archive is cut, or the file in it damaged.
        """
        if max(self.size, self.stored) > MAX_FILE_SIZE:
            raise SourceError(f"{self.place} says to have {self.size:,} bytes, more than any published file.")
        packed = self._data()
        try:
            data = inflate(packed, self.method, self.size)
        except ERRORS as error:
            raise SourceError(f"it is damaged in {self.archive.place} ({error}); download the archive again") from error
        if len(data) != self.size:
            more = "more" if len(data) > self.size else f"{len(data):,}"
            raise SourceError(f"it has {more} bytes in {self.archive.place}, {self.size:,} were announced")
        if zlib.crc32(data) != self.crc:
            raise SourceError(f"it is damaged in {self.archive.place} (Bad CRC-32); download the archive again")
        return data

    def _data(self) -> bytes:
        """Return the compressed bytes: one read, a second where the local header is unusually long."""
        near = self.archive.read(self.offset, _LOCAL_HEADER.size + _MARGIN + self.stored)
        if len(near) < _LOCAL_HEADER.size:
            raise SourceError(f"{self.archive.place} ends before it: download the archive again")
        signature, name, extra = _LOCAL_HEADER.unpack_from(near)
        if signature != _SIGNATURE:
            raise SourceError(f"{self.archive.place} has no file where its directory says: download the archive again")
        begin = _LOCAL_HEADER.size + name + extra
        if name + extra > _MARGIN:
            return self.archive.read(self.offset + begin, self.stored)
        return near[begin : begin + self.stored]


class ZipPart:
    """A zip archive in any of the published layouts."""

    failures: tuple[Problem, ...] = ()
    holds_images = True

    def __init__(self, archive: Blob) -> None:
        self.place = archive.place
        self._archive = archive
        self._listing = Listing()
        self._kind = kind_of_root(self.place.rpartition("/")[2])
        self._outside: list[str] = []
        self.tables: dict[str, Origin] = {}
        self._listing.fill(self._members())
        if not self.tables and not self._listing.aois():
            raise SourceError(
                f"{self.place} holds no files in the published layout, `<AOI>/<AOI>_ps.tiff` or the like."
            )

    @property
    def notes(self) -> tuple[Problem, ...]:
        """Members that would lie outside of the dataset."""
        return tuple(Problem("", path, f"leads outside of {self.place}; left aside") for path in self._outside)

    def aois(self) -> list[str]:
        """Return the names of the AOIs that it holds files of."""
        return self._listing.aois()

    def entries(self, aoi: str) -> Iterator[Entry]:
        """Yield its files of an AOI."""
        for member in self._listing.members(aoi):
            origin = self._origin(member)
            yield Entry(member.name, member.level, member.size, member.version, origin)

    def _origin(self, member: Member) -> ZipMember:
        crc = int(member.version, 16)
        return ZipMember(self._archive, member.path, member.offset, member.stored, member.size, member.method, crc)

    def _members(self) -> Iterator[Member]:
        for info in self._infos():
            path = info.filename
            if leads_outside(path):
                self._outside.append(path)
                continue
            parsed, table = parse_path(path, self._kind), table_name(path, (METADATA_CSV, SPLIT_CSV))
            if not path or path.endswith("/") or (parsed is None and table is None):
                continue
            self._check(info)
            facts = (
                path,
                info.header_offset,
                info.compress_size,
                info.file_size,
                info.compress_type,
                f"{info.CRC:08x}",
            )
            if table is not None:
                self.tables.setdefault(table, self._origin(Member("", table, None, *facts)))
            elif parsed is not None:
                aoi, level, name = parsed
                yield Member(aoi, name, level, *facts)

    def _infos(self) -> list[zipfile.ZipInfo]:
        try:
            with open_blob(self._archive) as file, zipfile.ZipFile(file) as archive:
                return archive.infolist()
        except (zipfile.BadZipFile, EOFError, struct.error, NotImplementedError, UnicodeDecodeError) as error:
            raise SourceError(
                f"{self.place} ({self._archive.size():,} bytes) is cut or no zip archive ({error}). Download it again; "
                "`worldstrat fetch` goes on where a download broke off."
            ) from error
        except OSError as error:
            raise SourceError(f"{self.place} cannot be read: {error.strerror or error}.") from error

    def _check(self, info: zipfile.ZipInfo) -> None:
        if max(info.header_offset, info.compress_size, info.file_size) > _LARGEST:
            raise SourceError(f"{self.place} has a damaged directory ({info.filename}): download it again.")
        if info.flag_bits & _ENCRYPTED:
            raise SourceError(
                f"{self.place} is encrypted ({info.filename}). Extract it with its password and give the folder."
            )
        if info.compress_type not in METHODS:
            raise SourceError(
                f"{self.place} is compressed by method {info.compress_type} ({info.filename}), "
                "which cannot be read here. Extract it with 7-Zip or unzip and give the folder."
            )
