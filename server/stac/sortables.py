"""What searches can be sorted by: `/sortables`, and fields refused that nobody knows."""

from functools import cache
from typing import Annotated, Any
from urllib.parse import quote

import attr
from fastapi import APIRouter, FastAPI
from pydantic import AfterValidator, Field
from stac_fastapi.api.models import CollectionUri, EmptyRequest, JSONSchemaResponse
from stac_fastapi.api.routes import create_async_endpoint
from stac_fastapi.extensions import sort as stock
from stac_fastapi.extensions.sort.request import SortExtensionPostRequest
from stac_fastapi.types.errors import NotFoundError
from stac_fastapi.types.requests import get_base_url
from stac_pydantic.api.extensions.sort import SortExtension as SortBy
from starlette.requests import Request

from catalog.queryables import queryables
from server.errors import InvalidSearchError
from server.stac.page import connect

MAX_FIELDS = 5
"""Fields that one search is sorted by."""

# pystac-client 0.9 knows no version 1.1 of anything and would warn that sorting is ignored.
_CONFORMANCE = [
    "https://api.stacspec.org/v1.0.0/item-search#sort",
    stock.SortConformanceClasses.ITEM_SEARCH_SORT,
    stock.SortConformanceClasses.ITEM_SEARCH_SORTABLES,
    stock.SortConformanceClasses.FEATURES_SORTABLES,
]
_TIME = {"type": "string", "format": "date-time"}
_OWN = {
    "id": {"title": "Id", "type": "string"},
    "collection": {"title": "Collection", "type": "string"},
    "datetime": {"title": "Date and time", **_TIME},
    "start_datetime": {"title": "Begin", **_TIME},
    "end_datetime": {"title": "End", **_TIME},
    "title": {"title": "Title", "type": "string"},
}


@cache
def sortables() -> dict[str, Any]:
    """Return the JSON schemas of the fields that items can be sorted by."""
    known: dict[str, Any] = queryables()["properties"]
    return _OWN | known


def check_sortby(fields: list[SortBy] | None) -> list[SortBy] | None:
    """Return fields to sort by as they are.

    Raises:
        InvalidSearchError: one can't be sorted by, or there are too many.
    """
    for field in fields or []:
        if field.field.removeprefix("properties.") not in sortables():
            raise InvalidSearchError(
                f"Items can't be sorted by {field.field[:50]!r}; they can by {', '.join(sortables())}."
            )
    if fields and len(fields) > MAX_FIELDS:
        raise InvalidSearchError(f"sortby has {len(fields)} fields, of {MAX_FIELDS} at most.")
    return fields


class SortPostRequest(SortExtensionPostRequest):
    """`sortby` of a body; what a URL says passes here too."""

    sortby: Annotated[list[SortBy] | None, AfterValidator(check_sortby)] = Field(
        None, description="Fields to sort by, the first first, and their directions; see `/sortables`."
    )


async def get_sortables(request: Request, collection_id: str | None = None) -> JSONSchemaResponse:
    """Return what items can be sorted by: the same in every collection.

    Raises:
        NotFoundError: there is no such collection.
    """
    below = ""
    if collection_id is not None:
        below = f"collections/{quote(collection_id)}/"
        async with connect(request) as connection:
            if not await connection.fetchval("SELECT true FROM collections WHERE id = $1", collection_id):
                raise NotFoundError(f"Collection {collection_id} does not exist.")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{get_base_url(request)}{below}sortables",
        "type": "object",
        "title": "Sortables",
        "properties": sortables(),
        "additionalProperties": False,
    }
    return JSONSchemaResponse(schema)


@attr.s
class SortExtension(stock.SortExtension):
    """Sorting of items: the same parameter for searches and for the items of a collection."""

    POST = SortPostRequest
    conformance_classes: list[str] = attr.ib(factory=lambda: list(_CONFORMANCE))

    def __attrs_post_init__(self) -> None:
        """Keep the classes of the sortables: the routes are here, not in a client."""

    def register(self, app: FastAPI) -> None:
        """Add `/sortables`, of the catalog and of each collection."""
        router = APIRouter(prefix=app.state.router_prefix, tags=["Sort Extension"])
        for path, model in ("/sortables", EmptyRequest), ("/collections/{collection_id}/sortables", CollectionUri):
            router.add_api_route(
                path,
                create_async_endpoint(get_sortables, model),
                name="Sortables",
                summary="What items can be sorted by",
                description="A JSON schema whose properties are the fields that `sortby` takes; others are refused.",
                methods=["GET"],
                response_class=JSONSchemaResponse,
                response_description="A JSON schema.",
            )
        app.include_router(router)
