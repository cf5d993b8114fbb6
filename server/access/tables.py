"""The tables of access beside pgSTAC, and what the operator's command does with the keys in them."""

import re
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import TupleRow

from server.access.errors import AccessError
from server.access.keys import StoredKey, new_key

COLUMNS: Final = "id, name, hash, scopes, created, expires"
"""Of a key, in the order of `StoredKey`."""

_LOCK: Final = 0x414343455353
"""Advisory lock of whoever makes the tables ("ACCESS" in ASCII)."""
_TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS worldstrat;
CREATE TABLE IF NOT EXISTS worldstrat.api_keys (
    id text PRIMARY KEY,
    name text NOT NULL UNIQUE,
    hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    expires timestamptz
);
CREATE TABLE IF NOT EXISTS worldstrat.accepted_terms (
    subject text NOT NULL,
    terms text NOT NULL,
    accepted timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, terms)
);
COMMENT ON TABLE worldstrat.api_keys IS 'Keys of worldstrat keys: a hash of each, never the key.';
COMMENT ON TABLE worldstrat.accepted_terms IS 'Which terms, by digest, the holder of a key or token has accepted.';
"""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")

Connection = psycopg.Connection[TupleRow]


class KeyNameError(AccessError):
    """There is no key of this name, or there is one already, or it is no name."""


def ensure_tables(connection: Connection) -> None:
    """Make the tables where they are missing; any number of processes may do so at once."""
    if _there(connection):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_TABLES)


def add_key(connection: Connection, name: str, scopes: frozenset[str], expires: datetime | None) -> str:
    """Store a new key; return it, for the only time.

    Args:
        connection: to the database.
        name: whose it is, or what for.
        scopes: what it allows.
        expires: until when it is good; None for ever.

    Raises:
        KeyNameError: it is no name, or has a key already.
    """
    if not _NAME.fullmatch(name):
        raise KeyNameError(f"{name[:80]!r} is no name: letters, digits, spaces and . _ @ -, at most 64.")
    ensure_tables(connection)
    text, kept = new_key()
    given: dict[str, Any] = {
        "id": kept.id,
        "name": name,
        "hash": kept.hash,
        "scopes": sorted(scopes),
        "expires": expires,
    }
    try:
        connection.execute(
            "INSERT INTO worldstrat.api_keys (id, name, hash, scopes, expires) "
            "VALUES (%(id)s, %(name)s, %(hash)s, %(scopes)s, %(expires)s)",
            given,
        )
    except psycopg.errors.UniqueViolation as error:
        raise KeyNameError(f"There is a key {name!r} already: remove it, or choose another name.") from error
    return text


def list_keys(connection: Connection) -> list[StoredKey]:
    """Return all keys by name."""
    if not _there(connection):
        return []
    rows = connection.execute(f"SELECT {COLUMNS} FROM worldstrat.api_keys ORDER BY name").fetchall()  # noqa: S608
    return [stored(row) for row in rows]


def remove_key(connection: Connection, name: str) -> None:
    """Take a key away; servers notice within seconds.

    Raises:
        KeyNameError: there is none of this name.
    """
    removed = (
        _there(connection)
        and connection.execute("DELETE FROM worldstrat.api_keys WHERE name = %s RETURNING id", (name,)).fetchone()
    )
    if not removed:
        raise KeyNameError(f"There is no key {name[:80]!r}; `worldstrat keys list` names those that there are.")


def stored(row: Any) -> StoredKey:
    """Return a row of `COLUMNS`."""
    key_id, name, digest, scopes, created, expires = row
    return StoredKey(key_id, name, bytes(digest), frozenset(scopes), created, expires)


def _there(connection: Connection) -> bool:
    row = connection.execute("SELECT to_regclass('worldstrat.accepted_terms') IS NOT NULL").fetchone()
    return row is not None and bool(row[0])
