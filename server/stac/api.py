"""stac-fastapi assembled on our application, below `/stac`.

It is not mounted but added to the one application: one OpenAPI document, one lifespan, and no second root path to
get wrong behind a proxy.
"""

import asyncio
from typing import cast

from fastapi import APIRouter, FastAPI
from stac_fastapi.api.app import StacApi
from stac_fastapi.api.models import (
    ItemCollectionUri,
    create_get_request_model,
    create_post_request_model,
    create_request_model,
)
from stac_fastapi.extensions.filter import ItemCollectionFilterExtension, SearchFilterExtension
from stac_fastapi.extensions.free_text import FreeTextConformanceClasses
from stac_fastapi.pgstac.config import Settings
from stac_fastapi.pgstac.models.extensions import Extensions
from stac_fastapi.types.search import APIRequest
from starlette.requests import Request

from server.settings import ServerSettings
from server.stac.aggregation import create_aggregation
from server.stac.client import WorldStratClient, create_client
from server.stac.formats import FORMAT_DEPENDENCIES
from server.stac.freetext import create_freetext
from server.stac.plan import Plans
from server.stac.queryables import QueryablesClient
from server.stac.rendered import RenderedItems
from server.stac.sampling import create_sampling
from server.stac.search import WorldStratSearch
from server.stac.sortables import SortExtension

PREFIX = "/stac"
LANDING_ID = "worldstrat"
TITLE = "WorldStrat"
DESCRIPTION = (
    "Nearly 4,000 places on Earth, each with one SPOT 6/7 image at 1.5 m and up to 16 Sentinel-2 revisits at 10 m, "
    "stratified by land use. Search by place, date, land use, source and split; open every asset as a "
    "Cloud-Optimized GeoTIFF."
)


def add_stac(app: FastAPI, settings: ServerSettings) -> None:
    """Add the STAC API to `app`: core, search, filter, sort, fields, query, collection search; no transactions."""
    options = _stac_settings(app)
    extensions = Extensions(
        settings=options,
        search_map={
            "sort": SortExtension(),
            "filter": SearchFilterExtension(client=QueryablesClient()),
            "free_text": create_freetext(FreeTextConformanceClasses.SEARCH),
        },
        item_collection_map={
            "filter": ItemCollectionFilterExtension(client=QueryablesClient()),
            "free_text": create_freetext(FreeTextConformanceClasses.ITEMS),
        },
    )
    post_model = create_post_request_model(extensions.search, base_model=WorldStratSearch)
    collections = extensions.collection_search
    client = create_client(settings, pgstac_search_model=post_model, landing_page_id=LANDING_ID)
    app.state.plans = Plans()
    app.state.rendered = RenderedItems(settings.search_cache_bytes)
    app.state.geoparquet_turn = asyncio.Semaphore(1)
    counting = (create_aggregation(client), create_sampling(client))
    StacApi(
        app=app,
        router=APIRouter(prefix=PREFIX, tags=["STAC API"]),
        settings=options,
        stac_version="1.1.0",
        title=TITLE,
        description=DESCRIPTION,
        client=client,
        extensions=[*extensions.search, *extensions.item_collection, collections, *counting],
        exceptions={},
        search_get_request_model=create_get_request_model(extensions.search),
        search_post_request_model=post_model,
        items_get_request_model=_items_model(extensions),
        collections_get_request_model=collections.GET,
        route_dependencies=FORMAT_DEPENDENCIES,
        middlewares=[],
    )
    _add_bare_landing_page(app, client)


def _stac_settings(app: FastAPI) -> Settings:
    # Given one by one, since its own sources are an `.env` file and environment variables without a prefix.
    return Settings(
        _env_file=None,
        stac_fastapi_title=TITLE,
        stac_fastapi_description=DESCRIPTION,
        stac_fastapi_version=app.version,
        stac_fastapi_landing_id=LANDING_ID,
        openapi_url=app.openapi_url,
        docs_url="/docs",
        enabled_extensions=None,
        enable_transactions_extensions=False,
        enable_catalogs_extension=False,
        # pgSTAC's own hydration drops every null: an item without a date would lose `datetime`, and be invalid.
        use_api_hydrate=True,
    )


def _items_model(extensions: Extensions) -> type[APIRequest]:
    model = create_request_model("ItemCollectionUri", ItemCollectionUri, extensions.item_collection, request_type="GET")
    return cast("type[APIRequest]", model)


def _add_bare_landing_page(app: FastAPI, client: WorldStratClient) -> None:
    """Answer `/stac` too: the redirect to `/stac/` that FastAPI offers is one round trip that every client pays."""

    @app.get(PREFIX, include_in_schema=False)
    async def landing_page(request: Request) -> dict[str, object]:
        return dict(await client.landing_page(request=request))
