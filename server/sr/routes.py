"""The endpoints of super-resolution, beside those of every Sentinel-2 item."""

from fastapi import APIRouter, FastAPI
from titiler.extensions.wmts import wmtsExtension

from server.raster.factories import shared_options, tile_schemes
from server.raster.items import ITEM_PATH, AssetsExtension, ItemTilerFactory, RendersExtension, list_renders
from server.raster.params import PreviewSizeParams
from server.settings import ServerSettings
from server.sr.freshness import UpscaledRoute
from server.sr.models import ModelShelf
from server.sr.params import upscaled_source
from server.sr.publish import add_publishing
from server.sr.reader import UpscaledReader, render_labelled
from server.sr.room import SuperResolution
from server.sr.settings import SuperResolutionSettings
from server.sr.store import SuperResolvedItems
from server.sr.upscaler import LocalUpscaler

SR_PATH = f"{ITEM_PATH}/sr"


def add_superresolution(app: FastAPI, settings: ServerSettings) -> None:
    """Add super-resolution; it uses the pool and the store that the lifespan opens, and `add_raster`'s sources."""
    chosen = SuperResolutionSettings()
    shelf = ModelShelf(lambda: app.state.dbpool, lambda: app.state.store, chosen.model, chosen.threads)
    upscaler = LocalUpscaler(shelf, chosen)
    items = SuperResolvedItems(app.state.raster.chips, upscaler, chosen.cache_bytes)
    app.state.superresolution = SuperResolution(chosen, shelf, items)
    factory = ItemTilerFactory(
        router=APIRouter(route_class=UpscaledRoute),
        router_prefix=SR_PATH,
        name="sr",
        reader=UpscaledReader,
        path_dependency=upscaled_source,
        img_preview_dependency=PreviewSizeParams,
        get_renders=list_renders,
        extensions=[
            AssetsExtension(),
            RendersExtension(),
            wmtsExtension(layer_identifier_provider=lambda source: f"{source.record.id}_sr"),
        ],
        **shared_options(tile_schemes()) | {"render_func": render_labelled},
    )
    add_publishing(factory.router, settings.database)
    app.include_router(factory.router, prefix=SR_PATH, tags=["Super-resolution"])
