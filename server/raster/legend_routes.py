"""Endpoints of legends: of colours as such, of what a collection's pictures show, of an item's."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import quote

from affine import Affine
from fastapi import APIRouter, Depends, FastAPI, Path, Query
from fastapi.routing import APIRoute
from rio_tiler.types import ColorMapType
from starlette.requests import Request
from starlette.responses import Response
from titiler.core.resources.responses import JSONResponse

from catalog.bands import SENTINEL2_PRODUCTS, SPOT_PRODUCTS, Product
from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from server.raster.colormaps import COLORMAPS, SCL
from server.raster.digest import DigestRoute
from server.raster.display import choose_display
from server.raster.errors import CollectionNotFoundError, InvalidRequestError
from server.raster.freshness import ItemRoute
from server.raster.items import ITEM_PATH
from server.raster.legend import CLASS_NAMES, Legend, class_legend, create_legend, draw_png, draw_svg, ramp_legend
from server.raster.paint import PaintParams, colormap_params
from server.raster.params import AssetsParams, BandsParams
from server.raster.reader import ItemSource
from server.raster.record import AssetRecord, BandRecord, Grid, ItemRecord
from server.raster.selection import select
from server.raster.source import item_source, sources_of
from server.raster.vocabulary import CollectionId

LegendFormat = Literal["png", "svg", "json"]
Format = Annotated[LegendFormat, Path(description="`png`, `svg`, or the numbers as `json`.")]
Colors = Annotated[ColorMapType | None, Depends(colormap_params)]

COLLECTION_PATH = "/raster/collections/{collection_id}"

_RAMP_SIZE = 256
_PRODUCTS: dict[str, tuple[Product, ...]] = {
    COLLECTION_L2A: SENTINEL2_PRODUCTS["L2A"],
    COLLECTION_L1C: SENTINEL2_PRODUCTS["L1C"],
    COLLECTION_SPOT: SPOT_PRODUCTS,
}
_NOWHERE = Grid(Affine.identity(), 1, 1)


def add_legends(app: FastAPI) -> None:
    """Add the endpoints."""
    kinds: dict[str, Any] = {kind: {} for kind in ("image/png", "image/svg+xml", "application/json")}
    responses: dict[int | str, dict[str, Any]] = {
        200: {"content": kinds, "description": "The legend"},
        400: {"description": "There is no such render, index, band or colormap, or its pictures have no colours."},
        404: {"description": "There is no such collection or item."},
    }
    for route, path, endpoint, what, tag in _ENDPOINTS:
        router = APIRouter(route_class=route)
        options: dict[str, Any] = {"tags": [tag], "responses": responses, "response_class": Response}
        router.get(f"{path}/legend.{{format}}", summary=f"Legend of {what}", **options)(endpoint)
        app.include_router(router)
    router = APIRouter(route_class=DigestRoute, default_response_class=JSONResponse)
    router.get("/raster/legends", summary="List colormaps with thumbnails", tags=["Colormaps"])(list_colormaps)
    app.include_router(router)


def get_legend(
    format: Format,  # noqa: A002 - the name in the path
    colors: Colors,
    painted: Annotated[PaintParams, Depends()],
    title: Annotated[str, Query(max_length=100, description="What to write above it.")] = "",
) -> Response:
    """Draw the legend of a colormap: a ramp over `rescale` (0 to 255 unless given), or the colour of each class."""
    if colors is None:
        raise InvalidRequestError("Name colours by colormap_name, or give some as colormap.")
    if isinstance(colors, dict) and len(colors) == _RAMP_SIZE:
        return _answer(ramp_legend(title, colors, _ranges(painted) or ((0.0, 255.0),)), format)
    names = CLASS_NAMES[SCL] if colors == COLORMAPS.get(SCL) else {}
    return _answer(class_legend(title, colors, names), format)


def get_collection_legend(
    *,
    request: Request,
    collection_id: CollectionId,
    format: Format,  # noqa: A002 - the name in the path
    searched: Annotated[AssetsParams, Depends()],
    layer: Annotated[BandsParams, Depends()],
    painted: Annotated[PaintParams, Depends()],
    colors: Colors,
) -> Response:
    """Draw what the colours of a collection's pictures mean: with the same parameters as its tiles."""
    renders = sources_of(request).records.renders(collection_id)
    if collection_id not in _PRODUCTS or not renders:
        raise CollectionNotFoundError(f"There is no collection {collection_id!r} whose bands are known.")
    assets = {product.key: _asset(product) for product in _PRODUCTS[collection_id]}
    record = ItemRecord(collection_id, collection_id, assets, renders, "")
    return _answer(_legend(record, searched, layer, painted, colors), format)


def get_item_legend(
    *,
    source: Annotated[ItemSource, Depends(item_source)],
    format: Format,  # noqa: A002 - the name in the path
    searched: Annotated[AssetsParams, Depends()],
    layer: Annotated[BandsParams, Depends()],
    painted: Annotated[PaintParams, Depends()],
    colors: Colors,
) -> Response:
    """Draw what the colours of an item's pictures mean: with the same parameters as its tiles."""
    return _answer(_legend(source.record, searched, layer, painted, colors), format)


def list_colormaps(request: Request) -> dict[str, Any]:
    """List the colours that `colormap_name` takes, each with a thumbnail and a legend."""
    base = f"{str(request.base_url).rstrip('/')}/raster"
    return {
        "colormaps": [
            {
                "name": name,
                "type": "ramp" if len(COLORMAPS.get(name)) == _RAMP_SIZE else "classes",
                "thumbnail": f"{base}/colorMaps/{quote(name)}?f=png&orientation=horizontal&width=256&height=16",
                "legend": f"{base}/legend.png?colormap_name={quote(name)}",
            }
            for name in sorted(COLORMAPS.list())
        ]
    }


def _legend(
    record: ItemRecord, searched: AssetsParams, layer: BandsParams, painted: PaintParams, colors: ColorMapType | None
) -> Legend:
    options = {name: value for name, value in vars(layer).items() if value}
    selection = select(record, assets=searched.assets or (), **options)
    return create_legend(selection, choose_display(selection).painted(colors, _ranges(painted)))


def _ranges(painted: PaintParams) -> Any:
    return painted.rescale


def _asset(product: Product) -> AssetRecord:
    colors = {
        int(entry["value"]): (*bytes.fromhex(entry["color_hint"]), 255)
        for entry in product.classes
        if "color_hint" in entry
    }
    bands = tuple(BandRecord(band.name, band.common_name, band.description) for band in product.bands)
    return AssetRecord(product.key, "", "", product.title, _NOWHERE, bands, product.unit, colors)


_ENDPOINTS: tuple[tuple[type[APIRoute], str, Callable[..., Response], str, str], ...] = (
    (ItemRoute, ITEM_PATH, get_item_legend, "an item's pictures", "Item tiles"),
    (
        DigestRoute,
        "/raster/collections/{collection_id}",
        get_collection_legend,
        "its pictures",
        "Tiles of a collection",
    ),
    (DigestRoute, "/raster", get_legend, "colours", "Colormaps"),
)


def _answer(legend: Legend, chosen: LegendFormat) -> Response:
    if chosen == "json":
        return JSONResponse(legend.as_json())
    if chosen == "svg":
        return Response(draw_svg(legend), media_type="image/svg+xml")
    return Response(draw_png(legend), media_type="image/png")
