"""Which other image of its place an item is compared with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg_pool import ConnectionPool

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from server.raster.cache import LoadingCache
from server.raster.errors import InvalidRequestError, NoCounterpartError
from server.raster.record import ABSENT_SECONDS, RECORD_SECONDS

CLEAR = 10.0
"""Per cent of clouds up to which an image counts as clear."""
MAX_PLACES = 4_000
"""Most places that are remembered; one takes 10 kB."""
_MOST = 256

# The expression is the one that pgSTAC indexes.
_SQL = """
WITH asked AS (
    SELECT pgstac.to_text(content -> 'properties' -> 'worldstrat:aoi') AS aoi FROM pgstac.items
    WHERE collection = %(collection)s AND id = %(item)s
)
SELECT i.collection, i.id, i.datetime, i.content -> 'properties' AS properties FROM pgstac.items AS i, asked
WHERE pgstac.to_text(i.content -> 'properties' -> 'worldstrat:aoi') = asked.aoi
ORDER BY i.collection, i.id LIMIT %(most)s
"""


@dataclass(frozen=True)
class Sight:
    """One image of a place, and what it is chosen by."""

    collection: str
    """Its collection."""
    item: str
    """Its id."""
    datetime: datetime
    """When it was taken, or when at the earliest."""
    clouds: float | None
    """Per cent of clouds: in the place where that is known, else in the whole product."""
    delta: int | None
    """Days after the SPOT image, negative before it."""
    rank: int | None
    """The dataset's own rank: 1 is the best."""

    @property
    def is_spot(self) -> bool:
        """Whether it is the image of 1.5 m."""
        return self.collection == COLLECTION_SPOT


class Sights:
    """All images of a place, read from pgSTAC once a minute at most."""

    def __init__(self, pool: Callable[[], ConnectionPool]) -> None:
        """Create an empty cache; `pool` gives the database's connections once the application runs."""
        self._pool = pool
        self._places: LoadingCache[tuple[str, str], tuple[Sight, ...]] = LoadingCache(
            MAX_PLACES, seconds=lambda sights: RECORD_SECONDS if sights else ABSENT_SECONDS
        )

    def pair(
        self, collection: str, item: str, other: str | None, hidden: frozenset[str] = frozenset()
    ) -> tuple[Sight, Sight]:
        """Return an item and what it is compared with.

        Args:
            collection: collection of the item.
            item: its id.
            other: id of another image of the same place; without one it is SPOT's for a Sentinel-2 image, and for
                SPOT's the closest clear one of Sentinel-2.
            hidden: collections that do not exist for the caller.

        Raises:
            NoCounterpartError: the place has no other image.
            InvalidRequestError: the place has no such image.
        """
        sights = self._places.get((collection, item), lambda: self._load(collection, item))
        asked = next((sight for sight in sights if (sight.collection, sight.item) == (collection, item)), None)
        if asked is None:
            raise NoCounterpartError(f"Nobody knows of which place the item {item!r} is, so it has no other image.")
        others = [sight for sight in sights if sight is not asked and sight.collection not in hidden]
        return asked, (_named(others, other) if other else _best(asked, others))

    def _load(self, collection: str, item: str) -> tuple[Sight, ...]:
        asked = {"collection": collection, "item": item, "most": _MOST}
        with self._pool().connection() as connection:
            return tuple(_sight(*row) for row in connection.execute(_SQL, asked))


def _sight(collection: str, item: str, moment: datetime, properties: dict[str, Any]) -> Sight:
    clouds = properties.get("worldstrat:cloud_cover")
    return Sight(
        collection=collection,
        item=item,
        datetime=moment,
        clouds=properties.get("eo:cloud_cover") if clouds is None else clouds,
        delta=properties.get("worldstrat:delta"),
        rank=properties.get("worldstrat:revisit"),
    )


def _named(others: list[Sight], name: str) -> Sight:
    found = next((sight for sight in others if sight.item == name), None)
    if found is None:
        known = ", ".join(sight.item for sight in others[:20]) or "none"
        raise InvalidRequestError(f"The place has no other image {name[:80]!r}; it has {known}.")
    return found


def _best(asked: Sight, others: list[Sight]) -> Sight:
    wanted = COLLECTION_L2A if asked.is_spot else COLLECTION_SPOT
    candidates = [sight for sight in others if sight.collection == wanted]
    if not candidates:
        raise NoCounterpartError(f"The place of {asked.item!r} has no image in {wanted!r}; name another by `with`.")
    return min(candidates, key=_closest_clear)


def _closest_clear(sight: Sight) -> tuple[bool, int, float, int]:
    cloudy = sight.clouds is None or sight.clouds > CLEAR
    return cloudy, abs(sight.delta or 0), 0.0 if sight.clouds is None else sight.clouds, sight.rank or 0
