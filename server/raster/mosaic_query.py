"""The database's side of a mosaic: the best items of a search, those of an area, what their bands are on average.

pgSTAC's own compiler makes condition and order of a search; the statements around them are ours. Nothing is written.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool
from rio_tiler.types import BBox

from server.access.caller import exclude_sql
from server.errors import NO_CONDITION, DatabaseUnavailableError, InvalidSearchError
from server.raster.cache import LoadingCache
from server.raster.mosaic_search import MosaicSearch, check_order

BEST_SECONDS = 20
"""Most seconds of a statement that looks for the best items: 130 thousand take two."""
BEST_AT_ONCE = 2
"""Most of them at a time."""
COMPILED_SECONDS = 60.0
"""How long what pgSTAC made of a search is kept: a new queryable may change it."""
MAX_COMPILED = 1000

_SQL_COMPILE = """
SELECT pgstac.stac_search_to_where(search), pgstac.sort_sqlorderby(
    search, false, '{collection,id}', pgstac.to_text_array(search->'collections')
) FROM (SELECT %s::text::jsonb AS search) AS given
"""
# An item's JSON is compressed: it is unpacked once, and only what the order needs is carried on.
_SQL_BEST = """
WITH slim AS MATERIALIZED (
    SELECT collection, id, datetime, end_datetime, geometry, coalesce(p->>'worldstrat:aoi', id) AS aoi,
        jsonb_build_object('properties', jsonb_build_object({keys})) AS content
    FROM pgstac.items, LATERAL (SELECT content->'properties' AS p OFFSET 0) AS properties
    WHERE ({where}) AND ({area})
), best AS (
    SELECT DISTINCT ON (collection, aoi) * FROM slim ORDER BY collection, aoi, {order}
)
SELECT collection, id, aoi, st_xmin(geometry), st_ymin(geometry), st_xmax(geometry), st_ymax(geometry)
FROM best ORDER BY {order} LIMIT %(limit)s
"""
_SQL_AREA = """
SELECT collection, id, st_xmin(geometry), st_ymin(geometry), st_xmax(geometry), st_ymax(geometry),
    st_asbinary(geometry)
FROM pgstac.items WHERE ({where}) AND st_intersects(geometry, st_setsrid(st_geomfromgeojson(%(area)s), 4326))
ORDER BY {order} LIMIT %(limit)s
"""
_SQL_MEANS = """
SELECT (
    SELECT array_agg(
        (band->'statistics'->>'mean')::float8 * coalesce((band->>'scale')::float8, 1)
        + coalesce((band->>'offset')::float8, 0) ORDER BY n
    ) FROM jsonb_array_elements(items.content->'assets'->%(asset)s->'raster:bands') WITH ORDINALITY AS bands (band, n)
)
FROM unnest(%(ids)s::text[]) WITH ORDINALITY AS wanted (id, place)
LEFT JOIN pgstac.items ON items.collection = %(collection)s AND items.id = wanted.id
ORDER BY place
"""


@dataclass(frozen=True)
class Compiled:
    """A search as pgSTAC's compiler writes it."""

    where: str
    """Condition over `items`."""
    order: str
    """Terms of its ORDER BY."""
    keys: tuple[str, ...]
    """Properties that the order looks at."""


Row = tuple[Any, ...]


class MosaicQueries:
    """Statements about mosaics, of which the heavy ones take turns."""

    def __init__(self, pool: Callable[[], ConnectionPool], timeout: float = 10.0) -> None:
        """Ask nothing yet.

        Args:
            pool: gives the database's connections once the application runs.
            timeout: seconds that a heavy statement waits for its turn.
        """
        self._pool = pool
        self._timeout = timeout
        self._turns = threading.BoundedSemaphore(BEST_AT_ONCE)
        self._compiled: LoadingCache[str, Compiled] = LoadingCache(MAX_COMPILED, seconds=lambda _: COMPILED_SECONDS)

    def best(self, search: MosaicSearch, area: BBox | None, limit: int) -> list[Row]:
        """Return the first item of each AOI and collection, in the order of the search.

        Args:
            search: the search.
            area: box in degrees, None for all.
            limit: most items.

        Returns:
            Rows of collection, id, AOI, west, south, east, north.
        """
        compiled = self._compile(search)
        statement = _SQL_BEST.format(
            where=compiled.where,
            order=compiled.order,
            keys=", ".join(f"%(key{n})s::text, p->%(key{n})s::text" for n in range(len(compiled.keys))),
            area="true" if area is None else "geometry && st_makeenvelope(%(w)s, %(s)s, %(e)s, %(n)s, 4326)",
        )
        given = {f"key{n}": key for n, key in enumerate(compiled.keys)}
        box = dict(zip("wsen", area, strict=True)) if area else {}
        with self._turn(), self._connected(BEST_SECONDS) as connection:
            return connection.execute(statement, {**given, **box, "limit": limit}).fetchall()

    def in_area(self, search: MosaicSearch, geometry: str, limit: int, seconds: float) -> list[Row]:
        """Return the items that touch a GeoJSON geometry, in the order of the search.

        Returns:
            Rows of collection, id, west, south, east, north, footprint as WKB.
        """
        compiled = self._compile(search)
        statement = _SQL_AREA.format(where=compiled.where, order=compiled.order)
        with self._connected(seconds) as connection:
            return connection.execute(statement, {"area": geometry, "limit": limit}).fetchall()

    def means(self, collection: str, ids: Sequence[str], asset: str) -> list[list[float | None] | None]:
        """Return what the bands of a raster are on average, in physical units, of each of these items.

        None stands for an item that lacks the raster or does not say.
        """
        with self._connected(BEST_SECONDS) as connection:
            given = {"collection": collection, "ids": list(ids), "asset": asset}
            return [row[0] for row in connection.execute(_SQL_MEANS, given).fetchall()]

    def _compile(self, search: MosaicSearch) -> Compiled:
        def load() -> Compiled:
            with self._connected(BEST_SECONDS) as connection:
                where, order = connection.execute(_SQL_COMPILE, (search.document,)).fetchone() or ("", "")
            # They are texts of SQL, and psycopg takes a per cent sign for a parameter.
            seen = exclude_sql(where or "true", search.hidden)
            return Compiled(seen.replace("%", "%%"), order.replace("%", "%%"), _keys(search))

        return self._compiled.get(search.key, load)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._timeout):
            raise DatabaseUnavailableError("Too many new mosaics are being put together. Try again in a moment.")
        try:
            yield
        finally:
            self._turns.release()

    @contextmanager
    def _connected(self, seconds: float) -> Iterator[Connection[Any]]:
        try:
            with self._pool().connection() as connection:
                connection.execute("SELECT set_config('statement_timeout', %s, true)", (str(int(seconds * 1000)),))
                yield connection
        except psycopg.errors.SyntaxError as error:
            raise InvalidSearchError(NO_CONDITION) from error
        except psycopg.errors.InternalError_ as error:
            # PostGIS has this one code for every geometry that it can't read.
            raise InvalidSearchError(f"The geometry can't be searched: {error}.") from error


def _keys(search: MosaicSearch) -> tuple[str, ...]:
    fields = [entry["field"] for entry in json.loads(search.document).get("sortby") or ()]
    check_order(fields)  # of a search that another program registered nobody has looked at it
    return tuple(dict.fromkeys(re.sub(r"^properties\.", "", field) for field in fields))
