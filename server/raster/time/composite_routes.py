"""Composites of places as tiles, previews, crops and statistics: TiTiler's endpoints over our reader."""

from typing import Any

from fastapi import FastAPI
from morecantile.defaults import TileMatrixSets
from rio_tiler.io import BaseReader

from server.raster.items import create_item_tiles
from server.raster.time.sources import AOI_PATH, AoiRoute, CompositeTileRoute, composite_source

COMPOSITE_PATH = f"{AOI_PATH}/composite"


def add_composites(app: FastAPI, schemes: TileMatrixSets) -> None:
    """Add the endpoints."""
    factory = create_item_tiles(
        COMPOSITE_PATH,
        "composite",
        composite_source,
        AoiRoute,
        schemes,
        tile_route=CompositeTileRoute,
        get_renders=list_composite_renders,
    )
    app.include_router(factory.router, prefix=COMPOSITE_PATH, tags=["Composite tiles"])


def list_composite_renders(src: BaseReader) -> dict[str, dict[str, Any]]:
    """Return the query of each stored render: of the same dates, made one in the same way."""
    source = src.input
    return {name: {**source.asked, "render": name} for name in source.record.renders}
