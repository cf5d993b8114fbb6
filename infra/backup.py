"""The catalog's database as a dump and a manifest, in a folder or below a prefix of a bucket."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psycopg
from rich.console import Console

from catalog.connection import connect, frozen, translated
from catalog.errors import SettingsError
from catalog.objects import SHA2_256, ObjectStore
from catalog.settings import DatabaseSettings, StoreSettings, load_store
from infra.contents import Contents
from infra.databases import database_env
from infra.errors import BackupError
from infra.manifest import DUMP, MANIFEST, Manifest, Origin, server_major
from infra.piped import Piped
from infra.postgres_programs import find_client

_S3: Final = "s3://"
_ELSEWHERE: Final = frozenset({"PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR", "PGPASSFILE"})
"""Variables of the caller that would lead a client to another server; those of TLS are meant for this one too."""
_LOCK_WAIT: Final = "60s"
"""How long pg_dump waits for a table that a migration holds."""


def open_place(place: str, data: Path) -> ObjectStore:
    """Return the folder, or the prefix of a bucket, that holds or shall hold a backup.

    Args:
        place: a path, or `s3://bucket/prefix`.
        data: folder of the local stack, whose S3 server is meant where it has one; else AWS_* say which.

    Raises:
        SettingsError: it is no such address.
    """
    if not place.startswith(_S3):
        return ObjectStore.open(StoreSettings(url=Path(place).absolute().as_uri()))
    try:
        known = load_store(data)
    except SettingsError:
        known = None
    if known is None or not known.url.startswith(_S3):
        return ObjectStore.open(StoreSettings(url=place))
    return ObjectStore.open(StoreSettings.model_validate({**known.model_dump(by_alias=False), "url": place}))


def backup(database: DatabaseSettings, target: ObjectStore, console: Console) -> Manifest:
    """Write the catalog as it is at one moment, while others go on reading and writing; progress goes to the console.

    Raises:
        BackupError: something is there already, or pg_dump failed.
        MissingProgramError: there is no pg_dump that knows this server.
        WorldStratError: the database or the store failed.
    """
    if next((page for page in target.pages() if page), None):
        raise BackupError(f"{target.url} is not empty, and a backup overwrites nothing. Name another folder.")
    try:
        manifest = _write(database, target, console)
        target.put_verified(MANIFEST, manifest.model_dump_json(indent=1).encode(), "application/json")
    except BaseException:
        target.delete(DUMP)
        raise
    return manifest


def _write(database: DatabaseSettings, target: ObjectStore, console: Console) -> Manifest:
    """Write the dump and hold what was written against it; return what there is to say of it."""
    with (
        translated(database),
        closing(connect(database)) as connection,
        frozen(connection) as created,
        ThreadPoolExecutor(1) as pool,
        _dumping(connection, database) as program,
    ):
        dump = _Dump(program, target)
        written = pool.submit(dump.write)
        origin, contents = Origin.of(connection), Contents.read(connection, console)
        written.result()
    if measured(target, console) != (dump.size, dump.checksum):
        raise BackupError(f"{target.href(DUMP)} does not hold the {dump.size:,} bytes that were written to it.")
    software = metadata.version("worldstrat")
    told = {"created": created, "origin": origin, "contents": contents, "size": dump.size, "checksum": dump.checksum}
    return Manifest(format=1, worldstrat=software, **told)


def measured(source: ObjectStore, console: Console) -> tuple[int, str]:
    """Return size and multihash of a backup's dump.

    Raises:
        ObjectStoreError: the store does not answer, or has none.
    """
    console.print(f"Reading {source.href(DUMP)} for its checksum.", highlight=False, markup=False)
    digest, size = hashlib.sha256(), 0
    for piece in source.pieces(DUMP):
        digest.update(piece)
        size += len(piece)
    return size, SHA2_256 + digest.hexdigest()


def client_env(database: DatabaseSettings, options: str = "") -> dict[str, str]:
    """Return the environment of a client of this database and no other; a password is in no argument."""
    others = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    return others | database_env(database) | {"PGAPPNAME": "worldstrat", "PGOPTIONS": options}


class _Dump:
    """What pg_dump says, on its way into the store."""

    def __init__(self, program: Piped, target: ObjectStore) -> None:
        self._program, self._target = program, target
        self._digest = hashlib.sha256()
        self.size = 0
        """Bytes that came."""

    @property
    def checksum(self) -> str:
        """Multihash of what came."""
        return SHA2_256 + self._digest.hexdigest()

    def write(self) -> None:
        """Store all of it, or nothing where pg_dump fails."""
        self._target.put_pieces(DUMP, self._pieces(), "application/octet-stream")

    def _pieces(self) -> Iterator[bytes]:
        for piece in self._program.output():
            self._digest.update(piece)
            self.size += len(piece)
            yield piece
        if (reason := self._program.failed()) is not None:
            raise BackupError(f"pg_dump failed: {reason}")


def _dumping(connection: psycopg.Connection[Any], database: DatabaseSettings) -> Piped:
    """Start pg_dump on the database as the connection's transaction sees it."""
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    program = find_client("pg_dump", server_major(connection))
    command = [str(program), "--format=custom", "--compress=1", "--no-password", "--no-unlogged-table-data"]
    command += [f"--lock-wait-timeout={_LOCK_WAIT}", f"--snapshot={row and row[0]}"]
    return Piped(command, client_env(database), fed=False, read=True)
