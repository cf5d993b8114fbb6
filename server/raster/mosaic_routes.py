"""The endpoints of mosaics: of a collection, of a registered search, of a name in the catalog."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from morecantile.defaults import TileMatrixSets
from rio_tiler.errors import EmptyMosaicError, NoAssetFoundError
from starlette.responses import JSONResponse, Response
from titiler.mosaic.extensions.wmts import wmtsExtension
from titiler.pgstac.extensions import searchInfoExtension
from titiler.pgstac.factory import add_search_list_route, add_search_register_route

from server.raster.errors import InvalidRequestError
from server.raster.factories import shared_options
from server.raster.freshness import ItemRoute
from server.raster.guards import Handler, RasterRoute
from server.raster.mosaic import (
    MosaicBackend,
    MosaicLimitsParams,
    MosaicParams,
    Mosaics,
    SearchTilerFactory,
    mosaic_renders,
)
from server.raster.mosaic_search import (
    catalog_of,
    collection_search,
    named_search,
    registered_search,
    search_to_register,
)
from server.raster.paint import PaintParams, colormap_params
from server.raster.params import AssetsParams, BandsParams, ReadParams
from server.raster.reader import ItemReader

COLLECTION_PATH = "/raster/collections/{collection_id}"
SEARCHES_PATH = "/raster/searches"
MOSAICS_PATH = "/raster/mosaics"


class EmptyRoute(RasterRoute):
    """A route that answers 204 where a mosaic shows nothing: most tiles of Earth, and worth keeping like the others."""

    def get_route_handler(self) -> Handler:
        """Return the handler."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await answer(request)
            except (NoAssetFoundError, EmptyMosaicError):
                return Response(status_code=204)

        return handle


class MosaicRoute(ItemRoute, EmptyRoute):
    """A route of a mosaic: an answer is good as long as the catalog does not change."""

    def version(self, request: Request) -> str:
        """Return the version of the catalog."""
        mosaics: Mosaics = request.app.state.mosaics
        return mosaics.catalog.get().version


class SearchListRoute(RasterRoute):
    """The list of registered searches, of which titiler-pgstac takes any parameter for a condition."""

    def get_route_handler(self) -> Handler:
        """Return the handler, with a check of the parameters before it."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            for text in (part for pair in request.query_params.multi_items() for part in pair):
                # To psycopg a per cent sign is a parameter of its own, to a regular expression a line's end is one.
                if "%" in text or not text.isprintable():
                    raise InvalidRequestError(f"{text[:50]!r} is no part of a condition on registered searches.")
            return await answer(request)

        return handle


def add_mosaics(app: FastAPI, schemes: TileMatrixSets) -> None:
    """Add the endpoints; `app.state.raster` gives the items."""
    app.state.mosaics = Mosaics(app, app.state.raster)
    for prefix, name, dependency, tag in (
        (f"{SEARCHES_PATH}/{{search_id}}", "search", registered_search, "Tiles of a search"),
        (COLLECTION_PATH, "collection", collection_search, "Tiles of a collection"),
        (f"{MOSAICS_PATH}/{{name}}", "mosaic", named_search, "Mosaics by name"),
    ):
        factory = SearchTilerFactory(
            router=APIRouter(route_class=MosaicRoute),
            router_prefix=prefix,
            name=name,
            backend=MosaicBackend,
            backend_dependency=MosaicParams,
            dataset_reader=ItemReader,  # type: ignore[arg-type]
            path_dependency=dependency,  # type: ignore[arg-type]
            assets_accessor_dependency=MosaicLimitsParams,
            get_renders=mosaic_renders,
            add_statistics=True,
            add_part=True,
            extensions=[searchInfoExtension(), wmtsExtension(layer_identifier_provider=lambda search: search.id)],
            **shared_options(schemes),
        )
        app.include_router(factory.router, prefix=prefix, tags=[tag])
    searches: Any = APIRouter(route_class=SearchListRoute)
    searches.url_path_for = app.url_path_for  # its links lead to routes of the application
    add_search_list_route(searches, prefix=SEARCHES_PATH, tags=["Tiles of a search"])
    app.include_router(searches)
    add_search_register_route(
        app,
        prefix=SEARCHES_PATH,
        search_dependency=search_to_register,
        tile_dependencies=[BandsParams, ReadParams, PaintParams, AssetsParams, colormap_params],
        tags=["Tiles of a search"],
    )
    app.include_router(_list_router())


def _list_router() -> APIRouter:
    router = APIRouter(route_class=MosaicRoute, tags=["Mosaics by name"])

    @router.get(MOSAICS_PATH, summary="List the mosaics stored in the catalog", operation_id="listMosaics")
    def list_mosaics(request: Request) -> JSONResponse:
        """List the mosaics that the catalog's collections store by name, what each shows, and where its tiles are."""
        stored = catalog_of(request).mosaics
        return JSONResponse({"mosaics": [_described(request, name, mosaic) for name, mosaic in stored.items()]})

    return router


def _described(request: Request, name: str, mosaic: Any) -> dict[str, Any]:
    base = f"{str(request.base_url).rstrip('/')}{MOSAICS_PATH}/{name}"
    quad = "WebMercatorQuad"
    links = (
        ("info", "application/json", "What it shows, and its renders", f"{base}/info"),
        ("tilejson", "application/json", "TileJSON, for MapLibre", f"{base}/{quad}/tilejson.json"),
        ("wmts", "application/xml", "WMTS, for QGIS", f"{base}/WMTSCapabilities.xml"),
        ("xyz", "image/png", "Tiles", f"{base}/tiles/{quad}/{{z}}/{{x}}/{{y}}.png"),
    )
    return {
        "name": name,
        **mosaic,
        "links": [
            {"rel": rel, "type": kind, "title": title, "href": href, **({"templated": True} if rel == "xyz" else {})}
            for rel, kind, title, href in links
        ],
    }
