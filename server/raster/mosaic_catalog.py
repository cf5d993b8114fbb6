"""What mosaics need to know of the whole catalog: its version, its collections, the mosaics stored with them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from psycopg import Connection
from psycopg_pool import ConnectionPool
from rio_tiler.types import BBox

from catalog.mosaics import FIELD
from server.raster.cache import LoadingCache
from server.raster.record import RECORD_SECONDS, digest

CATALOG_SECONDS = RECORD_SECONDS
"""How long a version is believed; an ingest that runs for hours makes a new one with every batch."""
EARTH: BBox = (-180.0, -90.0, 180.0, 90.0)

_SQL_COLLECTIONS = """
SELECT id, xmin::text, content->'extent'->'spatial'->'bbox'->0, content->'renders', content->'item_assets',
       content->%(field)s
FROM pgstac.collections ORDER BY id
"""
# PostgreSQL counts every row that a statement adds, changes or deletes, whoever runs it; reading the counts takes a
# millisecond. A crash empties them, so its time belongs to the version.
_SQL_CHANGES = """
SELECT sum(pg_stat_get_tuples_inserted(relid) + pg_stat_get_tuples_updated(relid) + pg_stat_get_tuples_deleted(relid)),
       pg_postmaster_start_time()::text
FROM pg_partition_tree('pgstac.items')
"""


@dataclass(frozen=True)
class CollectionFacts:
    """What mosaics need to know of a collection."""

    bounds: BBox
    """Extent in degrees."""
    assets: tuple[str, ...]
    """Keys of its items' assets."""
    renders: tuple[str, ...]
    """Names of its stored renders."""
    mosaics: Mapping[str, Mapping[str, Any]]
    """Its stored mosaics by name."""

    def without(self, hidden: frozenset[str]) -> Self:
        """Return the same without the mosaics that show hidden collections."""
        shown = {name: each for name, each in self.mosaics.items() if hidden.isdisjoint(each["collections"])}
        return replace(self, mosaics=shown)


@dataclass(frozen=True)
class Catalog:
    """The catalog at one time."""

    version: str
    """Changes whenever an item or a collection does."""
    collections: Mapping[str, CollectionFacts]
    """Its collections by id."""

    def without(self, hidden: frozenset[str]) -> Self:
        """Return the catalog as if some collections, and the mosaics that show them, had never been."""
        if not hidden:
            return self
        seen = {name: facts.without(hidden) for name, facts in self.collections.items() if name not in hidden}
        return replace(self, collections=seen)

    @property
    def mosaics(self) -> dict[str, Mapping[str, Any]]:
        """The stored mosaics by name; of two with one name that of the collection that comes first."""
        found: dict[str, Mapping[str, Any]] = {}
        for facts in self.collections.values():
            found = dict(facts.mosaics) | found
        return dict(sorted(found.items()))


class CatalogWatch:
    """The catalog, looked at once a minute."""

    def __init__(self, pool: Callable[[], ConnectionPool], changed: Callable[[], None]) -> None:
        """Look at nothing yet.

        Args:
            pool: gives the database's connections once the application runs.
            changed: called when there is another version, so that nothing older is believed any more.
        """
        self._pool = pool
        self._changed = changed
        self._version: str | None = None
        self._seen: LoadingCache[None, Catalog] = LoadingCache(1, seconds=lambda _: CATALOG_SECONDS)

    def get(self) -> Catalog:
        """Return the catalog as it is, or was a minute ago at most."""
        return self._seen.get(None, self._load)

    def clear(self) -> None:
        """Look again next time."""
        self._seen.clear()

    def _load(self) -> Catalog:
        with self._pool().connection() as connection:
            catalog = read_catalog(connection)
        if self._version not in {None, catalog.version}:
            self._changed()
        self._version = catalog.version
        return catalog


def read_catalog(connection: Connection[Any]) -> Catalog:
    """Return the catalog as it is."""
    rows = connection.execute(_SQL_COLLECTIONS, {"field": FIELD}).fetchall()
    changes = connection.execute(_SQL_CHANGES).fetchone()
    facts = [[row[:2] for row in rows], [str(part) for part in changes or ()]]
    return Catalog(
        version=digest(facts),
        collections={
            name: CollectionFacts(
                bounds=tuple(bounds) if bounds else EARTH,
                assets=tuple(assets or ()),
                renders=tuple(renders or ()),
                mosaics=mosaics or {},
            )
            for name, _, bounds, renders, assets, mosaics in rows
        },
    )
