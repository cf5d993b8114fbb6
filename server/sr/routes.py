"""The endpoints of super-resolution, beside those of every Sentinel-2 item."""

from fastapi import FastAPI

from server.raster.errors import add_error_handlers
from server.raster.factories import tile_schemes
from server.raster.items import ITEM_PATH, create_item_tiles
from server.settings import ServerSettings
from server.sr.errors import STATUS_CODES
from server.sr.freshness import UpscaledRoute, UpscaledTileRoute
from server.sr.models import ModelShelf
from server.sr.multiframe import Fusions
from server.sr.multiframe_routes import add_multiframe
from server.sr.params import upscaled_source
from server.sr.publish import add_publishing
from server.sr.reader import UpscaledReader, list_upscaled_renders, render_labelled
from server.sr.room import SuperResolution
from server.sr.settings import SuperResolutionSettings
from server.sr.store import SuperResolvedItems
from server.sr.upscaler import LocalUpscaler, Upscaler

SR_PATH = f"{ITEM_PATH}/sr"


def add_superresolution(app: FastAPI, settings: ServerSettings) -> None:
    """Add super-resolution; it uses the pool and the store that the lifespan opens, and `add_raster`'s sources."""
    chosen = SuperResolutionSettings()
    shelf = ModelShelf(lambda: app.state.dbpool, lambda: app.state.store, chosen.model, chosen.threads)
    upscaler = create_upscaler(shelf, chosen)
    keep = (lambda: app.state.store) if chosen.keep else None
    items = SuperResolvedItems(app.state.raster.chips, upscaler, chosen.cache_bytes, keep)
    app.state.superresolution = SuperResolution(chosen, shelf, items, Fusions(app.state.raster.chips, upscaler, chosen))
    factory = create_item_tiles(
        SR_PATH,
        "sr",
        upscaled_source,
        UpscaledRoute,
        tile_schemes(),
        reader=UpscaledReader,
        tile_route=UpscaledTileRoute,
        get_renders=list_upscaled_renders,
        render_func=render_labelled,
    )
    add_publishing(factory.router, settings.database)
    app.include_router(factory.router, prefix=SR_PATH, tags=["Super-resolution"])
    add_multiframe(app, tile_schemes())
    add_error_handlers(app, STATUS_CODES)


def create_upscaler(shelf: ModelShelf, settings: SuperResolutionSettings) -> Upscaler:
    """Return who computes: this process, or the workers of the Ray cluster whose address is given."""
    if settings.ray_address is None:
        return LocalUpscaler(shelf, settings)
    # Importing Ray costs a second, and its extra may not be there.
    from server.sr.ray_cluster import RayCluster  # noqa: PLC0415
    from server.sr.ray_upscaler import RayUpscaler  # noqa: PLC0415
    from server.sr.replica import Options  # noqa: PLC0415

    device = "cuda" if settings.ray_gpus else "cpu"
    options = Options(device=device, gpus=settings.ray_gpus, max_replicas=settings.ray_workers)
    return RayUpscaler(RayCluster(settings.ray_address, options, settings.timeout), settings.timeout)
