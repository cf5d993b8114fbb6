"""The index of a tar archive: its members, and seek points of its compression, made in one pass and kept."""

import fcntl
import gzip
import hashlib
import io
import sqlite3
import tarfile
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import IO, Final, Self, cast
from uuid import uuid4

import indexed_gzip  # type: ignore[import-untyped]
from rich.console import Console

from catalog.metadata import METADATA_CSV, SPLIT_CSV, Problem
from catalog.progress import StepProgress
from ingest.errors import SourceError
from ingest.listing import Listing, Member, leads_outside, table_name
from ingest.names import as_text, kind_of_root, parse_path

NO_AOI: Final = ""
"""The AOI under which tables are listed."""
_FORMAT: Final = 1
"""Version of the index's own form; it goes into the file's name."""
_SPACING: Final = 4 << 20
"""Least bytes between two seek points."""
_POINTS: Final = 1000
"""Seek points of a large archive, each of 32 KiB in the memory of every worker that reads it."""
_BLOCK: Final = 512
_LONGEST_HEADER: Final = 1 << 20
"""Bytes of a long name, or of other facts before a file; a member's own bytes are never read here."""
_FARTHEST: Final = 1 << 60
"""No archive is as long."""
_GZIP: Final = b"\x1f\x8b"
_MEGABYTE: Final = 1_000_000
# ValueError, of which encodings have their own kind: numbers and names that nobody can read.
_BROKEN: Final = (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError, ValueError, OverflowError)


@dataclass(frozen=True)
class TarIndex:
    """What is known of an archive."""

    listing: Listing
    """Its members."""
    seek_points: Path | None
    """File with its seek points; None where it is not compressed."""
    failures: tuple[Problem, ...]
    """Where it is cut or damaged."""
    notes: tuple[Problem, ...]
    """Members that were left aside."""


def open_index(archive: Path, cache: Path | None, console: Console) -> TarIndex:
    """Return the index of an archive, made now where there is none of it as it is.

    Args:
        archive: a `.tar` or `.tar.gz`.
        cache: folder in which indexes are kept; beside the archive where there is none.
        console: where the progress of a long pass is shown.

    Raises:
        SourceError: it is no archive, or the index cannot be written.
    """
    try:
        path = _index_path(archive, cache)
        if not path.is_file():
            with _alone(archive, console) as alone:
                # Whoever had it may have made the index meanwhile.
                if not path.is_file():
                    _build(archive, path, console, alone=alone)
        listing = Listing(str(path))
        problems = list(listing.connection.execute("SELECT failed, file, reason FROM problems ORDER BY rowid"))
        compressed = listing.connection.execute("SELECT count(*) FROM seek_points").fetchone()[0] > 0
    except (OSError, sqlite3.Error) as error:
        raise SourceError(f"{archive} cannot be read, or its index not be written: {error}.") from error
    failures, notes = (
        tuple(Problem("", file, reason) for failed, file, reason in problems if bool(failed) == wanted)
        for wanted in (True, False)
    )
    return TarIndex(listing, path if compressed else None, failures, notes)


def read_seek_points(index: Path) -> bytes:
    """Return the seek points that an index holds, as indexed_gzip writes them."""
    with closing(sqlite3.connect(index)) as connection:
        data: bytes = connection.execute("SELECT data FROM seek_points").fetchone()[0]
    return data


def _index_path(archive: Path, cache: Path | None) -> Path:
    """Return where the index of an archive, as it is now, is kept."""
    stat = archive.stat()
    place = hashlib.sha256(str(archive.resolve()).encode()).hexdigest()[:8]
    version = hashlib.sha256(f"{_FORMAT} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:12]
    return (cache or archive.parent) / f"{archive.name}-{place}-{version}.index"


@contextmanager
def _alone(archive: Path, console: Console) -> Iterator[bool]:
    """Hold an archive while its index is made: of two runs that begin at once, one waits for the other's.

    Yields whether it is held: some network disks know no locks. There each run makes its own, and the last one stays.
    """
    with archive.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print(f"Another run makes the index of {archive.name}; waiting for it.", markup=False)
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            yield False
            return
        yield True


def _build(archive: Path, path: Path, console: Console, *, alone: bool) -> None:
    """Write an index under another name first: a pass that is broken off leaves none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # What others have not finished is theirs, unless there can be no others.
    for stale in path.parent.glob(f"{escape(path.name.rpartition('-')[0])}-*.index{'*' if alone else ''}"):
        stale.unlink(missing_ok=True)
    unfinished = path.with_suffix(f".index{uuid4().hex}")
    try:
        listing = Listing(str(unfinished))
        with closing(listing.connection):
            _Pass(archive, listing).run(console)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


class _Pass:
    """One pass over an archive, from its first byte to its last."""

    def __init__(self, archive: Path, listing: Listing) -> None:
        self._archive = archive
        self._listing = listing
        self._connection = listing.connection
        self._kind = kind_of_root(archive.name)
        self._end = 0
        self._whole = False
        self._connection.execute("CREATE TABLE problems (failed INTEGER, file TEXT, reason TEXT)")
        self._connection.execute("CREATE TABLE seek_points (data BLOB)")

    def run(self, console: Console) -> None:
        """List the members and note the seek points."""
        size = self._archive.stat().st_size
        with (
            self._archive.open("rb") as raw,
            StepProgress(console, f"Index of {self._archive.name}, MB", size // _MEGABYTE) as progress,
        ):
            if raw.read(len(_GZIP)) != _GZIP:
                raw.seek(0)
                self._list(raw, raw, progress, None)
                return
            raw.seek(0)
            spacing = max(_SPACING, size // _POINTS)
            with gzip.open(raw) as file, _SeekPoints(self._archive, spacing) as points:
                self._list(raw, file, progress, points)
                data = points.finish(None if self._whole else self._end)
            with self._connection:
                self._connection.execute("INSERT INTO seek_points VALUES (?)", (data,))

    def _list(
        self, raw: IO[bytes], file: IO[bytes] | gzip.GzipFile, progress: StepProgress, points: "_SeekPoints | None"
    ) -> None:
        def members() -> Iterator[Member]:
            for info in self._infos(_Watched(file)):
                progress.at(raw.tell() // _MEGABYTE, as_text(info.name))
                if points:
                    points.reach(info.offset_data)
                yield from self._member(info)

        self._listing.fill(members())

    def _infos(self, file: "_Watched") -> Iterator[tarfile.TarInfo]:
        """Yield every member once it is known to be whole; say where the archive ends too early."""
        waiting: tarfile.TarInfo | None = None
        count = 0
        try:
            with tarfile.open(fileobj=cast("IO[bytes]", file), mode="r:") as archive:
                while (info := archive.next()) is not None:
                    # It keeps them all, which would be half a million.
                    archive.members.clear()  # type: ignore[attr-defined]
                    if info.size < 0:
                        raise tarfile.ReadError(f"a file of {info.size} bytes")
                    if waiting is not None:
                        yield waiting
                    waiting, count, self._end = info, count + 1, info.offset
            if waiting is not None:
                yield waiting
                self._end, waiting = file.at, None
            file.check_end()
            self._whole = True
        except _BROKEN as error:
            if waiting is not None and file.at >= _padded_end(waiting):
                # What follows it is broken, not this one.
                yield waiting
                self._end = file.at
                where = f"behind {waiting.name}, its file number {count:,}"
            else:
                where = f"in {waiting.name}, its file number {count:,}" if waiting else "at its end"
            self._problem(
                self._archive.name,
                f"the archive is cut or damaged {where} ({error}). What lies before it is ingested. Download it again.",
                failed=True,
            )

    def _member(self, info: tarfile.TarInfo) -> Iterator[Member]:
        path = as_text(info.name.removeprefix("./"))
        if leads_outside(path) or not (info.isreg() or info.isdir()):
            self._problem(path, f"a link, a device, or outside of the dataset in {self._archive.name}; left aside")
            return
        table, parsed = table_name(path, (METADATA_CSV, SPLIT_CSV)), parse_path(path, self._kind)
        version = f"{info.mtime}-{info.chksum}"
        place = (path, info.offset_data, info.size, info.size, 0, version)
        if info.isreg() and table is not None:
            yield Member(NO_AOI, table, None, *place)
        elif info.isreg() and parsed is not None:
            aoi, level, name = parsed
            yield Member(aoi, name, level, *place)

    def _problem(self, file: str, reason: str, *, failed: bool = False) -> None:
        self._connection.execute("INSERT INTO problems VALUES (?, ?, ?)", (failed, file, as_text(reason)))


def _padded_end(info: tarfile.TarInfo) -> int:
    """Return where the blocks of a member end."""
    return info.offset_data + -(-info.size // _BLOCK) * _BLOCK


class _Watched:
    """A file that remembers the last block that was read: tarfile takes a damaged header for the end."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile) -> None:
        self._file = file
        self._last = b""
        self.at = 0

    def read(self, size: int) -> bytes:
        """Read on.

        Raises:
            tarfile.ReadError: a header says to be longer than any is; tarfile would read it whole.
        """
        if size > _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        self._last = self._file.read(size)
        self.at = self._file.tell()
        return self._last

    def seek(self, offset: int) -> int:
        """Go on to a place.

        Raises:
            tarfile.ReadError: it lies behind, so that tarfile would come here again, or nowhere.
        """
        if not self.at - 1 <= offset < _FARTHEST:
            raise tarfile.ReadError("a file of an impossible size")
        return self._file.seek(offset)

    def tell(self) -> int:
        """Return where it is."""
        return self._file.tell()

    def check_end(self) -> None:
        """Read what is left, so that checksums are compared.

        Raises:
            tarfile.ReadError: the last block that was read is not the mark of the end.
        """
        if self._last != bytes(_BLOCK):
            raise tarfile.ReadError("no mark of its end, or a damaged header")
        while self._file.read(_MEGABYTE):
            pass


class _SeekPoints:
    """Seek points of a compressed archive, noted beside the listing by a thread that follows it."""

    def __init__(self, archive: Path, spacing: int) -> None:
        # The listing compares the checksum already.
        self._file = indexed_gzip.IndexedGzipFile(str(archive), spacing=spacing, skip_crc_check=True)
        self._pool = ThreadPoolExecutor(1)
        self._pending: Future[int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        self._file.close()

    def reach(self, offset: int) -> None:
        """Let the thread come to where the listing is, if it waits."""
        if self._pending is None or self._pending.done():
            self._pending = self._pool.submit(self._file.seek, offset)

    def finish(self, end: int | None) -> bytes:
        """Return the points of the whole archive, or of all before `end`."""
        if self._pending is not None:
            self._pending.result()
        if end is None:
            self._file.build_full_index()
        else:
            self._file.seek(end)
        out = io.BytesIO()
        self._file.export_index(fileobj=out)
        return out.getvalue()
