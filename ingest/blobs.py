"""Files that parts are read of, on a disk or in a bucket: what archives lie in."""

import io
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Final, Protocol
from weakref import finalize

from catalog.objects import ObjectStore
from catalog.settings import StoreSettings

_BUFFER: Final = 1 << 20
_OPEN_FILES: Final = 8


class Blob(Protocol):
    """A file that parts are read of; a small frozen value that another process can use."""

    @property
    def place(self) -> str:
        """Path or address, for messages."""

    def size(self) -> int:
        """Return its bytes."""

    def read(self, start: int, length: int) -> bytes:
        """Return `length` bytes from `start`, fewer where it ends before.

        Raises:
            OSError: it cannot be read.
            ObjectStoreError: the bucket does not answer.
        """


@dataclass(frozen=True, slots=True)
class LocalBlob:
    """A file on a disk."""

    path: Path
    """Where it lies."""

    @property
    def place(self) -> str:
        """Its path."""
        return str(self.path)

    def size(self) -> int:
        """Return its bytes."""
        return self.path.stat().st_size

    def read(self, start: int, length: int) -> bytes:
        """Return `length` bytes from `start`; the file stays open in this process."""
        file = _open(self.path)
        return os.pread(file.descriptor, length, start)


@dataclass(frozen=True, slots=True)
class BucketBlob:
    """An object in a bucket."""

    store: StoreSettings
    """The bucket, and how it is reached."""
    key: str
    """Key of the object."""

    @property
    def place(self) -> str:
        """Its address."""
        return f"{self.store.url}/{self.key}"

    def size(self) -> int:
        """Return its bytes."""
        return bucket(self.store).head(self.key).size

    def read(self, start: int, length: int) -> bytes:
        """Return `length` bytes from `start` by one range request."""
        return bucket(self.store).get_range(self.key, start, length) if length else b""


class _Reader(io.RawIOBase):
    """A blob as a file that libraries seek in."""

    def __init__(self, blob: Blob) -> None:
        self._blob, self._size, self._at = blob, blob.size(), 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that one may seek in it."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer from here."""
        data = self._blob.read(self._at, max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def open_blob(blob: Blob) -> IO[bytes]:
    """Return a blob as a buffered file."""
    return io.BufferedReader(_Reader(blob), _BUFFER)


@lru_cache(maxsize=4)
def bucket(settings: StoreSettings) -> ObjectStore:
    """Return this process's connection to a bucket."""
    return ObjectStore.open(settings)


class _OpenFile:
    """A file that stays open until nobody uses it."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        finalize(self, os.close, self.descriptor)


@lru_cache(maxsize=_OPEN_FILES)
def _open(path: Path) -> _OpenFile:
    return _OpenFile(path)
