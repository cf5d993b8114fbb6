"""One AOI's work, and what came of it, as values that can be sent to another process."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.metadata import Aoi, Problem
from catalog.settings import StoreSettings
from ingest.source import AoiFiles


@dataclass(frozen=True)
class Task:
    """Everything that a worker needs to ingest one AOI."""

    aoi: Aoi
    """What the tables say of it."""
    files: AoiFiles
    """Its files."""
    store: StoreSettings
    """Where its objects go."""
    schemas: Path | None = None
    """Folder with the extensions' schemas, for full validation."""


@dataclass(frozen=True)
class Ingested:
    """What came of one AOI."""

    aoi: str
    """Name of the AOI."""
    items: tuple[dict[str, Any], ...] = ()
    """Its items as JSON; all their objects are in the store and verified."""
    files: int = 0
    """Published files that became objects."""
    bytes_in: int = 0
    """Bytes of these files."""
    bytes_out: int = 0
    """Bytes of the objects."""
    failures: tuple[Problem, ...] = ()
    """Files that were refused, and why."""
    notes: tuple[Problem, ...] = ()
    """Oddities that were accepted."""
    seconds: float = 0.0
    """Time that the worker took."""
    finished: bool = True
    """Whether the worker came to its end and could read every file; where not, the next run tries again."""
