"""What was given as SRC, opened: its parts, joined into one source."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from catalog.errors import MetadataError
from catalog.metadata import METADATA_CSV, SPLIT_CSV, Problem, Tables, read_tables
from ingest.errors import SourceError
from ingest.folder import FileOrigin, FolderPart
from ingest.names import HR, LR, is_junk
from ingest.source import AoiFiles, Origin, Part, gather

Given = str | Path
"""A path."""


class JoinedSource:
    """Several parts as one dataset: an AOI's files are those of all of them, the first given going first."""

    def __init__(self, parts: Sequence[Part], tables: Tables) -> None:
        self.name = ", ".join(part.place for part in parts)
        self.tables = tables
        self.failures: tuple[Problem, ...] = tuple(chain.from_iterable(part.failures for part in parts))
        self.notes: tuple[Problem, ...] = tuple(chain.from_iterable(part.notes for part in parts))
        self._parts = parts

    def names(self) -> list[str]:
        """Return the names of all AOIs: the table's in its order, then those that no row names."""
        found = set(chain.from_iterable(part.aois() for part in self._parts))
        return [*self.tables.aois, *sorted(found - self.tables.aois.keys())]

    def files(self, aoi: str) -> AoiFiles:
        """List the files of one AOI; OSError where they cannot be listed."""
        return gather(aoi, chain.from_iterable(part.entries(aoi) for part in self._parts))


def open_source(src: Given | Sequence[Given]) -> JoinedSource:
    """Open what was given as SRC, one or several.

    Raises:
        SourceError: one is not what a dataset comes in, or none holds the tables.
        MetadataError: a table lacks a column or is not UTF-8.
    """
    given = [src] if isinstance(src, str | Path) else list(src)
    parts = [_open_folder(Path(one).absolute()) for one in given]
    return JoinedSource(parts, _read_tables(parts))


def _open_folder(src: Path) -> FolderPart:
    if not src.is_dir():
        raise SourceError(f"{src} is not a folder. Give the folder that holds {METADATA_CSV}, {HR}/ and {LR}/.")
    if not (src / METADATA_CSV).is_file():
        raise SourceError(f"{src} holds no {METADATA_CSV}{_hint(src)}")
    part = FolderPart(src)
    if not part.roots:
        raise SourceError(f"{src} holds neither {HR}/ nor {LR}/: extract the archives there.")
    return part


def _read_tables(parts: Sequence[Part]) -> Tables:
    """Read the tables where they are; those that are no files of their own are copied for that."""
    found: dict[str, Origin] = {}
    for part in parts:
        found = {**part.tables, **found}
    with TemporaryDirectory(prefix="worldstrat-tables-") as folder:
        paths = {name: _as_file(origin, Path(folder) / name) for name, origin in found.items()}
        beside = paths[METADATA_CSV].parent
        try:
            return read_tables(paths[METADATA_CSV], paths.get(SPLIT_CSV, beside / SPLIT_CSV))
        except MetadataError as error:
            raise MetadataError(_with_places(str(error), paths, found)) from error


def _as_file(origin: Origin, copy: Path) -> Path:
    if isinstance(origin, FileOrigin):
        return origin.path
    copy.write_bytes(origin.read())
    return copy


def _with_places(message: str, paths: Mapping[str, Path], found: Mapping[str, Origin]) -> str:
    """Return a message with the places of tables instead of those of their copies."""
    for name, path in paths.items():
        message = message.replace(str(path), found[name].place)
    return message


def _hint(src: Path) -> str:
    """Return where the tables were found instead, if they lie one folder up or down."""
    below = (path for path in sorted(src.iterdir()) if path.is_dir() and not is_junk(path.name))
    for folder in (src.resolve().parent, *below):
        if (folder / METADATA_CSV).is_file():
            return f", but {folder} does: give that folder."
    return f". Give the folder that holds {METADATA_CSV}, {SPLIT_CSV}, {HR}/ and {LR}/."
