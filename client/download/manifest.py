"""What is in a folder of downloads: one line of JSON for each finished item, so that a second run goes on."""

import fcntl
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from client.errors import DownloadError

NAME: Final = "manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Written:
    """One file on the disk."""

    path: str
    """Where it is, inside the folder."""
    size: int
    """Bytes."""
    sha256: str
    """Hexadecimal SHA-256."""
    mtime_ns: int
    """Time of its last change."""

    @classmethod
    def of(cls, folder: Path, path: Path, content: bytes) -> "Written":
        """Return what there is to say of a file that was just written."""
        name = path.relative_to(folder).as_posix()
        return cls(name, len(content), hashlib.sha256(content).hexdigest(), path.stat().st_mtime_ns)

    def is_there(self, folder: Path) -> bool:
        """Tell whether the file is as it was written; one that was touched since is read."""
        try:
            stat = (folder / self.path).stat()
            if stat.st_size != self.size:
                return False
            return stat.st_mtime_ns == self.mtime_ns or _sha256(folder / self.path) == self.sha256
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of which all files are there."""

    item: str
    """Its id."""
    collection: str
    """Its collection."""
    sources: dict[str, str | None]
    """Checksum of each asset that was downloaded, as the item gives it."""
    files: tuple[Written, ...]
    """The files that were made of them."""
    facts: dict[str, Any]
    """What the layout needs of the item when the run ends."""


class Manifest:
    """The manifest of a folder; `alone` keeps other processes from writing it too."""

    def __init__(self, folder: Path, layout: str) -> None:
        """Read what is there.

        Raises:
            DownloadError: another layout was downloaded to this folder.
        """
        self.folder = folder
        self._path = folder / NAME
        self._entries: dict[tuple[str, str], Entry] = {}
        folder.mkdir(parents=True, exist_ok=True)
        whole = self._whole_lines()
        if not whole:
            self._write({"layout": layout})
        elif (there := _layout(whole[0])) != layout:
            raise DownloadError(f"{folder} holds a download in the layout {there!r}: choose that, or another folder.")
        for line in whole[1:]:
            if entry := _entry(line):
                self._entries[entry.collection, entry.item] = entry

    def __iter__(self) -> Iterator[Entry]:
        """Return the items that are there, in a fixed order."""
        return iter(sorted(self._entries.values(), key=lambda entry: (entry.collection, entry.item)))

    def held(self, item: Mapping[str, Any]) -> Collection[str]:
        """Return the keys of the assets of an item that were downloaded before."""
        entry = self._entries.get((item["collection"], item["id"]))
        return entry.sources if entry else ()

    def has(self, item: Mapping[str, Any], sources: Mapping[str, str | None]) -> Entry | None:
        """Return the entry of an item if its files are there, and made of what the catalog names now."""
        entry = self._entries.get((item["collection"], item["id"]))
        if entry is None or entry.sources != dict(sources):
            return None
        return entry if all(file.is_there(self.folder) for file in entry.files) else None

    def add(self, entry: Entry) -> None:
        """Note an item."""
        self._write(asdict(entry))
        self._entries[entry.collection, entry.item] = entry

    def _write(self, line: Mapping[str, Any]) -> None:
        with self._path.open("ab") as out:
            out.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def _whole_lines(self) -> list[bytes]:
        """Return the lines; what a killed process left half written is cut off."""
        if not self._path.is_file():
            return []
        whole, _, rest = self._path.read_bytes().rpartition(b"\n")
        if rest:
            with self._path.open("r+b") as out:
                out.truncate(len(whole) + 1 if whole else 0)
        return whole.splitlines()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other downloads out of a folder, which is made where there is none.

    Raises:
        DownloadError: there is one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DownloadError(f"Another download writes to {folder}: wait for its end, or stop it.") from error
        yield


def _layout(line: bytes) -> str | None:
    try:
        layout: str | None = json.loads(line)["layout"]
    except (ValueError, TypeError, KeyError):
        return None
    return layout


def _entry(line: bytes) -> Entry | None:
    """Return the entry of a line; None where a full disk left half of one, so that its item comes again."""
    try:
        told = json.loads(line)
        return Entry(**{**told, "files": tuple(Written(**file) for file in told["files"])})
    except (ValueError, TypeError, KeyError):
        return None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(content)
    partial.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
