"""What ingest knows of the places of a collection, as notes of its transcript and back: so no place is made again."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import uuid4

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from ingest.inputs import level_of
from ingest.runs_schema import ensure_tables
from ingest.state import COLLECTION_OF

_BATCH: Final = 200
_NOTES: Final = """
SELECT aoi, status, version, finished::text, fingerprints, items, files, bytes_in, bytes_out, seconds, failures, notes
FROM worldstrat.aois WHERE items ? %s ORDER BY aoi
"""
# A place has notes in each collection that it has items in; of those of different moments the first to come is the
# newest, and says what is told of the place as a whole.
_SAVE: Final = """
INSERT INTO worldstrat.aoi_runs (
    run, aoi, status, version, finished, fingerprints, items, files, bytes_in, bytes_out, seconds, failures, notes
) VALUES (
    %(run)s, %(aoi)s, %(status)s, %(version)s, %(finished)s, %(fingerprints)s, %(items)s, %(files)s, %(bytes_in)s,
    %(bytes_out)s, %(seconds)s, %(failures)s, %(notes)s
) ON CONFLICT (run, aoi) DO UPDATE SET
    fingerprints = aoi_runs.fingerprints || excluded.fingerprints, items = aoi_runs.items || excluded.items
"""
_BEGIN: Final = """
INSERT INTO worldstrat.runs (started, finished, status, sources, version, remarks)
VALUES (now(), now(), 'done', '{}', %s, %s) RETURNING run
"""
REMARK: Final = "Rebuilt from the store: the runs before are not known."
_JSON: Final = ("fingerprints", "items", "failures", "notes")

Note = dict[str, Any]


def notes_of(connection: psycopg.Connection[Any], collection_id: str) -> Iterator[Note]:
    """Yield what is known of the places that have items in a collection, so far as it is of these."""
    known = connection.execute("SELECT to_regclass('worldstrat.aois') IS NOT NULL").fetchone()
    if known is None or not known[0]:
        return
    with connection.cursor(f"notes_{uuid4().hex}", row_factory=dict_row) as cursor:
        cursor.itersize = _BATCH
        for row in cursor.execute(_NOTES, (collection_id,)):
            fingerprints = {
                image: digest
                for image, digest in row["fingerprints"].items()
                if COLLECTION_OF.get(level_of(image)) == collection_id
            }
            yield row | {"fingerprints": fingerprints, "items": {collection_id: row["items"][collection_id]}}


class RebuiltStates:
    """Writes these notes back, as one run of ingest."""

    def __init__(self, connection: psycopg.Connection[Any], software: str) -> None:
        """Begin.

        Args:
            connection: to a catalog that no ingest has written yet.
            software: version of who wrote the newest notes; the next ingest renews the collections of another.
        """
        ensure_tables(connection)
        row = connection.execute(_BEGIN, (software, Jsonb([REMARK]))).fetchone()
        self._connection = connection
        self._run = row[0] if row else 0

    def add(self, note: Mapping[str, Any]) -> None:
        """Write one note; those of the newest transcript come first."""
        row = {**note, "run": self._run} | {name: Jsonb(note[name]) for name in _JSON}
        self._connection.execute(_SAVE, row)
