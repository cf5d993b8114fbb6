"""A catalog brought to this version of the software: pgSTAC, our own tables, the items."""

from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console

from catalog.connection import connect, translated
from catalog.migrations import version
from catalog.settings import DatabaseSettings
from infra.errors import UpgradeError
from infra.pgstac import check_way, installed_version, prepare, wanted_version
from ingest.lock import lock_catalog
from ingest.revise import Revised, count_old, revise
from ingest.runs_schema import PART, STEPS, ensure_tables


@dataclass
class Upgraded:
    """What an upgrade did, or would do."""

    pgstac_before: str
    """Version of pgSTAC that the database had."""
    pgstac: str
    """That it has."""
    steps: list[str] = field(default_factory=list)
    """Steps that our own tables took."""
    items: Revised = field(default_factory=Revised)
    """What became of items of older versions of our extension."""

    @property
    def is_nothing(self) -> bool:
        """Whether there was nothing to do."""
        return self.pgstac == self.pgstac_before and not self.steps and not self.items.found

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as JSON has it."""
        return asdict(self)


def install(database: DatabaseSettings) -> None:
    """Put pgSTAC into a database that has none; one that has it is left as it is.

    Raises:
        ServiceError: the database has no PostGIS, or does not let this role do it.
        DatabaseError: it does not answer.
    """
    with translated(database):
        missing = installed_version(database) is None
    if missing:
        prepare(database)


def forecast(database: DatabaseSettings) -> Upgraded:
    """Say what an upgrade would do, and change nothing.

    Raises:
        UpgradeError: the database has no pgSTAC.
        ServiceError: its pgSTAC is newer than this software's.
        SchemaVersionError: our own tables are.
        DatabaseError: the database does not answer.
    """
    wanted = wanted_version()
    with translated(database), closing(connect(database)) as connection:
        before = _pgstac(database)
        check_way(before, wanted)
        taken = version(connection, PART, STEPS)
        return Upgraded(before, wanted, [step.name for step in STEPS[taken:]], Revised(found=count_old(connection)))


def upgrade(database: DatabaseSettings, console: Console) -> Upgraded:
    """Bring a catalog to this version while servers go on reading it; each part as a whole, or not at all.

    Raises:
        StateError: another process writes the catalog.
        WorldStratError: as `forecast`, or a migration failed.
    """
    expected = forecast(database)
    with translated(database), closing(connect(database)) as connection:
        lock_catalog(connection)
        if expected.pgstac != expected.pgstac_before:
            console.print(f"pgSTAC {expected.pgstac_before} -> {expected.pgstac}", highlight=False)
        after = prepare(database)
        steps = ensure_tables(connection)
    return Upgraded(expected.pgstac_before, after, steps, revise(database, console))


def _pgstac(database: DatabaseSettings) -> str:
    found = installed_version(database)
    if found is None:
        raise UpgradeError(
            f"The database {database.database!r} has no pgSTAC: `worldstrat upgrade --install` puts it there."
        )
    return found
