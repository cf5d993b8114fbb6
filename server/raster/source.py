"""From the path of a request to the item it is about."""

from typing import Annotated, Any

from fastapi import FastAPI, Path
from starlette.requests import Request
from starlette.responses import Response

from server.raster.cache import LoadingCache
from server.raster.chip import ChipCache
from server.raster.reader import ItemSource
from server.raster.record import RecordCache

TileKey = tuple[object, ...]
"""Version of an item, place of a tile, and what was asked for."""
_TILE_OVERHEAD = 2000  # bytes of a kept tile beside its body: headers, key, objects


class ItemSources:
    """All items of the catalog as sources of pixels, with what is remembered of them."""

    def __init__(self, app: FastAPI, capacity: int, decoded_capacity: int, tile_capacity: int) -> None:
        """Use the pool and the store that the application's lifespan opens; nothing is connected here.

        Args:
            app: the application.
            capacity: most bytes of objects that are kept in memory.
            decoded_capacity: most bytes of decoded numbers that are kept beside them.
            tile_capacity: most bytes of finished tiles that are kept.
        """
        self.records = RecordCache(lambda: app.state.dbpool)
        self.chips = ChipCache(lambda: app.state.store, capacity, decoded_capacity)
        self.tiles: LoadingCache[TileKey, Response] = LoadingCache(tile_capacity, weigh=_weigh)

    def caches(self) -> dict[str, LoadingCache[Any, Any]]:
        """Return what is kept in memory, by name."""
        return {**self.chips.caches(), "tiles": self.tiles}

    def get(self, collection: str, item: str) -> ItemSource:
        """Return an item.

        Raises:
            ItemNotFoundError: there is none.
        """
        return ItemSource(self.records.get(collection, item), self.chips)


def _weigh(tile: Response) -> int:
    return len(tile.body) + _TILE_OVERHEAD


def sources_of(request: Request) -> ItemSources:
    """Return the sources that `add_raster` put on the application."""
    sources: ItemSources = request.app.state.raster
    return sources


def item_source(
    request: Request,
    collection_id: Annotated[str, Path(description="Collection, such as `worldstrat-sentinel-2-l2a`.")],
    item_id: Annotated[str, Path(description="Item, such as `Landcover-8379_L2A_01`.")],
) -> ItemSource:
    """Return the item that a path names."""
    return sources_of(request).get(collection_id, item_id)
