"""The files of an archive or a bucket by AOI: a table on disk, so that memory does not grow with the dataset."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import Final

from catalog.constants import Level
from ingest.names import LEVELS, is_junk

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS members (
    aoi TEXT NOT NULL, name TEXT NOT NULL, level TEXT, path TEXT NOT NULL, offset INTEGER NOT NULL,
    stored INTEGER NOT NULL, size INTEGER NOT NULL, method INTEGER NOT NULL, version TEXT NOT NULL
)
"""
_INDEX: Final = "CREATE INDEX IF NOT EXISTS by_aoi ON members (aoi)"


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an AOI in an archive or a bucket."""

    aoi: str
    """Name of the AOI."""
    name: str
    """Path of the file inside the dataset."""
    level: Level | None
    """Sentinel-2 level, None for SPOT."""
    path: str
    """Its own name in the archive, or its key in the bucket."""
    offset: int = 0
    """Where in the archive it begins."""
    stored: int = 0
    """Bytes that it takes there."""
    size: int = 0
    """Bytes of the file."""
    method: int = 0
    """How it is compressed there."""
    version: str = ""
    """Its checksum, header or etag."""


class Listing:
    """Members by AOI in SQLite: a file of its own, or a temporary one that goes with the process."""

    def __init__(self, path: str = "") -> None:
        # An empty name is SQLite's for a private file that it deletes; threads of the driver may ask too.
        self.connection = sqlite3.connect(path, check_same_thread=False)
        self.connection.execute(_TABLES)

    def fill(self, members: Iterable[Member]) -> None:
        """Take members, and make them quick to find."""
        marks = ", ".join("?" * len(Member.__slots__))
        rows = (astuple(member) for member in members)
        self.connection.executemany(f"INSERT INTO members VALUES ({marks})", rows)  # noqa: S608 - question marks
        self.connection.execute(_INDEX)
        self.connection.commit()

    def aois(self) -> list[str]:
        """Return the names of the AOIs that there are files of."""
        return [aoi for (aoi,) in self.connection.execute("SELECT DISTINCT aoi FROM members ORDER BY aoi")]

    def members(self, aoi: str) -> Iterator[Member]:
        """Yield the files of an AOI by name."""
        rows = self.connection.execute("SELECT * FROM members WHERE aoi = ? ORDER BY name, offset", (aoi,))
        for aoi_name, name, level, *rest in rows.fetchall():
            yield Member(aoi_name, name, next((one for one in LEVELS if one == level), None), *rest)


def leads_outside(path: str) -> bool:
    """Tell whether the name of a member would leave the folder that it is extracted to."""
    return path.startswith(("/", "\\")) or ".." in path.split("/") or path[1:3] in {":/", ":\\"}


def table_name(path: str, tables: Iterable[str]) -> str | None:
    """Return which published table a path names; None for other files."""
    name = path.rpartition("/")[2]
    return name if name in tables and not any(is_junk(part) for part in path.split("/")) else None
