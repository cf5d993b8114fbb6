"""What was given as SRC, opened: its parts, joined into one source."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from catalog.constants import slug
from catalog.errors import MetadataError
from catalog.metadata import METADATA_CSV, SPLIT_CSV, Problem, Tables, read_tables
from ingest.errors import SourceError
from ingest.folder import FileOrigin, FolderPart
from ingest.names import HR, LR, is_junk
from ingest.opener import Opener
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
        self._names, alike = _names(parts, tables)
        self.failures += alike

    def names(self) -> list[str]:
        """Return the names of all AOIs: the table's in its order, then those that no row names."""
        return list(self._names)

    def files(self, aoi: str) -> AoiFiles:
        """List the files of one AOI; OSError where they cannot be listed."""
        return gather(aoi, chain.from_iterable(part.entries(aoi) for part in self._parts))


def open_source(
    src: Given | Sequence[Given], cache: Path | None = None, console: Console | None = None
) -> JoinedSource:
    """Open what was given as SRC, one or several.

    Args:
        src: folders, archives, tables, `s3://bucket/prefix`, in any mix.
        cache: folder in which indexes of tar archives are kept; beside the archives where there is none.
        console: where the progress of a long pass over an archive is shown.

    Raises:
        SourceError: one is not what a dataset comes in, or none holds the tables.
        MetadataError: a table lacks a column or is not UTF-8.
    """
    given = [src] if isinstance(src, str | Path) else list(src)
    opener = Opener(cache, console or Console(quiet=True))
    parts = list(chain.from_iterable(opener.open(one) for one in given))
    _check(parts)
    return JoinedSource(parts, _read_tables(parts))


def _names(parts: Sequence[Part], tables: Tables) -> tuple[list[str], tuple[Problem, ...]]:
    """Return the names of all AOIs, and those whose items would have the ids of another's, which are left out."""
    found = set(chain.from_iterable(part.aois() for part in parts))
    first: dict[str, str] = {}
    alike: list[Problem] = []
    for name in [*tables.aois, *sorted(found - tables.aois.keys())]:
        used = first.setdefault(slug(name), name)
        if used != name:
            alike.append(Problem(name, "", f"its items would have the ids of {used!r}; rename it: it is left out"))
    return list(first.values()), tuple(alike)


def _check(parts: Sequence[Part]) -> None:
    """Find what is missing, before anything is read."""
    places = ", ".join(part.place for part in parts)
    if not any(METADATA_CSV in part.tables for part in parts):
        folders = [Path(part.place) for part in parts if isinstance(part, FolderPart)]
        raise SourceError(f"{places} holds no {METADATA_CSV}{_hint(folders)}")
    if not any(part.holds_images for part in parts):
        raise SourceError(f"{places} holds neither {HR}/ nor {LR}/ nor their archives: put them there, or name them.")


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


def _hint(folders: Sequence[Path]) -> str:
    """Return where the tables were found instead, if they lie one folder up or down."""
    for src in folders:
        below = (path for path in sorted(src.iterdir()) if path.is_dir() and not is_junk(path.name))
        for folder in (src.parent, *below):
            if (folder / METADATA_CSV).is_file():
                return f", but {folder} does: give that folder."
    return f". Give the folder that holds {METADATA_CSV}, {SPLIT_CSV}, {HR}/ and {LR}/, or the files themselves."
