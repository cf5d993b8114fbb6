"""Mosaics of the items that a search finds: titiler-pgstac's endpoints over our reader."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import attr
from attrs import define
from fastapi import Query
from pydantic import ValidationError
from rasterio.crs import CRS
from rio_tiler.constants import WGS84_CRS
from rio_tiler.models import ImageData
from rio_tiler.mosaic.backend import BaseBackend
from rio_tiler.types import BBox
from starlette.requests import Request
from titiler.pgstac import model
from titiler.pgstac.backend import PGSTACBackend
from titiler.pgstac.dependencies import BackendParams, CollectionIdParams, PgSTACParams
from titiler.pgstac.factory import MosaicTilerFactory

from server.errors import InvalidSearchError
from server.raster.display import attach
from server.raster.errors import InvalidRequestError
from server.raster.items import numbers
from server.raster.limits import (
    MAX_SIZE,
    MAX_ZOOM,
    check_features,
    check_point,
    check_shape,
    check_tile,
    check_tilesize,
    degrees,
)
from server.raster.reader import LAYER_OPTIONS, ItemSource
from server.raster.selection import choose_assets, select
from server.raster.source import ItemSources, sources_of
from server.stac.bounds import flat_bounds
from server.stac.complexity import limit_json

MINZOOM, MAXZOOM = 8, 18
"""Zooms of a mosaic that says none: an AOI is four pixels wide at 8, SPOT's own pixels lie between 16 and 17."""
CLEAREST_FIRST = "+eo:cloud_cover,+worldstrat:revisit"
"""Order of the items of a mosaic that says none: what lies on top comes first."""

Found = list[Any]
"""Names of items: `collection`, `id`, `bbox`."""


@dataclass(init=False)
class MosaicParams(BackendParams):
    """What a mosaic's backend needs beside its search: the database and the items' pixels."""

    sources: ItemSources

    def __init__(self, request: Request) -> None:
        """Take both from the application, so that neither appears in the documentation."""
        super().__init__(request)
        self.sources = sources_of(request)


@dataclass
class MosaicLimitsParams(PgSTACParams):
    """How far the search of one tile goes."""

    scan_limit: Annotated[int, Query(ge=1, le=10_000, description="Most items looked at.")] = 10_000
    items_limit: Annotated[int, Query(ge=1, le=100, description="Most items put together.")] = 40
    time_limit: Annotated[int, Query(ge=1, le=10, description="Most seconds of search.")] = 5
    exitwhenfull: Annotated[bool, Query(description="Stop as soon as the area is covered.")] = True
    skipcovered: Annotated[bool, Query(description="Leave out items that others hide.")] = True


@attr.s
class MosaicBackend(PGSTACBackend):
    """Finds the items of a search by pgSTAC and reads them with our reader."""

    sources: ItemSources = attr.ib(kw_only=True)
    features: int = attr.ib(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        """Let the reader take what a search finds, which is the names of items."""
        item_reader: Any = self.reader
        self.reader: Any = lambda item, **options: item_reader(self._source(item), **options)

    @property
    def minzoom(self) -> int:  # type: ignore[override]
        """Lowest zoom that makes sense."""
        zoom = self.info().metadata.minzoom
        return MINZOOM if zoom is None else zoom

    @property
    def maxzoom(self) -> int:  # type: ignore[override]
        """Highest zoom that shows more than the one below."""
        zoom = self.info().metadata.maxzoom
        return MAXZOOM if zoom is None else zoom

    def get_assets(self, *args: Any, **kwargs: Any) -> Found:
        """Return the items that lie in an area, by name: where their objects are is not for callers to know."""
        found = super().get_assets(*args, **kwargs)
        return [{name: item[name] for name in ("collection", "id", "bbox")} for item in found]

    def assets_for_tile(self, x: int, y: int, z: int, **options: Any) -> Found:
        """Return the items that lie in a tile."""
        check_tile(self.tms, x, y, z)
        return super().assets_for_tile(x, y, z, **options)

    def assets_for_point(self, lng: float, lat: float, coord_crs: CRS = WGS84_CRS, **options: Any) -> Found:
        """Return the items that lie at a point."""
        check_point(lng, lat)
        return super().assets_for_point(lng, lat, coord_crs, **options)

    def assets_for_bbox(
        self, xmin: float, ymin: float, xmax: float, ymax: float, coord_crs: CRS = WGS84_CRS, **options: Any
    ) -> Found:
        """Return the items that lie in a box."""
        return super().assets_for_bbox(*degrees((xmin, ymin, xmax, ymax), coord_crs), **options)

    def tile(self, x: int, y: int, z: int, **options: Any) -> tuple[ImageData, list[str]]:  # type: ignore[override]
        """Return an XYZ tile and the names of the items in it."""
        check_tilesize(options.get("tilesize"))
        image, names = super().tile(x, y, z, **options)
        return self._attach(image, names, options), names

    def part(self, bbox: BBox, **options: Any) -> tuple[ImageData, list[str]]:  # type: ignore[override]
        """Return what lies in a box and the names of the items in it."""
        image, names = super().part(bbox, **options | self._size(bbox, options))
        return self._attach(image, names, options), names

    def feature(self, shape: dict[str, Any], **options: Any) -> tuple[ImageData, list[str]]:  # type: ignore[override]
        """Return what lies in a GeoJSON geometry and the names of the items in it."""
        self.features += 1
        check_features(self.features)
        check_shape(shape)
        image, names = super().feature(shape, **options)
        return image, names

    def _source(self, item: Mapping[str, Any]) -> ItemSource:
        return self.sources.get(item["collection"], item["id"])

    def _size(self, bbox: BBox, options: dict[str, Any]) -> dict[str, Any]:
        """Return a size at the resolution of the first item: grids differ from item to item, an image has one."""
        given = options.get("width") or options.get("height") or options.get("dst_crs", WGS84_CRS) != WGS84_CRS
        west, south, east, north = bbox
        found = self.assets_for_bbox(*bbox, options.get("bounds_crs", WGS84_CRS), **options.get("search_options", {}))
        if given or not found:
            return {}
        grid = choose_assets(self._source(found[0]).record, self.reader_options.get("assets", ()))[0].grid
        sides = abs((east - west) / grid.transform.a), abs((north - south) / grid.transform.e)
        shrink = min(1.0, (options.get("max_size") or MAX_SIZE) / max(sides))
        width, height = (max(1, round(side * shrink)) for side in sides)
        return {"width": width, "height": height, "max_size": None}

    def _attach(self, image: ImageData, names: list[str], options: dict[str, Any]) -> ImageData:
        collection, item = names[0].split("/", 1)
        layer = {name: options[name] for name in LAYER_OPTIONS if options.get(name)}
        record = self.sources.records.get(collection, item)
        return attach(image, select(record, assets=self.reader_options.get("assets", ()), **layer))


@define(kw_only=True)
class SearchTilerFactory(MosaicTilerFactory):
    """titiler-pgstac's factory; statistics are of all bands."""

    def statistics(self) -> None:
        """Register `/statistics`."""
        with numbers(self):
            super().statistics()  # type: ignore[no-untyped-call]


def mosaic_renders(src: BaseBackend) -> dict[str, dict[str, Any]]:
    """Return the query of each render of a mosaic: those its only collection stores, or the search's own."""
    info: Any = src.info()
    collections = info.input_search.get("collections") or []
    if len(collections) == 1:
        return {name: {"render": name} for name in src.sources.records.renders(collections[0])}  # type: ignore[attr-defined]
    own: dict[str, dict[str, Any]] = info.metadata.defaults_params
    return own


def clearest_first(dependency: Callable[..., str]) -> Callable[..., str]:
    """Give titiler-pgstac's dependency on a collection a default order of items."""

    @functools.wraps(dependency)
    def search_id(**arguments: Any) -> str:
        try:
            return dependency(**arguments)
        except ValidationError as error:
            raise InvalidRequestError(f"The filter cannot be read: {error}.") from error

    signature = inspect.signature(dependency)
    parameters = [
        parameter.replace(default=CLEAREST_FIRST) if parameter.name == "sortby" else parameter
        for parameter in signature.parameters.values()
    ]
    search_id.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return search_id


collection_search = clearest_first(CollectionIdParams)


def registered_search(body: model.RegisterMosaic) -> tuple[model.PgSTACSearch, model.Metadata]:
    """Return the search to register, clearest items first unless it has an order.

    Raises:
        InvalidSearchError: its filter is nested too deeply, or its box is none.
        InvalidRequestError: another part of it is nested too deeply.
    """
    limit_json(body.filter_expr)
    try:
        limit_json([body.query, body.metadata.defaults, body.metadata.model_extra, body.model_extra])
        search = body.model_dump(exclude_none=True, exclude={"metadata"}, by_alias=True)
    except (InvalidSearchError, ValueError) as error:  # the latter is pydantic's, about geometries within geometries
        raise InvalidRequestError("The search is nested too deeply.") from error
    search.setdefault(
        "sortby", [{"field": name, "direction": "asc"} for name in CLEAREST_FIRST.replace("+", "").split(",")]
    )
    if any(not 0 <= zoom <= MAX_ZOOM for zoom in (body.metadata.minzoom, body.metadata.maxzoom) if zoom is not None):
        raise InvalidRequestError(f"Zooms lie between 0 and {MAX_ZOOM}.")
    if body.bbox:
        search["bbox"] = flat_bounds(body.bbox)
    if body.metadata.bounds:
        body.metadata.bounds = flat_bounds(body.metadata.bounds)
    return model.PgSTACSearch(**search), body.metadata
