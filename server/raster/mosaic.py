"""Mosaics of the items that a search finds: titiler-pgstac's endpoints over our queries and our reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import attr
from attrs import define
from fastapi import FastAPI, Query
from geojson_pydantic.geometries import Geometry
from morecantile import Tile
from rasterio.crs import CRS
from rio_tiler.constants import MAX_THREADS, WGS84_CRS
from rio_tiler.errors import NoAssetFoundError
from rio_tiler.models import ImageData
from rio_tiler.mosaic.backend import BaseBackend
from rio_tiler.mosaic.methods.defaults import FirstMethod
from rio_tiler.mosaic.reader import mosaic_reader
from rio_tiler.types import BBox
from rio_tiler.utils import inherit_rasterio_env
from starlette.requests import Request
from titiler.pgstac import model
from titiler.pgstac.backend import PGSTACBackend
from titiler.pgstac.dependencies import BackendParams, PgSTACParams
from titiler.pgstac.factory import MosaicTilerFactory

from server.raster.display import attach
from server.raster.errors import InvalidRequestError
from server.raster.items import numbers
from server.raster.limits import (
    MAX_SIZE,
    MAX_SPAN,
    check_features,
    check_point,
    check_shape,
    check_tile,
    check_tilesize,
    degrees,
)
from server.raster.mosaic_catalog import CatalogWatch
from server.raster.mosaic_cover import uncovered
from server.raster.mosaic_index import Index, MosaicIndexes
from server.raster.mosaic_marks import Frame
from server.raster.mosaic_query import MosaicQueries
from server.raster.mosaic_search import MosaicSearch, SearchRegister
from server.raster.mosaic_tile import Layers, unexplicit
from server.raster.reader import LAYER_OPTIONS, ItemSource
from server.raster.selection import Selection, choose_assets, select
from server.raster.source import ItemSources
from server.raster.warp import SEPARABLE

MINZOOM, MAXZOOM = 0, 18
"""Zooms of a mosaic that says none: marks show where its items are from 0 on, SPOT's own pixels lie below 17."""

Found = list[Any]
"""Names of items: `collection`, `id`, `bbox`."""


class Mosaics:
    """What all mosaics of an application share."""

    def __init__(self, app: FastAPI, sources: ItemSources) -> None:
        """Use the pool that the application's lifespan opens; nothing is connected here."""
        self.sources = sources
        self.queries = MosaicQueries(lambda: app.state.dbpool)
        self.indexes = MosaicIndexes(self.queries)
        self.searches = SearchRegister(lambda: app.state.dbpool)
        # A tile of a new version made of old records would be kept under the new version's tag.
        self.catalog = CatalogWatch(lambda: app.state.dbpool, changed=sources.records.clear)


@dataclass(init=False)
class MosaicParams(BackendParams):
    """What a mosaic's backend needs beside its search: the database and the items' pixels."""

    mosaics: Mosaics

    def __init__(self, request: Request) -> None:
        """Take both from the application, so that neither appears in the documentation."""
        super().__init__(request)
        self.mosaics = request.app.state.mosaics


@dataclass
class MosaicLimitsParams(PgSTACParams):
    """How far the search of one tile goes."""

    scan_limit: Annotated[int, Query(ge=1, le=10_000, description="Most items looked at.")] = 10_000
    items_limit: Annotated[int, Query(ge=1, le=100, description="Most items whose pixels are put together.")] = 40
    time_limit: Annotated[int, Query(ge=1, le=10, description="Most seconds of search.")] = 5
    exitwhenfull: Annotated[bool, Query(description="Stop as soon as the area is covered.")] = True
    skipcovered: Annotated[
        bool,
        Query(description="Leave out items that others hide. With `false` tiles show pixels only, no marks from afar."),
    ] = True


@attr.s
class MosaicBackend(PGSTACBackend):
    """Finds the items of a search and reads them with our reader."""

    mosaics: Mosaics = attr.ib(kw_only=True)
    features: int = attr.ib(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        """Let the reader take what a search finds, which is the names of items."""
        item_reader: Any = self.reader
        self.reader: Any = lambda item, **options: item_reader(self._source(item), **options)

    @property
    def search(self) -> MosaicSearch:
        """What is shown."""
        found: Any = self.input
        search: MosaicSearch = found
        return search

    @property
    def minzoom(self) -> int:  # type: ignore[override]
        """Lowest zoom that makes sense."""
        zoom = self.search.metadata.minzoom
        return MINZOOM if zoom is None else zoom

    @property
    def maxzoom(self) -> int:  # type: ignore[override]
        """Highest zoom that shows more than the one below."""
        zoom = self.search.metadata.maxzoom
        return MAXZOOM if zoom is None else zoom

    def info(self) -> model.Search:  # type: ignore[override]
        """Return the search."""
        return self.search.described()

    def get_assets(self, geom: Geometry, **limits: Any) -> Found:
        """Return the items that lie in an area, by name: where their objects are is not for callers to know.

        Args:
            geom: the area.
            limits: fields of `MosaicLimitsParams`.
        """
        limits = MosaicLimitsParams().as_dict() | limits
        area = geom.model_dump_json(exclude_none=True)
        rows = self.mosaics.queries.in_area(self.search, area, limits["scan_limit"], limits["time_limit"])
        if geom.type != "Point" and (limits["exitwhenfull"] or limits["skipcovered"]):
            rows = uncovered(rows, geom, skip=limits["skipcovered"])
        return [{"collection": row[0], "id": row[1], "bbox": list(row[2:6])} for row in rows[: limits["items_limit"]]]

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

    def tile(  # type: ignore[override]
        self,
        x: int,
        y: int,
        z: int,
        search_options: dict[str, Any] | None = None,
        pixel_selection: Any = FirstMethod,
        **options: Any,
    ) -> tuple[ImageData, list[str]]:
        """Return an XYZ tile and the names of the items in it."""
        check_tilesize(options.get("tilesize"))
        check_tile(self.tms, x, y, z)
        options = self._painted(options)
        limits = search_options or {}
        first = isinstance(pixel_selection, FirstMethod) or pixel_selection is FirstMethod
        if first and limits.get("skipcovered", True) and self.tms.id in SEPARABLE:
            image, names = self._layered(Tile(x, y, z), limits.get("items_limit", 40), dict(options))
        else:
            image, names = super().tile(x, y, z, search_options=limits, pixel_selection=pixel_selection, **options)
        return self._attach(image, names, options), names

    def part(self, bbox: BBox, **options: Any) -> tuple[ImageData, list[str]]:  # type: ignore[override]
        """Return what lies in a box and the names of the items in it."""
        options = self._painted(options)
        west, south, east, north = degrees(bbox, options.get("bounds_crs", WGS84_CRS))
        if max(east - west, north - south) > MAX_SPAN:
            raise InvalidRequestError(f"A box spans at most {MAX_SPAN:g} degrees.")
        image, names = super().part(bbox, **options | self._size(bbox, options))
        return self._attach(image, names, options), names

    def feature(self, shape: dict[str, Any], **options: Any) -> tuple[ImageData, list[str]]:  # type: ignore[override]
        """Return what lies in a GeoJSON geometry and the names of the items in it."""
        self.features += 1
        check_features(self.features)
        check_shape(shape)
        image, names = super().feature(shape, **options)
        return image, names

    def _layered(self, tile: Tile, limit: int, options: dict[str, Any]) -> tuple[ImageData, list[str]]:
        """Return a tile of the best items: marks from afar, pixels from near."""
        threads = options.pop("threads", MAX_THREADS)
        index = self.mosaics.indexes.get(self.search, self.mosaics.catalog.get().version, self.tms, tile)

        def name(number: int) -> str:
            return f"{index.collections[number]}/{index.ids[number]}"

        def read(chosen: Sequence[int]) -> tuple[ImageData, list[int]]:
            if len(chosen) == 1:
                return self._read_tile(index, tile, chosen[0], **options), list(chosen)
            reader = inherit_rasterio_env(partial(self._read_tile, index, tile))
            return mosaic_reader(chosen, reader, threads=threads, **options)

        drawn = Layers(
            indexes=self.mosaics.indexes,
            index=index,
            frame=Frame.of_tile(self.tms, tile, options.get("tilesize"), options.get("buffer") or 0.0),
            read=read,
            select=lambda number: self._selection(index.collections[number], index.ids[number], options),
            limit=limit,
            marked=options.get("unscale", True),
        ).draw()
        if drawn is None:
            raise NoAssetFoundError(f"There is nothing in the tile {tile.z}/{tile.x}/{tile.y}.")
        image, shown = drawn
        return image, [name(number) for number in shown]

    def _read_tile(self, index: Index, tile: Tile, number: int, /, **options: Any) -> ImageData:
        item = {"collection": index.collections[number], "id": index.ids[number]}
        with self.reader(item, tms=self.tms, **self.reader_options) as src:
            image: ImageData = src.tile(*tile, **options)
        return image

    def _source(self, item: Mapping[str, Any]) -> ItemSource:
        return self.mosaics.sources.get(item["collection"], item["id"])

    def _painted(self, options: dict[str, Any]) -> dict[str, Any]:
        """Choose the render that a stored mosaic names, where the caller chooses nothing."""
        if not self.search.render or any(options.get(name) for name in LAYER_OPTIONS):
            return options
        return options | {"render": self.search.render}

    def _selection(self, collection: str, item: str, options: dict[str, Any]) -> Selection:
        layer = {name: options[name] for name in LAYER_OPTIONS if options.get(name)}
        record = self.mosaics.sources.records.get(collection, item)
        return select(record, assets=self.reader_options.get("assets", ()), **layer)

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
        selection = self._selection(collection, item, options)
        if options.get("render") == self.search.render:
            selection = unexplicit(selection)
        return attach(image, selection)


@define(kw_only=True)
class SearchTilerFactory(MosaicTilerFactory):
    """titiler-pgstac's factory; statistics are of all bands."""

    def statistics(self) -> None:
        """Register `/statistics`."""
        with numbers(self):
            super().statistics()  # type: ignore[no-untyped-call]


def mosaic_renders(src: BaseBackend) -> dict[str, dict[str, Any]]:
    """Return the query of each render of a mosaic: those its collections store alike, or the search's own."""
    backend: Any = src
    search: MosaicSearch = backend.search
    if own := search.metadata.defaults_params:
        return dict(own)
    known = backend.mosaics.catalog.get().without(search.hidden).collections
    stored = [known[name].renders for name in search.collections if name in known]
    common = [name for name in stored[0] if all(name in others for others in stored)] if stored else []
    return {
        name: {**search.conditions, "render": name}
        for name in sorted(common, key=lambda name: (name != search.render, name))
    }
