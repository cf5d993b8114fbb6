"""What an export reads: one moment of a catalog, however long the reading takes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import orjson
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from catalog.connection import connect, translated
from catalog.errors import SettingsError
from catalog.settings import DatabaseSettings
from catalog.stored import StoredItems
from catalog.upkeep import Told, ask
from ingest.errors import ExportError
from ingest.export_layout import Json, Place

_PLACES = sql.SQL("""
SELECT coalesce(content->'properties'->>'worldstrat:aoi', id), id
FROM pgstac.items WHERE collection = %s AND {condition}
""")


class Moment:
    """A catalog as it is when this is opened, for several connections at once."""

    def __init__(self, settings: DatabaseSettings, connection: psycopg.Connection[Any], snapshot: str) -> None:
        self._settings = settings
        self._connection = connection
        self._snapshot = snapshot
        self._condition: sql.Composable = sql.SQL("true")

    @classmethod
    @contextmanager
    def of(cls, settings: DatabaseSettings) -> Iterator["Moment"]:
        """Yield the catalog as it is now.

        Raises:
            DatabaseError: the database does not answer, or has no pgSTAC.
        """
        with translated(settings), closing(connect(settings)) as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            yield cls(settings, connection, str(row and row[0]))

    def only(self, text: str) -> None:
        """See only items that fulfil a filter in CQL2, as text or as JSON.

        Raises:
            ExportError: it is no filter.
        """
        try:
            # In a transaction of its own, whose failure leaves the moment's as it is.
            with self._connection.transaction():
                search = Jsonb({"filter": read_filter(text), "filter-lang": "cql2-json"})
                row = self._connection.execute("SELECT pgstac.stac_search_to_where(%s)", (search,)).fetchone()
                condition = sql.SQL(f"({str(row and row[0]).replace('%', '%%')})")  # pgSTAC's own SQL
                self._connection.execute(sql.SQL("SELECT FROM pgstac.items WHERE {} LIMIT 0").format(condition), {})
        except psycopg.Error as error:
            raise ExportError(f"--filter {text!r} is refused: {str(error).splitlines()[0]}.") from error
        self._condition = condition

    def collections(self, only: Sequence[str]) -> list[Json]:
        """Return the collections of these ids, all where none are given.

        Raises:
            ExportError: the catalog lacks one.
        """
        rows = self._connection.execute("SELECT content FROM pgstac.collections ORDER BY id").fetchall()
        known = {row[0]["id"]: row[0] for row in rows}
        unknown = sorted(set(only) - known.keys())
        if unknown:
            raise ExportError(f"The catalog has no collection {', '.join(unknown)}; it has {', '.join(known)}.")
        return [known[one] for one in only or known]

    def places(self, collection_id: str) -> list[Place]:
        """Return what is to be exported of a collection, sorted by the names of the AOIs."""
        found: dict[str, list[str]] = defaultdict(list)
        for aoi, item_id in self._connection.execute(_PLACES.format(condition=self._condition), (collection_id,)):
            found[aoi].append(item_id)
        return [Place(collection_id, aoi, tuple(sorted(found[aoi]))) for aoi in sorted(found)]

    def told(self, collection_id: str) -> Told:
        """Return what the items that are exported tell of their collection."""
        return ask(self._connection, collection_id, self._condition)

    @contextmanager
    def reader(self) -> Iterator["Reader"]:
        """Yield what reads items beside others, by a connection of its own."""
        with ExitStack() as stack:
            connection = stack.enter_context(closing(connect(self._settings)))
            stack.enter_context(connection.transaction())
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(self._snapshot))
            yield Reader(connection)


class Reader:
    """Reads items; one thread at a time."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._stored = StoredItems(connection)

    def items(self, place: Place) -> list[Json]:
        """Return the items of a place in the order of their ids."""
        return sorted(self._stored.some({place.collection: place.ids}), key=lambda item: str(item["id"]))


def read_filter(text: str) -> Any:
    """Return a filter as CQL2 JSON.

    Raises:
        ExportError: it can't be parsed.
        SettingsError: it is text, and what reads it is not installed.
    """
    if text.lstrip().startswith("{"):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise ExportError(f"--filter is no JSON: {error}.") from error
    try:
        import cql2  # noqa: PLC0415 - part of the server, which a machine that ingests need not have
    except ModuleNotFoundError as error:
        raise SettingsError("A filter in words needs cql2: install worldstrat[server], or give it as JSON.") from error
    try:
        return cql2.parse_text(text).to_json()
    except Exception as error:  # cql2 has no class of errors
        raise ExportError(f"--filter {text!r} can't be read: {error}") from error
