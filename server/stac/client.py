"""stac-fastapi-pgstac's client with our limits before a search and our URLs after it."""

from typing import Any

import asyncpg
import attr
from stac_fastapi.pgstac.core import CoreCrudClient
from starlette.requests import Request

from server.errors import InvalidSearchError
from server.settings import ServerSettings
from server.stac.bounds import flat_bounds
from server.stac.hrefs import Publisher
from server.stac.links import add_collection_links, add_item_links
from server.stac.schema import publish_schema
from server.stac.search import WorldStratSearch

# Counts are what users ask for most; pgSTAC would keep one for a day, in which an ingest makes it wrong.
SEARCH_CONF = {"context": "on", "context_stats_ttl": "10 seconds"}


@attr.s
class WorldStratClient(CoreCrudClient):  # type: ignore[misc]
    """The core endpoints of the STAC API."""

    settings: ServerSettings = attr.ib(kw_only=True)

    async def _search_base(self, search_request: WorldStratSearch, request: Request) -> dict[str, Any]:
        """Every search and every item passes here: limit it, ask, publish what came."""
        search_request.conf = dict(SEARCH_CONF)
        search_request.limit = min(search_request.limit or 10, self.settings.max_limit)
        try:
            answer: dict[str, Any] = await super()._search_base(search_request, request=request)
        except asyncpg.InternalServerError as error:
            # PostGIS has this one code for every geometry that it can't read.
            if not search_request.is_spatial:
                raise
            raise InvalidSearchError(f"The geometry can't be searched: {error}.") from error
        publisher = _publisher(request)
        for item in answer["features"]:
            publisher.publish_assets(item)
            publish_schema(publisher.base_url, item)
            add_item_links(publisher.base_url, item)
        return answer

    async def all_collections(self, request: Request, **search: Any) -> Any:
        """Return the collections that match; see `GET /collections`."""
        if search.get("bbox"):
            search["bbox"] = flat_bounds(search["bbox"])
        if search.get("limit"):
            search["limit"] = min(search["limit"], self.settings.max_limit)
        try:
            answer = await super().all_collections(request=request, **search)
        except asyncpg.PostgresSyntaxError as error:
            if not search.get("q"):
                raise
            raise InvalidSearchError(f"q can't be read as words to look for: {error}.") from error
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


def create_client(settings: ServerSettings, **options: Any) -> WorldStratClient:
    """Return the client of one server; `options` are those of stac-fastapi-pgstac's own, which names no types."""
    create: Any = WorldStratClient
    client: WorldStratClient = create(settings=settings, **options)
    return client


def _publisher(request: Request) -> Publisher:
    return Publisher(request.app.state.store, str(request.base_url))


def _publish_collection(publisher: Publisher, collection: dict[str, Any]) -> None:
    publisher.publish_assets(collection)
    publish_schema(publisher.base_url, collection)
    add_collection_links(publisher.base_url, collection)
