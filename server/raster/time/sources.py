"""From the path of a request to the place it is about."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Path
from starlette.requests import Request

from server.raster.cache import LoadingCache
from server.raster.freshness import ItemRoute
from server.raster.reader import ItemSource
from server.raster.source import ItemSources, sources_of
from server.raster.time.aoi import AoiCache, AoiRecord
from server.raster.time.composite import CompositeCache, create_source
from server.raster.time.params import MaskQuery, MethodQuery
from server.raster.time.revisits import RevisitsParams

AOI_PATH = "/raster/collections/{collection_id}/aois/{aoi}"


@dataclass(frozen=True)
class PlaceSources:
    """What is remembered of places."""

    aois: AoiCache
    """Their dates."""
    composites: CompositeCache
    """Their composites."""

    @classmethod
    def create(cls, app: FastAPI, items: ItemSources, capacity: int) -> "PlaceSources":
        """Return empty caches over the database that the application's lifespan opens.

        Args:
            app: the application.
            items: what is remembered of items.
            capacity: most bytes of composites.
        """
        aois = AoiCache(lambda: app.state.dbpool, items.records)
        return cls(aois, LoadingCache(capacity, weigh=lambda composite: composite.nbytes))


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
    """Return the place that a path names."""
    return places_of(request).aois.get(collection_id, aoi)


Place = Annotated[AoiRecord, Depends(aoi_of)]


def composite_source(
    request: Request,
    aoi: Place,
    revisits: Annotated[RevisitsParams, Depends()],
    mask: MaskQuery = "clouds",
    method: MethodQuery = "median",
) -> ItemSource:
    """Return the composite that a request means."""
    cache, chips = places_of(request).composites, sources_of(request).chips
    return create_source(cache, chips, aoi, revisits.choose(aoi), mask=mask, method=method)


class AoiRoute(ItemRoute):
    """A route of a place: its tag changes with any of the place's items."""

    def version(self, request: Request) -> str:
        """Return what changes with the items of the place and the renders of its collection.

        Raises:
            AoiNotFoundError: there is no such place.
        """
        path = request.path_params
        return places_of(request).aois.get(path["collection_id"], path["aoi"]).version
