"""From the path of a request to the place it is about."""

from dataclasses import dataclass, fields
from typing import Annotated

from fastapi import Depends, FastAPI, Path
from starlette.requests import Request

from server.access.caller import hidden_of
from server.raster.cache import LoadingCache
from server.raster.freshness import ItemRoute
from server.raster.reader import ItemSource
from server.raster.source import ItemSources, sources_of
from server.raster.tile_route import MAX_QUERY, TileRoute
from server.raster.time.aoi import AoiCache, AoiRecord
from server.raster.time.composite import CompositeCache, CompositeSource, create_source
from server.raster.time.params import MaskQuery, MethodQuery
from server.raster.time.revisits import RevisitsParams

MAX_SOURCES = 1024
"""Most queries for composites that are remembered."""

AOI_PATH = "/raster/collections/{collection_id}/aois/{aoi}"


@dataclass(frozen=True)
class PlaceSources:
    """What is remembered of places."""

    aois: AoiCache
    """Their dates."""
    composites: CompositeCache
    """Their composites."""
    sources: LoadingCache[tuple[str, str], CompositeSource]
    """Of which dates and how a composite is made, by the version of the place and the query."""

    @classmethod
    def create(cls, app: FastAPI, items: ItemSources, capacity: int) -> "PlaceSources":
        """Return empty caches over the database that the application's lifespan opens.

        Args:
            app: the application.
            items: what is remembered of items.
            capacity: most bytes of composites.
        """
        aois = AoiCache(lambda: app.state.dbpool, items.records)
        composites: CompositeCache = LoadingCache(capacity, weigh=lambda composite: composite.nbytes)
        return cls(aois, composites, LoadingCache(MAX_SOURCES))


def places_of(request: Request) -> PlaceSources:
    """Return what `add_time` put on the application."""
    places: PlaceSources = request.app.state.places
    return places


def aoi_of(
    request: Request,
    collection_id: Annotated[str, Path(description="Collection, such as `worldstrat-sentinel-2-l2a`.")],
    aoi: Annotated[
        str, Path(max_length=100, description="Place: `worldstrat:aoi` of its items, or that with hyphens for spaces.")
    ],
) -> AoiRecord:
    """Return the place that a path names, as far as it exists for the caller."""
    return places_of(request).aois.get(collection_id, aoi).without(hidden_of(request))


Place = Annotated[AoiRecord, Depends(aoi_of)]


def composite_source(
    request: Request,
    aoi: Place,
    revisits: Annotated[RevisitsParams, Depends()],
    mask: MaskQuery = "clouds",
    method: MethodQuery = "median",
) -> ItemSource:
    """Return the composite that a request means."""
    places, chips = places_of(request), sources_of(request).chips
    asked = {name: value for name, value in request.query_params.items() if name in _CHOICES}

    def create() -> CompositeSource:
        dates = revisits.choose(aoi)
        return create_source(places.composites, chips, aoi, dates, mask=mask, method=method, asked=asked)

    query = request.url.query
    return create() if len(query) > MAX_QUERY else places.sources.get((aoi.version, query), create)


_CHOICES = frozenset({*(field.name for field in fields(RevisitsParams)), "mask", "method"})


class AoiRoute(ItemRoute):
    """A route of a place: its tag changes with any of the place's items."""

    def version(self, request: Request) -> str:
        """Return what changes with the items of the place and the renders of its collection.

        Raises:
            AoiNotFoundError: there is no such place.
        """
        path = request.path_params
        return places_of(request).aois.get(path["collection_id"], path["aoi"]).version


class CompositeTileRoute(AoiRoute, TileRoute):
    """A route of tiles of a composite: as fast as those of an item."""

    kind = "composite"

    def known(self, request: Request) -> tuple[str, ItemSource] | None:
        """Return the version of the place and the composite, where both are at hand."""
        places, path = places_of(request), request.path_params
        aoi = places.aois.kept(path["collection_id"], path["aoi"])
        source = places.sources.kept((aoi.version, request.url.query)) if aoi else None
        return (aoi.version, source) if aoi and source else None
