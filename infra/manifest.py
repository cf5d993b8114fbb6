"""What a backup says of itself: where it comes from, what is in it, and by which sums it is known to be whole."""

from collections.abc import Sequence
from datetime import datetime
from importlib import metadata
from typing import Any, Final, Literal

import psycopg
from pydantic import BaseModel, ConfigDict, ValidationError

from catalog.errors import ObjectNotFoundError
from catalog.objects import ObjectStore
from infra.contents import Contents
from infra.errors import BackupError

MANIFEST: Final = "manifest.json"
"""Written last: a folder without it is no backup."""
DUMP: Final = "catalog.dump"
"""What `pg_dump --format=custom` wrote."""

# Whom objects belong to or are granted to; pg_dump names these roles and does not make them.
_ROLES: Final = """
SELECT DISTINCT r.rolname FROM pg_shdepend AS d JOIN pg_roles AS r ON r.oid = d.refobjid
WHERE d.refclassid = 'pg_authid'::regclass
    AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
UNION SELECT current_user ORDER BY 1
"""
_SETTINGS: Final = """
SELECT coalesce(array_agg(setting), '{}') FROM pg_db_role_setting, unnest(setconfig) AS setting
WHERE setrole = 0 AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Origin(BaseModel):
    """The database that a backup is of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    postgres: int
    """Major version of PostgreSQL."""
    pgstac: str
    """Version of pgSTAC."""
    extensions: dict[str, str]
    """Versions of its extensions."""
    roles: list[str]
    """Roles that objects belong, or are granted, to."""
    settings: list[str]
    """Settings of the database as a whole, `name=value`."""

    @classmethod
    def of(cls, connection: psycopg.Connection[Any]) -> "Origin":
        """Ask a database."""
        (pgstac,) = _one(connection, "SELECT pgstac.get_version()")
        (roles,) = _one(connection, f"SELECT array(SELECT role::text FROM ({_ROLES}) AS r (role))")  # noqa: S608
        (settings,) = _one(connection, _SETTINGS)
        extensions = dict(connection.execute("SELECT extname, extversion FROM pg_extension ORDER BY 1").fetchall())
        return cls(
            postgres=server_major(connection), pgstac=pgstac, extensions=extensions, roles=roles, settings=settings
        )


class Manifest(BaseModel):
    """A backup."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    """Version of this description."""
    created: datetime
    """The moment of which it tells."""
    worldstrat: str
    """Version of the software that made it."""
    origin: Origin
    """Where it comes from."""
    contents: Contents
    """What is in it."""
    size: int
    """Bytes of the dump."""
    checksum: str
    """Multihash of the dump."""

    @classmethod
    def read(cls, source: ObjectStore) -> "Manifest":
        """Return what a backup says of itself.

        Raises:
            BackupError: there is no backup, or one of a later version of this software.
            ObjectStoreError: the store does not answer.
        """
        try:
            return cls.model_validate_json(source.get(MANIFEST))
        except ObjectNotFoundError as error:
            raise BackupError(f"{source.url} is no backup: it has no {MANIFEST}.") from error
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the whole"
            raise BackupError(
                f"{source.url}/{MANIFEST} is not what this version ({metadata.version('worldstrat')}) writes: "
                f"{where}: {first['msg']}. Was it made by a later one?"
            ) from error


def server_major(connection: psycopg.Connection[Any]) -> int:
    """Return the major version of a server."""
    return connection.info.server_version // 10_000


def _one(connection: psycopg.Connection[Any], statement: str) -> Sequence[Any]:
    row: Sequence[Any] | None = connection.execute(statement.encode()).fetchone()
    if row is None:
        raise AssertionError("an aggregate gives a row")
    return row
