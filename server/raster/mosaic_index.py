"""The best items of a search in memory: which of them a tile shows is then a comparison of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from morecantile import Tile, TileMatrixSet
from numpy.typing import NDArray
from rio_tiler.types import BBox

from server.raster.cache import LoadingCache
from server.raster.mosaic_query import MosaicQueries
from server.raster.mosaic_search import MosaicSearch
from server.raster.warp import DEGREES, EARTH_RADIUS

MAX_ITEMS = 50_000
"""Most items of an index; where a search finds more, the first of its order are shown."""
MAX_INDEXED = 500_000
"""Most items of all indexes together; one takes about half a kilobyte."""
MAX_MEANS = 4_000_000
"""Most numbers kept of what bands are on average."""
REGION_ZOOM = 6
"""From this zoom on a search that is new is looked for in a tile of this zoom only."""
_MARGIN = 0.05  # of a region's width: marks reach over the edge of what they mark
_MAX_LATITUDE = 85.051128


@dataclass(frozen=True)
class Index:
    """The best item of each AOI and collection; the first lies on top."""

    key: tuple[Any, ...]
    """What was looked for, in which version of the catalog."""
    collections: tuple[str, ...]
    """Collection of each item."""
    ids: tuple[str, ...]
    """Id of each item."""
    first: NDArray[np.bool_]
    """Whether an item is the first of its AOI: the others lie below it."""
    aois: NDArray[np.int64]
    """Number of each item's AOI."""
    boxes: NDArray[np.float64]
    """West, south, east, north of each item in degrees, `(item, 4)`."""

    def __len__(self) -> int:
        """Count the items."""
        return len(self.ids)

    def projected(self, tms: TileMatrixSet) -> NDArray[np.float64]:
        """Return left, bottom, right, top of each item in the coordinates of a scheme."""
        return self.boxes if tms.id == DEGREES else self._mercator

    @cached_property
    def _mercator(self) -> NDArray[np.float64]:
        radians = np.radians(np.clip(self.boxes, [-180, -_MAX_LATITUDE] * 2, [180, _MAX_LATITUDE] * 2))
        radians[:, 1::2] = np.arcsinh(np.tan(radians[:, 1::2]))
        return EARTH_RADIUS * radians

    @cached_property
    def members(self) -> dict[str, NDArray[np.int64]]:
        """The items of each collection."""
        names = np.array(self.collections, dtype=object)
        return {name: np.flatnonzero(names == name) for name in dict.fromkeys(self.collections)}

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """The place of each item among those of its collection."""
        places = np.empty(len(self), np.int64)
        for members in self.members.values():
            places[members] = np.arange(len(members))
        return places


class MosaicIndexes:
    """Indexes of searches: all of a search where one looks from afar, else what lies in a region."""

    def __init__(self, queries: MosaicQueries) -> None:
        """Create an empty cache over these statements."""
        self._queries = queries
        self._indexes: LoadingCache[tuple[Any, ...], Index] = LoadingCache(
            MAX_INDEXED, weigh=lambda index: len(index) + 1
        )
        self._means: LoadingCache[tuple[Any, ...], NDArray[np.float32]] = LoadingCache(
            MAX_MEANS, weigh=lambda means: means.size + 1
        )

    def get(self, search: MosaicSearch, version: str, tms: TileMatrixSet, tile: Tile) -> Index:
        """Return an index that holds what a tile shows.

        Args:
            search: the search.
            version: of the catalog.
            tms: the tile scheme.
            tile: the tile.
        """
        up = tile.z - REGION_ZOOM
        if up < 0:
            return self._load((search.key, version), search, None)
        region = Tile(tile.x >> up, tile.y >> up, REGION_ZOOM)
        return self._load((search.key, version, tms.id, *region), search, _around(tms.bounds(region)))

    def means(self, index: Index, collection: str, asset: str) -> NDArray[np.float32]:
        """Return what the bands of a raster are on average as `(item of the collection, band)`; NaN where unknown."""

        def load() -> NDArray[np.float32]:
            ids = [index.ids[member] for member in index.members[collection]]
            return _table(self._queries.means(collection, ids, asset))

        return self._means.get((index.key, collection, asset), load)

    def _load(self, key: tuple[Any, ...], search: MosaicSearch, area: BBox | None) -> Index:
        return self._indexes.get(key, lambda: create_index(key, self._queries.best(search, area, MAX_ITEMS)))


def create_index(key: tuple[Any, ...], rows: Sequence[tuple[Any, ...]]) -> Index:
    """Return the index of rows of collection, id, AOI, west, south, east, north, the best first."""
    numbers: dict[str, int] = {}
    aois = np.array([numbers.setdefault(row[2], len(numbers)) for row in rows], np.int64)
    first = np.zeros(len(rows), np.bool_)
    first[np.unique(aois, return_index=True)[1]] = True
    return Index(
        key=key,
        collections=tuple(row[0] for row in rows),
        ids=tuple(row[1] for row in rows),
        first=first,
        aois=aois,
        boxes=np.array([row[3:7] for row in rows], np.float64).reshape(-1, 4),
    )


def _around(bounds: Sequence[float]) -> BBox:
    west, south, east, north = bounds
    across, down = _MARGIN * (east - west), _MARGIN * (north - south)
    return max(-180.0, west - across), max(-90.0, south - down), min(180.0, east + across), min(90.0, north + down)


def _table(rows: Sequence[Sequence[float | None] | None]) -> NDArray[np.float32]:
    width = max((len(row) for row in rows if row), default=0)
    table = np.full((len(rows), width), np.nan, np.float32)
    for place, row in enumerate(rows):
        if row:
            table[place, : len(row)] = [np.nan if mean is None else mean for mean in row]
    return table
