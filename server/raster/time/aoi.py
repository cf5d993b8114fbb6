"""What is known of a place before a byte of it is read: its dates, how clear each is, its SPOT image."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Any, Self

from psycopg_pool import ConnectionPool

from catalog.constants import COLLECTION_SPOT, slug
from server.raster.cache import LoadingCache
from server.raster.errors import AoiNotFoundError
from server.raster.record import ABSENT_SECONDS, RECORD_SECONDS, ItemRecord, RecordCache, create_record, digest

MAX_ITEMS = 256
"""Most items of a place that are looked at; WorldStrat has 17 of a collection and a SPOT image."""
MAX_RECORDS = 8_000
"""Most items whose records are kept here; one takes about 10 kB."""
_MOST_HYPHENS = 6

# The expression is the one that pgSTAC indexes.
_SQL = """
SELECT content_hydrate(i) FROM items AS i
WHERE i.collection = ANY(%(collections)s)
    AND to_text(i.content -> 'properties' -> 'worldstrat:aoi') = ANY(%(names)s)
ORDER BY i.collection, i.id LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Revisit:
    """One date of a place: an item, and what dates are chosen by."""

    item: ItemRecord
    """The item."""
    datetime: datetime
    """When it was seen."""
    cloud_cover: float | None
    """Per cent of clouds in the whole product."""
    place_cloud_cover: float | None
    """Per cent of clouds in the place itself, where the item has a cloud mask."""
    delta: int | None
    """Days after the SPOT image; negative before it."""
    rank: int | None
    """The dataset's own rank: 1 is the best."""

    @property
    def clouds(self) -> float | None:
        """Per cent of clouds: in the place where that is known, else in the product."""
        return self.cloud_cover if self.place_cloud_cover is None else self.place_cloud_cover


@dataclass(frozen=True)
class AoiRecord:
    """One place in one collection."""

    collection: str
    """The collection."""
    name: str
    """Name of the place."""
    revisits: tuple[Revisit, ...]
    """Its dates, the best first."""
    spot: ItemRecord | None
    """Its SPOT image."""
    version: str
    """Changes whenever an answer about this place might."""

    @property
    def slug(self) -> str:
        """Name of the place as ids and URLs write it."""
        return slug(self.name)

    def without(self, hidden: frozenset[str]) -> Self:
        """Return the place as if some collections had never been: of others than its own it holds SPOT's."""
        return replace(self, spot=None) if self.spot and self.spot.collection in hidden else self


class AoiCache:
    """Places, read from pgSTAC by one query once a minute at most; that one is absent is remembered too."""

    def __init__(self, pool: Callable[[], ConnectionPool], records: RecordCache) -> None:
        """Create an empty cache.

        Args:
            pool: gives the database's connections once the application runs.
            records: knows the renders that collections store.
        """
        self._pool = pool
        self._records = records
        self._aois: LoadingCache[tuple[str, str], AoiRecord | None] = LoadingCache(
            MAX_RECORDS,
            weigh=lambda aoi: 1 + len(aoi.revisits) if aoi else 1,
            seconds=lambda aoi: RECORD_SECONDS if aoi else ABSENT_SECONDS,
        )

    def get(self, collection: str, aoi: str) -> AoiRecord:
        """Return a place by its name, or by its name as ids write it.

        Raises:
            AoiNotFoundError: the collection has no item of such a place.
        """
        record = self._aois.get((collection, aoi), lambda: self._load(collection, aoi))
        if record is None:
            raise AoiNotFoundError(f"The collection {collection!r} has no dated item of a place {aoi!r}.")
        return record

    def kept(self, collection: str, aoi: str) -> AoiRecord | None:
        """Return a place where it is at hand, without asking the database."""
        return self._aois.kept((collection, aoi))

    def clear(self) -> None:
        """Forget all places."""
        self._aois.clear()

    def _load(self, collection: str, aoi: str) -> AoiRecord | None:
        asked = {"collections": [collection, COLLECTION_SPOT], "names": _names(aoi), "limit": MAX_ITEMS}
        with self._pool().connection() as connection:
            items = [content for (content,) in connection.execute(_SQL, asked)]
        own = [item for item in items if item["collection"] == collection and item["properties"].get("datetime")]
        if not own:
            return None
        renders = self._records.renders(collection)
        revisits = tuple(sorted((_revisit(item, renders) for item in own), key=_best_first))
        spot = next((create_record(item, {}) for item in items if item["collection"] == COLLECTION_SPOT), None)
        versions = [revisit.item.version for revisit in revisits] + ([spot.version] if spot else [])
        name = own[0]["properties"]["worldstrat:aoi"]
        return AoiRecord(collection, name, revisits, spot, digest([collection, name, *versions]))


def _revisit(item: dict[str, Any], renders: Any) -> Revisit:
    properties = item["properties"]
    return Revisit(
        item=create_record(item, renders),
        datetime=datetime.fromisoformat(properties["datetime"]),
        cloud_cover=properties.get("eo:cloud_cover"),
        place_cloud_cover=properties.get("worldstrat:cloud_cover"),
        delta=properties.get("worldstrat:delta"),
        rank=properties.get("worldstrat:revisit"),
    )


def _best_first(revisit: Revisit) -> tuple[bool, int, datetime, str]:
    return revisit.rank is None, revisit.rank or 0, revisit.datetime, revisit.item.id


def _names(aoi: str) -> list[str]:
    """Return the names that are written so in ids, where spaces are hyphens; a pattern could not use the index."""
    parts = aoi.split("-")
    if len(parts) - 1 > _MOST_HYPHENS:
        return [aoi]
    ways = product("- ", repeat=len(parts) - 1)
    return ["".join(part + glue for part, glue in zip(parts, [*way, ""], strict=True)) for way in ways]
