"""The aggregation extension: how many items match, by what they are."""

from collections.abc import Sequence
from typing import Annotated, Any

import attr
from fastapi import APIRouter, Depends, FastAPI, Path, Query
from pydantic import Field
from stac_fastapi.api.models import CollectionUri, EmptyRequest
from stac_fastapi.api.routes import create_async_endpoint
from stac_fastapi.extensions import aggregation as stock
from stac_fastapi.extensions.aggregation.client import AsyncBaseAggregationClient
from stac_fastapi.extensions.aggregation.request import AggregationExtensionGetRequest
from stac_fastapi.extensions.filter.request import FilterExtensionGetRequest, FilterExtensionPostRequest
from stac_fastapi.pgstac.models.links import BaseLinks
from starlette.requests import Request
from starlette.responses import JSONResponse

from server.errors import InvalidSearchError
from server.stac.buckets import AGGREGATIONS, TOTAL, compose, shape
from server.stac.client import WorldStratClient
from server.stac.freetext import FreeTextGetRequest, FreeTextPostRequest
from server.stac.search import WorldStratSearch
from server.stac.selection import parse_search, select

CONFORMANCE = [
    stock.AggregationConformanceClasses.AGGREGATION,
    "https://api.stacspec.org/v0.3.0/aggregation#filter",
]
MOST_PRECISE = 8
"""Characters of the finest geohash: cells of 38 by 19 metres."""

Precision = Annotated[
    int,
    Query(ge=1, le=MOST_PRECISE, description="Characters of a geohash: 1 is 5,000 km, 3 is 156 km, 5 is 5 km."),
]


@attr.s
class AggregateGetRequest(AggregationExtensionGetRequest, FilterExtensionGetRequest, FreeTextGetRequest):
    """What `GET /aggregate` takes."""

    grid_geohash_frequency_precision: Precision = attr.ib(default=3)


class AggregateSearch(WorldStratSearch, FilterExtensionPostRequest, FreeTextPostRequest):
    """What `POST /aggregate` takes."""

    aggregations: list[str] | None = Field(
        None, description="Names of the aggregations, as `/aggregations` lists them."
    )
    grid_geohash_frequency_precision: Precision = 3


@attr.s
class AggregationClient(AsyncBaseAggregationClient):
    """Counts in the database; no item leaves it."""

    core: WorldStratClient = attr.ib(kw_only=True)

    async def get_aggregations(self, collection_id: str | None = None, **context: Any) -> Any:
        """Return the aggregations that there are.

        Raises:
            NotFoundError: there is no such collection.
        """
        request: Request = context["request"]
        await self._require(collection_id, request)
        offered = [{"name": each.name, "data_type": each.data_type} for each in AGGREGATIONS.values()]
        return _answer(request, offered)

    async def aggregate(self, search: AggregateSearch | None = None, **asked: Any) -> Any:  # type: ignore[override]
        """Return the aggregations of a body, or of the parameters of a URL.

        Raises:
            InvalidSearchError: a condition or an aggregation has no meaning.
            NotFoundError: there is no such collection.
        """
        request: Request = asked.pop("request")
        # Its own `limit` has no meaning here.
        search = search or parse_search(AggregateSearch, asked)
        collection_id = request.path_params.get("collection_id")
        await self._require(collection_id, request)
        if collection_id is not None:
            search.collections = [collection_id]
        names = _known(search.aggregations or [TOTAL])
        rows = await select(
            request,
            search,
            lambda condition: compose(names, condition),
            search.grid_geohash_frequency_precision,
            remember=True,
        )
        return _answer(request, shape(names, rows))

    async def _require(self, collection_id: str | None, request: Request) -> None:
        if collection_id is not None:
            await self.core.get_collection(collection_id, request=request)


def _known(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in AGGREGATIONS:
            raise InvalidSearchError(f"There is no aggregation {name[:50]!r}; there are {', '.join(AGGREGATIONS)}.")
    return list(dict.fromkeys(names))


def _answer(request: Request, aggregations: list[dict[str, Any]]) -> JSONResponse:
    links = BaseLinks(request=request).create_links()
    return JSONResponse({"type": "AggregationCollection", "aggregations": aggregations, "links": links})


def _collection(collection_id: Annotated[str, Path(description="Collection ID")]) -> str:
    """Declare the parameter of the path: stac-fastapi's models of a search do not know it."""
    return collection_id


@attr.s
class AggregationExtension(stock.AggregationExtension):
    """Routes of the extension; its name is how stac-fastapi knows to link to them.

    Stock routes lack the filter, offer one operation twice (GET and POST of one name) and lose the collection.
    """

    def register(self, app: FastAPI) -> None:
        """Add `/aggregations` and `/aggregate`, of the catalog and of each collection."""
        router = APIRouter(prefix=app.state.router_prefix, tags=["Aggregation Extension"])
        client = self.client
        inside = [Depends(_collection)]
        for path, model in (
            ("/aggregations", EmptyRequest),
            ("/collections/{collection_id}/aggregations", CollectionUri),
        ):
            router.add_api_route(
                path, create_async_endpoint(client.get_aggregations, model), name="Aggregations", methods=["GET"]
            )
        for path, depends in ("/aggregate", []), ("/collections/{collection_id}/aggregate", inside):
            for method, body in ("GET", AggregateGetRequest), ("POST", AggregateSearch):
                endpoint = create_async_endpoint(client.aggregate, body)
                router.add_api_route(path, endpoint, name="Aggregate", methods=[method], dependencies=depends)
        app.include_router(router)


def create_aggregation(core: WorldStratClient) -> AggregationExtension:
    """Return the extension; `core` answers whether a collection exists."""
    return AggregationExtension(client=AggregationClient(core=core), conformance_classes=list(CONFORMANCE))
