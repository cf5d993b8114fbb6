"""stac-fastapi-pgstac's client with our limits before a search and our URLs after it."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import attr
from stac_fastapi.extensions.fields.request import PostFieldsExtension
from stac_fastapi.pgstac.core import CoreCrudClient
from starlette.requests import Request

from server.errors import InvalidSearchError
from server.settings import ServerSettings
from server.stac.bounds import flat_bounds
from server.stac.complexity import limit_filter
from server.stac.hrefs import Publisher
from server.stac.links import add_collection_links, add_item_links
from server.stac.schema import publish_schema
from server.stac.search import WorldStratSearch

# Counts are what users ask for most; one that something else kept, by default for a day, an ingest makes wrong.
SEARCH_CONF = {"context": "on", "context_stats_ttl": "0 seconds"}


_KEY = {"id", "collection"}
"""Fields that say which item it is."""


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

    async def get_items(
        self, keys: Sequence[tuple[str, str]], fields: PostFieldsExtension | None, request: Request
    ) -> list[dict[str, Any]]:
        """Return the items of these collections and ids, in this order, as a search shows them.

        An item that was deleted a moment ago is left out. `fields` can't take an item's id and collection away; where
        nothing else is asked for, nothing is looked up.
        """
        shown = {
            "include": fields.include | _KEY if fields and fields.include else set(),
            "exclude": (fields.exclude or set()) - _KEY if fields else set(),
        }
        if shown["include"] == _KEY:
            return [{"id": item_id, "collection": collection} for collection, item_id in keys]
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for collection in dict.fromkeys(collection for collection, _ in keys):
            ids = [item_id for of, item_id in keys if of == collection]
            for start in range(0, len(ids), self.settings.max_limit):
                page = ids[start : start + self.settings.max_limit]
                search = self.pgstac_search_model(collections=[collection], ids=page, limit=len(page), fields=shown)
                answer = await self._search_base(search, request)
                found |= {(collection, item["id"]): item for item in answer["features"]}
        return [found[key] for key in keys if key in found]

    def _clean_search_args(self, *given: Any, filter_query: str | None = None, **search: Any) -> dict[str, Any]:
        """Every filter of a URL passes here before it is parsed."""
        limit_filter(filter_query)
        clean: dict[str, Any] = super()._clean_search_args(*given, filter_query=filter_query, **search)
        return clean

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
