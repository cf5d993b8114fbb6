"""stac-fastapi-pgstac's client with our limits before a search and our URLs after it."""

from collections.abc import Callable
from typing import Any

import attr
from stac_fastapi.pgstac.core import CoreCrudClient
from starlette.requests import Request

from server.settings import ServerSettings
from server.stac.bounds import crosses_antimeridian, flat_bounds, split_at_antimeridian
from server.stac.hrefs import Publisher
from server.stac.links import collection_links, item_links

LANDING_ID = "worldstrat"
TITLE = "WorldStrat"
DESCRIPTION = (
    "Nearly 4,000 places on Earth, each with one SPOT 6/7 image at 1.5 m and up to 16 Sentinel-2 revisits at 10 m, "
    "stratified by land use. Search by place, date, land use, source and split; open every asset as a "
    "Cloud-Optimized GeoTIFF."
)

# Counts are what users ask for most; pgSTAC would keep one for a day, in which an ingest makes it wrong.
SEARCH_CONF = {"context": "on", "context_stats_ttl": "10 seconds"}


@attr.s
class WorldStratClient(CoreCrudClient):  # type: ignore[misc]
    """The core endpoints of the STAC API."""

    settings: ServerSettings = attr.ib(kw_only=True)

    async def _search_base(self, search_request: Any, request: Request) -> dict[str, Any]:
        """Every search and every item passes here: limit it, ask, publish what came."""
        search_request.conf = dict(SEARCH_CONF)
        search_request.limit = min(search_request.limit or 10, self.settings.max_limit)
        if search_request.bbox:
            bounds = flat_bounds(search_request.bbox)
            search_request.bbox = bounds
            if crosses_antimeridian(bounds):
                search_request = _across_antimeridian(search_request)
        answer: dict[str, Any] = await super()._search_base(search_request, request=request)
        publisher = _publisher(request)
        for item in answer["features"]:
            publisher.publish_assets(item)
            if "links" in item:
                item["links"] += item_links(publisher.base_url, item)
        return answer

    async def all_collections(self, request: Request, **search: Any) -> Any:
        """Return the collections that match; see `GET /collections`."""
        if search.get("bbox"):
            search["bbox"] = flat_bounds(search["bbox"])
        if search.get("limit"):
            search["limit"] = min(search["limit"], self.settings.max_limit)
        answer = await super().all_collections(request=request, **search)
        if isinstance(answer, dict):
            publisher = _publisher(request)
            for collection in answer["collections"]:
                _publish_collection(publisher, collection)
        return answer

    async def get_collection(self, collection_id: str, request: Request, **options: Any) -> dict[str, Any]:
        """Return one collection.

        Raises:
            NotFoundError: there is none of this id.
        """
        collection: dict[str, Any] = await super().get_collection(collection_id, request=request, **options)
        _publish_collection(_publisher(request), collection)
        return collection


def client_factory(settings: ServerSettings) -> Callable[..., WorldStratClient]:
    """Return what builds the client of one server."""

    def create(**options: Any) -> WorldStratClient:
        return WorldStratClient(settings=settings, landing_page_id=LANDING_ID, **options)

    return create


def _publisher(request: Request) -> Publisher:
    return Publisher(request.app.state.store, str(request.base_url))


def _publish_collection(publisher: Publisher, collection: dict[str, Any]) -> None:
    publisher.publish_assets(collection)
    collection["links"] += collection_links(publisher.base_url, collection["id"])


def _across_antimeridian(search_request: Any) -> Any:
    fields = search_request.model_dump(by_alias=True, exclude_none=True, exclude={"bbox"})
    return type(search_request)(**fields, intersects=split_at_antimeridian(search_request.bbox))
