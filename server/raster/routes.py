"""The raster endpoints put together: items, collections, registered searches, tile schemes, colours."""

import rasterio.session
from fastapi import APIRouter, FastAPI
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from titiler.core.factory import ColorMapFactory, TMSFactory

from server.raster.colormaps import COLORMAPS
from server.raster.compare.routes import add_compare
from server.raster.errors import add_error_handlers
from server.raster.factories import tile_schemes
from server.raster.freshness import ItemRoute
from server.raster.guards import RasterRoute
from server.raster.items import ITEM_PATH, create_item_tiles
from server.raster.legend_routes import add_legends
from server.raster.mosaic_routes import add_mosaics
from server.raster.outputs import add_outputs
from server.raster.pages import TEMPLATES
from server.raster.source import ItemSources, item_source
from server.raster.tile_route import TileRoute
from server.raster.time.routes import add_time
from server.raster.vocabulary import add_vocabulary


class RasterSettings(BaseSettings):
    """Settings of the raster endpoints."""

    model_config = SettingsConfigDict(env_prefix="WORLDSTRAT_RASTER_", frozen=True)

    cache_bytes: int = Field(default=134_217_728, ge=0)
    """Most bytes of objects kept in memory."""
    decoded_bytes: int = Field(default=268_435_456, ge=0)
    """Most bytes of decoded numbers kept beside them: a SPOT image takes 9 MB, a Sentinel-2 chip 0.6."""
    tile_bytes: int = Field(default=67_108_864, ge=0)
    """Most bytes of finished tiles kept: a thousand of SPOT, three times as many of Sentinel-2."""
    composite_bytes: int = Field(default=67_108_864, ge=0)
    """Most bytes of composites kept beside them: one of Sentinel-2 takes 0.7 MB."""


def forget_boto3() -> None:
    """Keep rasterio from building boto3 sessions.

    Some of its calls enter an `Env` of their own, and where AWS_* is set each builds a session: a third of a tile's
    time. Nothing here is read by GDAL from S3.
    """
    rasterio.session.boto3 = None


def add_items(app: FastAPI) -> None:
    """Add the endpoints of items below `/raster`; they use the pool and the store that the lifespan opens."""
    forget_boto3()
    cache = RasterSettings()
    app.state.raster = ItemSources(app, cache.cache_bytes, cache.decoded_bytes, cache.tile_bytes)
    factory = create_item_tiles(ITEM_PATH, "item", item_source, ItemRoute, tile_schemes(), tile_route=TileRoute)
    app.include_router(factory.router, prefix=ITEM_PATH, tags=["Item tiles"])
    add_error_handlers(app)


def add_raster(app: FastAPI) -> None:
    """Add the other raster endpoints, which use what `add_items` made."""
    schemes = tile_schemes()
    add_time(app, app.state.raster, RasterSettings().composite_bytes, schemes)
    add_mosaics(app, schemes)
    add_vocabulary(app)
    add_compare(app)
    add_legends(app)
    add_outputs(app)
    for kind, options, tag in (
        (TMSFactory, {"supported_tms": schemes}, "Tile schemes"),
        (ColorMapFactory, {"supported_colormaps": COLORMAPS}, "Colormaps"),
    ):
        router = APIRouter(route_class=RasterRoute)
        factory = kind(router=router, router_prefix="/raster", templates=TEMPLATES, **options)
        app.include_router(factory.router, prefix="/raster", tags=[tag])
