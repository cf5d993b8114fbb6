"""Versions of our own tables beside pgSTAC: each step once, in order, forward only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from catalog.errors import SchemaVersionError

_LOCK: Final = 0x4D494752415445
"""Advisory lock of whoever takes a step ("MIGRATE" in ASCII)."""
_TABLE: Final = """
CREATE SCHEMA IF NOT EXISTS worldstrat;
CREATE TABLE IF NOT EXISTS worldstrat.migrations (
    part text NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    applied timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (part, version)
);
COMMENT ON TABLE worldstrat.migrations IS 'Which steps the tables of this schema have taken, by part.';
"""
_THERE: Final = "SELECT to_regclass('worldstrat.migrations') IS NOT NULL"
_VERSION: Final = "SELECT coalesce(max(version), 0) FROM worldstrat.migrations WHERE part = %s"
_NOTE: Final = "INSERT INTO worldstrat.migrations (part, version, name) VALUES (%s, %s, %s)"


@dataclass(frozen=True)
class Step:
    """One change of the tables of a part; what it finds may be of before the versions were noted."""

    name: str
    """What it does, in a few words."""
    take: Callable[[psycopg.Connection[Any]], None]
    """Does it, in a transaction of which it is a part."""


def migrate(connection: psycopg.Connection[Any], part: str, steps: Sequence[Step]) -> list[str]:
    """Bring the tables of a part to its last step; any number of processes may do so at once.

    Args:
        connection: to the catalog, as a role that may make tables.
        part: name of the part.
        steps: all of its steps, the first of which makes version 1; none is ever changed or taken away.

    Returns:
        the names of the steps that were taken.

    Raises:
        SchemaVersionError: a later version of this software has written the tables.
        psycopg.Error: a step failed; none was taken then.
    """
    if version(connection, part, steps) == len(steps):
        return []
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_TABLE)
        taken = list(enumerate(steps, 1))[version(connection, part, steps) :]
        for number, step in taken:
            step.take(connection)
            connection.execute(_NOTE, (part, number, step.name))
    return [step.name for _, step in taken]


def version(connection: psycopg.Connection[Any], part: str, steps: Sequence[Step]) -> int:
    """Return how many steps the tables of a part have taken, as far as that was noted.

    Raises:
        SchemaVersionError: more than there are.
    """
    there = connection.execute(_THERE).fetchone()
    row = connection.execute(_VERSION, (part,)).fetchone() if there and there[0] else None
    found = int(row[0]) if row else 0
    if found > len(steps):
        raise SchemaVersionError(
            f"The tables of {part} are of version {found}, and this software knows {len(steps)}: use the later one."
        )
    return found
