"""One writer at a time: ingest, verify and prune keep each other out."""

import time
from typing import Any, Final

import psycopg

from ingest.errors import StateError

LOCK: Final = 0x574F524C4453
"""Advisory lock of whoever writes the catalog, or needs it to stand still ("WORLDS" in ASCII)."""
PATIENCE: Final = 3.0
"""Seconds to wait for it: the server notices the end of a killed process a moment later."""


def lock_catalog(connection: psycopg.Connection[Any]) -> None:
    """Take the catalog's lock for the life of a connection.

    Raises:
        StateError: another process has it, and keeps it.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
        if row is not None and row[0]:
            return
        if time.monotonic() > deadline:
            raise StateError(
                "Another ingest is writing this catalog, or a verify or prune is at work. Wait for its end, or stop it."
            )
        time.sleep(0.1)
