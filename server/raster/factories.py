"""What all of TiTiler's factories here are given: our parameters, our painting, our tile schemes."""

from typing import Any

from morecantile import TileMatrixSet
from morecantile import tms as all_tms
from morecantile.defaults import TileMatrixSets
from rasterio.session import DummySession

from server.raster.display import render_image
from server.raster.pages import TEMPLATES
from server.raster.paint import BinsParams, PaintParams, SummaryParams, colormap_params, no_processing
from server.raster.params import AssetsParams, BandsParams, PartSizeParams, ReadParams, TileSizeParams

TILE_SCHEMES = ("WebMercatorQuad", "WorldCRS84Quad")


class SharedSchemes(TileMatrixSets):
    """Tile schemes that are handed out as they are: morecantile would copy one for every tile, in 0.3 ms."""

    def get(self, identifier: str) -> TileMatrixSet:
        """Return a tile scheme; nobody changes it."""
        scheme: TileMatrixSet = self.tilematrixsets[identifier]
        return scheme


def tile_schemes() -> TileMatrixSets:
    """Return the tile schemes that are served."""
    return SharedSchemes({name: all_tms.get(name) for name in TILE_SCHEMES})


def gdal_environment() -> dict[str, Any]:
    """Return GDAL's settings: it reads from memory only, so that it needs neither folders, network nor credentials."""
    return {"session": DummySession(), "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_NUM_THREADS": "1"}


def shared_options(schemes: TileMatrixSets) -> dict[str, Any]:
    """Return what items, mosaics and all that is derived of them have in common."""
    return {
        "reader_dependency": AssetsParams,
        "layer_dependency": BandsParams,
        "dataset_dependency": ReadParams,
        "tile_dependency": TileSizeParams,
        "img_part_dependency": PartSizeParams,
        "stats_dependency": SummaryParams,
        "histogram_dependency": BinsParams,
        "process_dependency": no_processing,
        "colormap_dependency": colormap_params,
        "render_dependency": PaintParams,
        "environment_dependency": gdal_environment,
        "render_func": render_image,
        "supported_tms": schemes,
        "templates": TEMPLATES,
        # titiler's map pages load scripts and a base map from other hosts; the explorer is our map.
        "add_viewer": False,
    }
