"""Where AOIs come from: a folder in the published layout, listed one AOI at a time."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from catalog.bands import SENTINEL2_PRODUCTS, SPOT_PRODUCTS
from catalog.constants import Level
from catalog.metadata import METADATA_CSV, SPLIT_CSV, Aoi, Tables, read_tables
from ingest.errors import SourceError

FileLevel = Literal["SPOT", "L2A", "L1C"]

RGB: Final = "rgb"
"""Kind of the published 8-bit preview."""
REVISIT_METADATA: Final = "metadata"
"""Kind of the JSON beside the rasters of a revisit."""

_HR, _LR = "hr_dataset", "lr_dataset"
_WRAPPERS: Final[dict[str, tuple[str, ...]]] = {_HR: (_HR, "12bit"), _LR: (_LR,)}
_NOT_AOIS: Final = frozenset({_HR, _LR, "12bit", "8bit", "hr_dataset_raw", "__MACOSX"})
_JUNK: Final = re.compile(r"^(\..*|Thumbs\.db|desktop\.ini|__MACOSX)$", re.IGNORECASE)
_LEVELS: Final[tuple[Level, ...]] = ("L2A", "L1C")
_SPOT_KINDS: Final = {f"{product.suffix}.tiff": product.key for product in SPOT_PRODUCTS} | {"rgb.png": RGB}
_SENTINEL2_KINDS: Final[dict[Level, dict[str, str]]] = {
    level: {f"{product.suffix}.tiff": product.key for product in products}
    for level, products in SENTINEL2_PRODUCTS.items()
}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One published file and what its name says it is."""

    path: Path
    """Where it lies."""
    level: FileLevel
    """SPOT, or the processing level of Sentinel-2."""
    kind: str
    """Key of the product, `rgb` or `metadata`."""
    revisit: int | None
    """Rank of the revisit, None for SPOT."""
    size: int
    """Bytes."""
    mtime_ns: int
    """Time of the last change, nanoseconds."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A file of the published folder that is left aside, and why."""

    path: Path
    """The file."""
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


class FolderSource:
    """A published dataset extracted into a folder: Zenodo v1.0 and v1.1, or Kaggle.

    Only the two tables and the names of the AOIs' folders are held; the files of an AOI are listed when it is reached.
    """

    def __init__(self, src: Path) -> None:
        self.src = src
        self._folders = _find_folders(src)
        self.tables: Tables = read_tables(src / METADATA_CSV, src / SPLIT_CSV)

    def __len__(self) -> int:
        """Return the number of AOIs: those of the table and those of the folders."""
        return len(self.names())

    def names(self) -> list[str]:
        """Return the names of all AOIs: the table's in its order, then folders that no row names."""
        return [*self.tables.aois, *sorted(self._folders.keys() - self.tables.aois.keys())]

    def __iter__(self) -> Iterator[tuple[Aoi | None, str, AoiFiles]]:
        """Yield (metadata or None where no row names it, name, files) of each AOI, listing its files now."""
        for name in self.names():
            yield self.tables.aois.get(name), name, self.files(name)

    def files(self, name: str) -> AoiFiles:
        """List the files of one AOI."""
        files: dict[tuple[str, str, int | None], SourceFile] = {}
        problems: list[Problem] = []
        for entry, level in _entries(self._folders.get(name, ())):
            path = Path(entry.path)
            parsed = parse_spot(entry.name, name) if level is None else parse_sentinel2(entry.name, name, level)
            if isinstance(parsed, str):
                problems.append(Problem(path, parsed))
                continue
            kind, revisit = parsed
            identity = (level or "SPOT", kind, revisit)
            if identity in files:
                problems.append(Problem(path, f"a second copy of {files[identity].path}, not used"))
                continue
            stat = entry.stat()
            files[identity] = SourceFile(path, level or "SPOT", kind, revisit, stat.st_size, stat.st_mtime_ns)
        ordered = sorted(files.values(), key=lambda file: (file.level, file.revisit or 0, file.kind))
        return AoiFiles(tuple(ordered), tuple(problems))


def parse_spot(filename: str, aoi: str) -> tuple[str, None] | str:
    """Return (kind, None) of a file of the high-resolution folder, or why it is none."""
    owner, _, rest = filename.rpartition("_")
    if rest not in _SPOT_KINDS:
        return "no published kind of SPOT file"
    return (_SPOT_KINDS[rest], None) if owner == aoi else f"named for another AOI, {owner!r}"


def parse_sentinel2(filename: str, aoi: str, level: Level) -> tuple[str, int] | str:
    """Return (kind, revisit) of a file of a low-resolution folder, or why it is none.

    Names are read from the right, since those of AOIs end in digits too: `ASMSpotter-1-1-1-7-CLM.tiff` is revisit 7.
    """
    if filename.endswith(".metadata"):
        owner, _, revisit = filename.removesuffix(".metadata").rpartition("-")
        kind: str | None = REVISIT_METADATA
    else:
        head, _, suffix = filename.rpartition("-")
        # The one suffix with a hyphen before it in the file's name is the level's: `-L2A_data` needs no care.
        owner, _, revisit = head.rpartition("-")
        kind = _SENTINEL2_KINDS[level].get(suffix)
    if kind is None or not revisit.isdecimal():
        return f"no published kind of {level} file"
    return (kind, int(revisit)) if owner == aoi else f"named for another AOI, {owner!r}"


def _entries(folders: tuple[Path, ...] | list[Path]) -> Iterator[tuple[os.DirEntry[str], Level | None]]:
    """Yield the files of an AOI's folders with their Sentinel-2 level, None for those of SPOT."""
    for folder in folders:
        for entry in _scan(folder):
            if entry.is_file():
                yield entry, None
            elif entry.name in _LEVELS:
                yield from ((file, entry.name) for file in _scan(Path(entry.path)) if file.is_file())


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    """Return what lies in a folder, by name, without the droppings of operating systems."""
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not _JUNK.match(entry.name)), key=lambda entry: entry.name)


def _find_folders(src: Path) -> dict[str, list[Path]]:
    """Return the folders of each AOI below all roots of the dataset."""
    if not src.is_dir():
        raise SourceError(f"{src} is not a folder. Give the folder that holds {METADATA_CSV}, {_HR}/ and {_LR}/.")
    if not (src / METADATA_CSV).is_file():
        raise SourceError(f"{src} holds no {METADATA_CSV}{_hint(src)}")
    folders: dict[str, list[Path]] = {}
    roots = [root for kind in _WRAPPERS for root in _roots(src, kind)]
    for root in roots:
        for entry in _scan(root):
            if entry.is_dir() and entry.name not in _NOT_AOIS:
                folders.setdefault(entry.name, []).append(Path(entry.path))
    if not roots:
        raise SourceError(f"{src} holds neither {_HR}/ nor {_LR}/: extract the archives there.")
    return folders


def _roots(src: Path, kind: str) -> list[Path]:
    """Return the folders that hold folders of AOIs: `hr_dataset`, `hr_dataset/hr_dataset`, `hr_dataset/12bit`, ..."""
    found = []
    waiting = [Path(e.path) for e in _scan(src) if e.is_dir() and e.name.startswith(kind) and e.name not in _NOT_AOIS]
    waiting += [src / kind] if (src / kind).is_dir() else []
    while waiting:
        root = waiting.pop()
        found.append(root)
        waiting += [root / name for name in _WRAPPERS[kind] if (root / name).is_dir()]
    return sorted(found)


def _hint(src: Path) -> str:
    """Return where the tables were found instead, if they lie one folder up or down."""
    for folder in (src.resolve().parent, *(Path(entry.path) for entry in _scan(src) if entry.is_dir())):
        if (folder / METADATA_CSV).is_file():
            return f", but {folder} does: give that folder."
    return f". Give the folder that holds {METADATA_CSV}, {SPLIT_CSV}, {_HR}/ and {_LR}/."
