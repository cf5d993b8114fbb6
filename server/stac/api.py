"""stac-fastapi assembled on our application, below `/stac`.

It is not mounted but added to the one application: one OpenAPI document, one lifespan, and no second root path to
get wrong behind a proxy.
"""

from typing import cast

from fastapi import APIRouter, FastAPI
from stac_fastapi.api.app import StacApi
from stac_fastapi.api.models import (
    ItemCollectionUri,
    create_get_request_model,
    create_post_request_model,
    create_request_model,
)
from stac_fastapi.extensions.free_text import FreeTextConformanceClasses
from stac_fastapi.pgstac.config import Settings
from stac_fastapi.pgstac.extensions import FreeTextExtension
from stac_fastapi.pgstac.models.extensions import Extensions
from stac_fastapi.pgstac.types.search import PgstacSearch
from stac_fastapi.types.search import APIRequest
from starlette.requests import Request

from server.settings import ServerSettings
from server.stac.client import DESCRIPTION, LANDING_ID, TITLE, WorldStratClient

PREFIX = "/stac"


def add_stac(app: FastAPI, settings: ServerSettings) -> None:
    """Add the STAC API to `app`: core, search, filter, sort, fields, free text, collection search; no transactions."""
    options = _stac_settings(app)
    extensions = _extensions(options)
    post_model = create_post_request_model(extensions.search, base_model=PgstacSearch)
    collections = extensions.collection_search
    client = WorldStratClient(settings=settings, pgstac_search_model=post_model, landing_page_id=LANDING_ID)
    api = StacApi(
        app=app,
        router=APIRouter(prefix=PREFIX, tags=["STAC API"]),
        settings=options,
        title=TITLE,
        description=DESCRIPTION,
        client=client,
        extensions=[*extensions.search, *extensions.item_collection, collections],
        exceptions={},
        search_get_request_model=create_get_request_model(extensions.search),
        search_post_request_model=post_model,
        items_get_request_model=cast("type[APIRequest]", _items_model(extensions)),
        collections_get_request_model=collections.GET,
        middlewares=[],
    )
    _add_bare_landing_page(app, api)


def _stac_settings(app: FastAPI) -> Settings:
    # Given one by one, since its own sources are an `.env` file and unprefixed environment variables.
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
    )


def _extensions(options: Settings) -> Extensions:
    free_text = FreeTextExtension(conformance_classes=[FreeTextConformanceClasses.SEARCH])
    return Extensions(settings=options, search_map={"free_text": free_text})


def _items_model(extensions: Extensions) -> type:
    return create_request_model("ItemCollectionUri", ItemCollectionUri, extensions.item_collection, request_type="GET")


def _add_bare_landing_page(app: FastAPI, api: StacApi) -> None:
    """Answer `/stac` too: the redirect to `/stac/` that FastAPI offers is one round trip that every client pays."""

    @app.get(PREFIX, include_in_schema=False)
    async def landing_page(request: Request) -> dict[str, object]:
        return dict(await api.client.landing_page(request=request))
