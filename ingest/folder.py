"""A published dataset extracted into a folder: Zenodo v1.0 and v1.1, or Kaggle; listed one AOI at a time."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from catalog.metadata import METADATA_CSV, SPLIT_CSV, Problem
from ingest.names import HR, LEVELS, LR, NOT_AOIS, TWELVE_BIT, as_text, canonical, is_junk, kind_of_root
from ingest.source import Entry

_WRAPPERS: Final[dict[str, tuple[str, ...]]] = {HR: (HR, TWELVE_BIT), LR: (LR,)}


@dataclass(frozen=True, slots=True)
class FileOrigin:
    """A file of its own."""

    path: Path
    """Where it lies."""

    @property
    def place(self) -> str:
        """Its path."""
        return as_text(str(self.path))

    def read(self) -> bytes:
        """Return all bytes; OSError where they cannot be had."""
        return self.path.read_bytes()


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder of one AOI."""

    path: str
    """Where it lies."""
    kind: str
    """`hr_dataset` or `lr_dataset`."""
    twelve_bit: bool
    """Whether it lies below `12bit`."""


class FolderPart:
    """A folder in the published layout.

    Only the names of the AOIs' folders are held; the files of an AOI are listed when it is reached.
    """

    failures: tuple[Problem, ...] = ()

    def __init__(self, src: Path) -> None:
        self.notes: tuple[Problem, ...] = ()
        self.place = as_text(str(src))
        self.tables: Mapping[str, FileOrigin] = {
            name: FileOrigin(src / name) for name in (METADATA_CSV, SPLIT_CSV) if (src / name).is_file()
        }
        self.roots = [(root, kind) for kind in _WRAPPERS for root in _roots(src, kind)] or _own_roots(src)
        self._folders = _find_folders(self.roots)
        self.holds_images = bool(self.roots)

    def aois(self) -> list[str]:
        """Return the names of the AOIs that there are folders of."""
        return sorted(self._folders)

    def entries(self, aoi: str) -> Iterator[Entry]:
        """Yield the files of an AOI's folders, listed now."""
        for folder in self._folders.get(aoi, ()):
            for entry in _scan(folder.path):
                if entry.is_file():
                    yield _entry(entry, folder, aoi)
                elif entry.name in LEVELS:
                    yield from (_entry(file, folder, aoi, entry.name) for file in _scan(entry.path) if file.is_file())


def _entry(file: os.DirEntry[str], folder: _Folder, aoi: str, level: str | None = None) -> Entry:
    known = next((known for known in LEVELS if known == level), None)
    name = canonical(folder.kind, twelve_bit=folder.twelve_bit, aoi=aoi, level=known, filename=as_text(file.name))
    stat = file.stat()
    return Entry(name, known, stat.st_size, str(stat.st_mtime_ns), FileOrigin(Path(file.path)))


def _scan(folder: str | Path) -> list[os.DirEntry[str]]:
    """Return what lies in a folder, by name, without the droppings of operating systems."""
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not is_junk(entry.name)), key=lambda entry: entry.name)


def _find_folders(roots: list[tuple[Path, str]]) -> dict[str, list[_Folder]]:
    """Return the folders of each AOI below all roots of the dataset."""
    folders: dict[str, list[_Folder]] = {}
    for root, kind in roots:
        for entry in _scan(root):
            if entry.is_dir() and entry.name not in NOT_AOIS:
                folder = _Folder(entry.path, kind, TWELVE_BIT in root.parts[-1:])
                folders.setdefault(as_text(entry.name), []).append(folder)
    return folders


def _roots(src: Path, kind: str) -> list[Path]:
    """Return the folders that hold folders of AOIs: `hr_dataset`, `hr_dataset/hr_dataset`, `hr_dataset/12bit`, ..."""
    waiting = [Path(e.path) for e in _scan(src) if e.is_dir() and e.name.startswith(kind) and e.name not in NOT_AOIS]
    waiting += [src / kind] if (src / kind).is_dir() else []
    return _below(waiting, kind)


def _own_roots(src: Path) -> list[tuple[Path, str]]:
    """Return the folder itself where it is one of AOIs' folders by its own name, `hr_dataset` or `lr_dataset...`."""
    kind = kind_of_root(src.name)
    return [(root, kind) for root in _below([src], kind)] if kind else []


def _below(waiting: list[Path], kind: str) -> list[Path]:
    """Return folders of AOIs' folders, and those below them that are such again."""
    found = []
    while waiting:
        root = waiting.pop()
        found.append(root)
        waiting += [root / name for name in _WRAPPERS[kind] if (root / name).is_dir()]
    return sorted(found)
