"""stac-fastapi-pgstac's client with our limits before a search and our URLs after it."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import attr
import orjson
from stac_fastapi.extensions.fields.request import PostFieldsExtension
from stac_fastapi.pgstac.core import CoreCrudClient
from stac_fastapi.types.errors import NotFoundError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.access.caller import SNAPSHOT, hidden_of
from server.access.described import describe_private, describe_terms, private_of
from server.errors import InvalidSearchError
from server.settings import ServerSettings
from server.stac.answer import GEOJSON, answer_page
from server.stac.bounds import flat_bounds
from server.stac.filters import read_filter
from server.stac.formats import answer_formatted
from server.stac.hrefs import Publisher
from server.stac.links import add_collection_links, sortables_link
from server.stac.page import connect, find_item, open_page, read_items, render
from server.stac.publish import KEY, Shown
from server.stac.query import fold_query
from server.stac.schema import publish_schema
from server.stac.search import WorldStratSearch
from server.stac.selection import parse_search

DEFAULT_LIMIT = 10
"""Items on a page where nobody says how many."""


_PARTLY = {"https://api.stacspec.org/v1.0.0-rc.1/collection-search#query"}
"""Classes that stac-fastapi-pgstac would claim: of collections it answers the comparisons, none of the others."""


@attr.s
class WorldStratClient(CoreCrudClient):  # type: ignore[misc]
    """The core endpoints of the STAC API."""

    settings: ServerSettings = attr.ib(kw_only=True)

    def conformance_classes(self) -> list[str]:
        """Return the classes that this server fulfils wholly."""
        return [uri for uri in super().conformance_classes() if uri not in _PARTLY]

    async def landing_page(self, **context: Any) -> Any:
        """Return what there is, with a link to what can be sorted by."""
        page = await super().landing_page(**context)
        request: Request = context["request"]
        page["links"].append(sortables_link(str(request.base_url) + "stac"))
        describe_terms(request, page)
        if private_of(request):
            describe_private(str(request.base_url), page)
        return page

    async def get_search(self, request: Request, **asked: Any) -> Response:
        """Return the items that the parameters of a URL ask for; see `GET /search`.

        Raises:
            InvalidSearchError: a parameter has no meaning.
        """
        return await self._search(request, parse_search(self.pgstac_search_model, asked))

    async def post_search(self, search_request: WorldStratSearch, request: Request, **_: Any) -> Response:
        """Return the items that a body asks for; see `POST /search`."""
        return await self._search(request, search_request)

    async def item_collection(self, collection_id: str, request: Request, **asked: Any) -> Response:
        """Return items of one collection; see `GET /collections/{collection_id}/items`.

        Raises:
            NotFoundError: there is no such collection.
            InvalidSearchError: a parameter has no meaning.
        """
        await self._require_collection(request, collection_id)
        search = parse_search(self.pgstac_search_model, asked | {"collections": [collection_id]})
        return await self._search(request, search)

    async def get_item(self, item_id: str, collection_id: str, request: Request, **_: Any) -> Response:
        """Return one item.

        Raises:
            NotFoundError: there is none of this id, or no such collection.
        """
        row = await find_item(request, collection_id, item_id)
        bodies = await render(request, Shown.of(request), [row]) if row else []
        if not bodies:
            await self._require_collection(request, collection_id)
            raise NotFoundError(f"Item {item_id} in Collection {collection_id} does not exist.")
        return Response(bodies[0], media_type=GEOJSON)

    async def get_items(
        self, keys: Sequence[tuple[str, str]], fields: PostFieldsExtension | None, request: Request
    ) -> list[dict[str, Any]]:
        """Return the items of these collections and ids, in this order, as a search shows them.

        An item that was deleted a moment ago is left out. `fields` can't take an item's id and collection away; where
        nothing else is asked for, nothing is looked up.
        """
        shown = Shown.of(request, fields).with_key()
        if shown.include == KEY:
            return [{"id": item_id, "collection": collection} for collection, item_id in keys]
        return await read_items(request, shown, keys)

    async def _search(self, request: Request, search: WorldStratSearch) -> Response:
        if formatted := await answer_formatted(request, search):
            return formatted
        search.limit = min(search.limit or DEFAULT_LIMIT, self.settings.max_limit)
        return await answer_page(await open_page(request, search))

    async def _require_collection(self, request: Request, collection_id: str) -> None:
        async with connect(request) as connection:
            known = await connection.fetchval("SELECT true FROM collections WHERE id = $1", collection_id)
        if not known:
            raise NotFoundError(f"Collection {collection_id} does not exist.")

    def _clean_search_args(
        self,
        base_args: dict[str, Any],
        filter_query: str | None = None,
        filter_lang: str | None = None,
        hidden: frozenset[str] = frozenset(),
        **search: Any,
    ) -> dict[str, Any]:
        """Every filter of a URL of collections passes here; those that are hidden fulfil none."""
        if filter_query:
            base_args |= {"filter": read_filter(filter_query, filter_lang), "filter_lang": "cql2-json"}
        clean: dict[str, Any] = super()._clean_search_args(base_args=base_args, **search)
        return _without(clean, hidden) if hidden else clean

    async def all_collections(self, request: Request, **search: Any) -> Any:
        """Return the collections that match; see `GET /collections`."""
        if search.get("bbox"):
            search["bbox"] = flat_bounds(search["bbox"])
        if search.get("limit"):
            search["limit"] = min(search["limit"], self.settings.max_limit)
        try:
            answer = await super().all_collections(request=request, hidden=hidden_of(request), **search)
        except asyncpg.PostgresSyntaxError as error:
            if not search.get("q"):
                raise
            raise InvalidSearchError(f"q can't be read as words to look for: {error}.") from error
        # Of a part of their fields it is an answer already.
        found: dict[str, Any] = answer if isinstance(answer, dict) else orjson.loads(answer.body)
        for collection in found["collections"]:
            _publish_collection(request, collection)
        return found if found is answer else JSONResponse(found)

    async def get_collection(self, collection_id: str, request: Request, **options: Any) -> dict[str, Any]:
        """Return one collection.

        Raises:
            NotFoundError: there is none of this id.
        """
        collection: dict[str, Any] = await super().get_collection(collection_id, request=request, **options)
        _publish_collection(request, collection)
        return collection


def create_client(settings: ServerSettings, **options: Any) -> WorldStratClient:
    """Return the client of one server; `options` are those of stac-fastapi-pgstac's own, which names no types."""
    create: Any = WorldStratClient
    client: WorldStratClient = create(settings=settings, **options)
    return client


def _without(search: dict[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    """Return a search of collections that finds no hidden one."""
    folded = fold_query(search)
    seen: dict[str, Any] = {"op": "not", "args": [{"op": "in", "args": [{"property": "id"}, sorted(hidden)]}]}
    given = folded.get("filter")
    rest = {name: value for name, value in folded.items() if name != "query"}
    return rest | {"filter": {"op": "and", "args": [given, seen]} if given else seen, "filter-lang": "cql2-json"}


def _publish_collection(request: Request, collection: dict[str, Any]) -> None:
    publisher = Publisher(request.app.state.store, str(request.base_url))
    # Null where only some fields were asked for and the collection has none.
    if hidden_of(request) and collection.get("assets"):
        assets = collection["assets"].items()
        collection["assets"] = {name: each for name, each in assets if not each.get("href", "").endswith(SNAPSHOT)}
    publisher.publish_assets(collection)
    publish_schema(publisher.base_url, collection)
    add_collection_links(publisher.base_url, collection)
    if collection.get("id") in private_of(request):
        describe_private(publisher.base_url, collection)
