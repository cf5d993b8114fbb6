"""Composites of places as tiles, previews, crops and statistics: TiTiler's endpoints over our reader."""

from typing import Any

from attrs import define
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from titiler.extensions.wmts import wmtsExtension

from server.raster.factories import shared_options, tile_schemes
from server.raster.items import AssetsExtension, ItemTilerFactory, RendersExtension, list_renders
from server.raster.params import PreviewSizeParams
from server.raster.reader import ItemReader
from server.raster.time.sources import AOI_PATH, AoiRoute, composite_source

COMPOSITE_PATH = f"{AOI_PATH}/composite"


@define(kw_only=True)
class CompositeTilerFactory(ItemTilerFactory):
    """The factory of items' tiles; its paths hold names, which may have spaces."""

    def url_for(self, request: Request, name: str, **path_params: Any) -> str:
        """Return the address of an endpoint."""
        return str(super().url_for(request, name, **path_params)).replace(" ", "%20")


def add_composites(app: FastAPI) -> None:
    """Add the endpoints."""
    factory = CompositeTilerFactory(
        router=APIRouter(route_class=AoiRoute),
        router_prefix=COMPOSITE_PATH,
        name="composite",
        reader=ItemReader,
        path_dependency=composite_source,
        img_preview_dependency=PreviewSizeParams,
        get_renders=list_renders,
        extensions=[
            AssetsExtension(),
            RendersExtension(),
            wmtsExtension(layer_identifier_provider=lambda source: source.record.id),
        ],
        **shared_options(tile_schemes()),
    )
    app.include_router(factory.router, prefix=COMPOSITE_PATH, tags=["Composite tiles"])
