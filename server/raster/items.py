"""TiTiler's endpoints for one item, with rasters and stored renders listed beside them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import rasterio
from attrs import define
from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from geojson_pydantic import Feature
from morecantile.defaults import TileMatrixSets
from rio_tiler.io import BaseReader
from rio_tiler.models import Info
from starlette.requests import Request
from titiler.core.factory import FactoryExtension, TilerFactory
from titiler.core.models.responses import MultiBaseInfo, MultiBaseInfoGeoJSON
from titiler.core.resources.responses import GeoJSONResponse, JSONResponse
from titiler.core.utils import bounds_to_geometry
from titiler.extensions.wmts import wmtsExtension

from server.raster.factories import shared_options
from server.raster.params import AllBandsParams, PreviewSizeParams, SummarySizeParams
from server.raster.reader import ItemReader, ItemSource
from server.raster.record import AssetRecord, ItemRecord
from server.raster.selection import choose_assets

ITEM_PATH = "/raster/collections/{collection_id}/items/{item_id}"


@contextmanager
def numbers(factory: Any) -> Iterator[None]:
    """Let what a factory registers within be about numbers: all bands at full size, where a picture takes three."""
    pictures = {name: getattr(factory, name) for name in _NUMBERS if hasattr(factory, name)}
    for name in pictures:
        setattr(factory, name, _NUMBERS[name])
    yield
    for name, dependency in pictures.items():
        setattr(factory, name, dependency)


_NUMBERS = {
    "layer_dependency": AllBandsParams,
    "img_preview_dependency": SummarySizeParams,
    "img_part_dependency": SummarySizeParams,
}


@define(kw_only=True)
class ItemTilerFactory(TilerFactory):
    """TiTiler's factory over our reader; what it says of an item it says raster by raster."""

    tile_route: type[APIRoute] | None = None
    """Class of the routes of tiles; the router's own unless given."""

    def url_for(self, request: Request, name: str, **path_params: Any) -> str:
        """Return the address of an endpoint; names in its path may have spaces, or stand in any script."""
        names = {key: quote(str(value), safe="") for key, value in request.path_params.items()}
        return super().url_for(Request({**request.scope, "path_params": names}), name, **path_params)

    def tile(self) -> None:
        """Register the tiles."""
        others = self.router.route_class
        self.router.route_class = self.tile_route or others
        super().tile()  # type: ignore[no-untyped-call]
        self.router.route_class = others

    def statistics(self) -> None:
        """Register `/statistics`."""
        with numbers(self):
            super().statistics()  # type: ignore[no-untyped-call]

    def info(self) -> None:
        """Register `/info` and `/info.geojson`."""

        @self.router.get(
            "/info",
            response_model=MultiBaseInfo,
            response_model_exclude_none=True,
            response_class=JSONResponse,
            operation_id=f"{self.operation_prefix}getInfo",
        )
        def info(
            src_path: Annotated[ItemSource, Depends(self.path_dependency)],
            reader_params: Annotated[Any, Depends(self.reader_dependency)],
            env: Annotated[dict[str, Any], Depends(self.environment_dependency)],
        ) -> dict[str, Info]:
            """Describe rasters of the item: grid, bands, type, scale. The main one, unless `assets` names some."""
            return self._read_info(src_path, reader_params, env)

        @self.router.get(
            "/info.geojson",
            response_model=MultiBaseInfoGeoJSON,
            response_model_exclude_none=True,
            response_class=GeoJSONResponse,
            operation_id=f"{self.operation_prefix}getInfoGeoJSON",
        )
        def info_geojson(
            src_path: Annotated[ItemSource, Depends(self.path_dependency)],
            reader_params: Annotated[Any, Depends(self.reader_dependency)],
            env: Annotated[dict[str, Any], Depends(self.environment_dependency)],
        ) -> Feature[Any, Any]:
            """Describe rasters of the item, as a GeoJSON feature of its extent."""
            bounds = src_path.record.default_asset.grid.bounds
            properties = self._read_info(src_path, reader_params, env)
            return Feature(type="Feature", bbox=bounds, geometry=bounds_to_geometry(bounds), properties=properties)

    def _read_info(self, source: ItemSource, reader_params: Any, env: dict[str, Any]) -> dict[str, Info]:
        options = reader_params.as_dict()
        with rasterio.Env(**env), ItemReader(source, **options) as src:
            return {asset.key: src.asset_info(asset) for asset in choose_assets(source.record, src.assets)}


def create_item_tiles(
    prefix: str,
    name: str,
    source: Callable[..., ItemSource],
    route: type[APIRoute],
    schemes: TileMatrixSets,
    **options: Any,
) -> ItemTilerFactory:
    """Return the endpoints of what is read like an item.

    Args:
        prefix: where they lie.
        name: of the factory, as titiler takes it.
        source: dependency that gives what a path names.
        route: class of the routes.
        schemes: tile schemes.
        options: of the factory, where they are others than those of items.
    """
    common = {"reader": ItemReader, "img_preview_dependency": PreviewSizeParams, "get_renders": list_renders}
    return ItemTilerFactory(
        router=APIRouter(route_class=route),
        router_prefix=prefix,
        name=name,
        path_dependency=source,
        extensions=[
            AssetsExtension(),
            RendersExtension(),
            wmtsExtension(layer_identifier_provider=lambda found: found.record.id),
        ],
        **shared_options(schemes) | common | options,
    )


def list_renders(src: BaseReader) -> dict[str, dict[str, Any]]:
    """Return the query of each stored render, as titiler lists layers."""
    source: ItemSource = src.input
    return {name: {"render": name} for name in source.record.renders}


@define
class AssetsExtension(FactoryExtension):
    """Add `/assets`: what bands there are, without a file being opened."""

    def register(self, factory: TilerFactory) -> None:  # type: ignore[override]
        """Register the endpoint."""

        @factory.router.get("/assets", operation_id=f"{factory.operation_prefix}getAssets")
        def assets(src_path: Annotated[ItemSource, Depends(factory.path_dependency)]) -> dict[str, Any]:
            """List the rasters of the item and their bands, by the names that `assets` and `bands` take."""
            record = src_path.record
            return {
                "default": record.default_asset.key,
                "assets": {key: _describe(asset) for key, asset in record.assets.items()},
            }


@define
class RendersExtension(FactoryExtension):
    """Add `/renders`: the pictures that a collection stores by name, with their links."""

    def register(self, factory: TilerFactory) -> None:  # type: ignore[override]
        """Register the endpoint."""

        @factory.router.get("/renders", operation_id=f"{factory.operation_prefix}getRenders")
        def renders(
            request: Request, src_path: Annotated[ItemSource, Depends(factory.path_dependency)]
        ) -> dict[str, Any]:
            """List the stored renders that `render` takes, how each is made, and where its tiles are."""
            record = src_path.record
            return {
                "default": record.default_render,
                "renders": {name: _link(factory, request, record, name) for name in record.renders},
            }


def _describe(asset: AssetRecord) -> dict[str, Any]:
    return {
        "title": asset.title,
        "unit": asset.unit,
        "height": asset.grid.height,
        "width": asset.grid.width,
        "bounds": asset.grid.bounds,
        "bands": [vars(band) for band in asset.bands],
        "classes": sorted(asset.colormap),
    }


def _link(factory: TilerFactory, request: Request, record: ItemRecord, name: str) -> dict[str, Any]:
    asked = [(key, value) for key, value in request.query_params.multi_items() if key != "render"]
    query = urlencode([*asked, ("render", name)])
    tiles = factory.url_for(request, "tile", tileMatrixSetId="WebMercatorQuad", z="{z}", x="{x}", y="{y}")
    tilejson = factory.url_for(request, "tilejson", tileMatrixSetId="WebMercatorQuad")
    return {**record.renders[name], "tiles": f"{tiles}?{query}", "tilejson": f"{tilejson}?{query}"}
