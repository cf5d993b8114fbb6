"""The rio-tiler reader of an item: bands by name, whatever raster they lie in."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import attr
import numpy as np
from morecantile import Tile, TileMatrixSet
from rasterio.crs import CRS
from rasterio.warp import transform_bounds
from rio_tiler.constants import WEB_MERCATOR_TMS, WGS84_CRS
from rio_tiler.errors import TileOutsideBounds
from rio_tiler.io import BaseReader, Reader
from rio_tiler.models import BandStatistics, ImageData, Info, PointData
from rio_tiler.types import BBox

from server.raster.chip import Chips
from server.raster.display import attach
from server.raster.far import Place, average_tile, read_tile
from server.raster.limits import (
    check_box,
    check_features,
    check_point,
    check_ratio,
    check_shape,
    check_tile,
    check_tilesize,
)
from server.raster.record import AssetRecord, ItemRecord
from server.raster.selection import Selection, choose_assets, select
from server.raster.stack import Band, MaskedArray, combine, stack
from server.raster.tile import create_image, is_plain
from server.raster.warp import SEPARABLE, touches, warp_tile

Read = Callable[..., ImageData]

LAYER_OPTIONS = ("bands", "expression", "index", "render", "everything")
"""Options of a read that choose bands; the others go to rio-tiler."""


@dataclass(frozen=True)
class ItemSource:
    """An item and where its pixels come from: what the reader opens."""

    record: ItemRecord
    """What is known of the item."""
    chips: Chips
    """Its objects."""


@attr.s
class ItemReader(BaseReader):
    """Reads tiles, parts and points of an item by the names of its bands.

    Each raster is read by rio-tiler's own reader, from memory; what lies in several rasters is read on the grid of the
    finest and stacked. `assets` names the rasters to look in.
    """

    input: ItemSource = attr.ib()
    tms: TileMatrixSet = attr.ib(default=WEB_MERCATOR_TMS)
    assets: Sequence[str] = attr.ib(default=(), kw_only=True)
    features: int = attr.ib(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        """Take the grid of the first raster."""
        grid = choose_assets(self.input.record, self.assets)[0].grid
        self.bounds, self.crs = grid.bounds, WGS84_CRS
        self.transform, self.height, self.width = grid.transform, grid.height, grid.width

    @property
    def minzoom(self) -> int:
        """Zoom at which the raster is about one tile."""
        return int(self._minzoom)

    @property
    def maxzoom(self) -> int:
        """Native zoom: the one whose pixels are closest to the raster's."""
        return int(self._maxzoom)

    def info(self) -> Info:
        """Return what rio-tiler says of the first raster."""
        return self.asset_info(choose_assets(self.input.record, self.assets)[0])

    def asset_info(self, asset: AssetRecord) -> Info:
        """Return what rio-tiler says of one raster."""
        with self._open(asset) as src:
            return src.info()

    def tile(self, tile_x: int, tile_y: int, tile_z: int, tilesize: int | None = None, **options: Any) -> ImageData:
        """Return an XYZ tile.

        Raises:
            TileOutsideBounds: it does not touch the item, or there is no such tile.
        """
        check_tilesize(tilesize)
        check_tile(self.tms, tile_x, tile_y, tile_z)
        if not self._touches(tile := Tile(tile_x, tile_y, tile_z)):
            raise TileOutsideBounds(f"The tile {tile_z}/{tile_x}/{tile_y} does not touch {self.input.record.id!r}.")
        selection, others = self._select(options)
        parts = {asset.key: self._tile(asset, indexes, tile, tilesize, others) for asset, indexes in selection.reads}
        return attach(stack(selection, parts), selection)

    def part(self, bbox: BBox, dst_crs: CRS | None = None, bounds_crs: CRS = WGS84_CRS, **options: Any) -> ImageData:
        """Return what lies in a box.

        Raises:
            OutsideItemError: nothing does.
        """
        self._check(bbox, bounds_crs, dst_crs, options)
        return self._read_alike(lambda src, **kw: src.part(bbox, dst_crs, bounds_crs, **kw), options)

    def feature(
        self, shape: dict[str, Any], dst_crs: CRS | None = None, shape_crs: CRS = WGS84_CRS, **options: Any
    ) -> ImageData:
        """Return what lies in a GeoJSON geometry or feature, the rest masked.

        Raises:
            OutsideItemError: nothing does.
        """
        self.features += 1
        check_features(self.features)
        self._check(check_shape(shape), shape_crs, dst_crs, options, cut=True)
        return self._read_alike(lambda src, **kw: src.feature(shape, dst_crs, shape_crs, **kw), options)

    def preview(self, **options: Any) -> ImageData:
        """Return the whole item, made smaller where needed."""
        return self._read_alike(lambda src, **kw: src.preview(**kw), options)

    def statistics(self, **options: Any) -> dict[str, BandStatistics]:
        """Return statistics of the whole item."""
        return self.preview(**options).statistics()

    def point(self, lon: float, lat: float, coord_crs: CRS = WGS84_CRS, **options: Any) -> PointData:
        """Return the values of the pixel in which a point lies, of all bands unless some are named.

        Raises:
            PointOutsideBounds: it lies outside the item.
        """
        check_point(lon, lat)
        selection, others = self._select({"everything": True, **options})
        values: dict[Band, MaskedArray] = {}
        for asset, indexes in selection.reads:
            with self._open(asset) as src:
                point = src.point(lon, lat, coord_crs, indexes=indexes, **_suited(src, others))
            values |= {(asset.key, index): point.array[row : row + 1] for row, index in enumerate(indexes)}
        array = combine(selection, values)[:, 0]
        return PointData(
            array,
            band_names=selection.names,
            band_descriptions=selection.names,
            coordinates=(lon, lat),
            crs=coord_crs,
        )

    def _touches(self, tile: Tile) -> bool:
        if self.tms.id in SEPARABLE:
            return touches(self.bounds, self.tms, tile)
        return bool(self.tile_exists(*tile))

    def _tile(
        self, asset: AssetRecord, indexes: tuple[int, ...], tile: Tile, tilesize: int | None, options: dict[str, Any]
    ) -> ImageData:
        """Return a tile of one raster: from its numbers in memory where picking them is all it takes, else by GDAL."""
        if place := Place.find(asset.grid, self.tms, tile, tilesize, options.get("buffer") or 0.0):
            return self._far_tile(asset, indexes, place, options)
        if is_plain(options) and (raster := self.input.chips.decoded(self.input.record, asset)):
            tiled = warp_tile(raster, self.tms, tile, tilesize, indexes)
            if tiled:
                unscale = bool(options.get("unscale"))
                return create_image(raster, tiled, indexes, self.tms.rasterio_crs, unscale=unscale)
        with self._open(asset) as src:
            return src.tile(*tile, tilesize, indexes=indexes, **_suited(src, options))

    def _far_tile(
        self, asset: AssetRecord, indexes: tuple[int, ...], place: Place, options: dict[str, Any]
    ) -> ImageData:
        """Return a tile on which a raster is small."""
        if is_plain(options) and (raster := self.input.chips.decoded(self.input.record, asset, coarse=True)):
            unscale = bool(options.get("unscale"))
            tiled = average_tile(raster, place, indexes)
            return create_image(raster, tiled, indexes, self.tms.rasterio_crs, unscale=unscale)
        with self._open(asset) as src:
            return read_tile(src, place, indexes, _suited(src, options))

    def _read(self, selection: Selection, read: Read) -> ImageData:
        parts = {}
        for asset, indexes in selection.reads:
            with self._open(asset) as src:
                parts[asset.key] = read(src, indexes=indexes)
        return attach(stack(selection, parts), selection)

    def _read_alike(self, read: Read, options: dict[str, Any]) -> ImageData:
        """Read every raster of a selection on the grid of the first, the finest."""
        selection, others = self._select(options)
        size: dict[str, Any] = {}

        def read_one(src: Reader, **indexes: Any) -> ImageData:
            image = read(src, **_suited(src, others | size), **indexes)
            size.update(height=image.height, width=image.width, max_size=None)
            return image

        return self._read(selection, read_one)

    def _select(self, options: dict[str, Any]) -> tuple[Selection, dict[str, Any]]:
        layer = {name: options[name] for name in LAYER_OPTIONS if options.get(name)}
        others = {name: value for name, value in options.items() if name not in LAYER_OPTIONS}
        selection = select(self.input.record, assets=self.assets, **layer)
        if resampling := (selection.render or {}).get("resampling"):
            others = {"resampling_method": resampling, "reproject_method": resampling} | others
        return selection, others

    @contextmanager
    def _open(self, asset: AssetRecord) -> Iterator[Reader]:
        with self.input.chips.open(self.input.record, asset) as dataset, Reader(None, dataset, self.tms) as src:
            yield src

    def _check(self, bbox: BBox, crs: CRS, dst_crs: CRS | None, options: dict[str, Any], *, cut: bool = False) -> None:
        target = dst_crs or crs
        check_box(bbox, crs, self.bounds, warped=cut or target != WGS84_CRS)
        box = bbox if target == crs else transform_bounds(crs, target, *bbox, densify_pts=21)
        check_ratio(box, target, options.get("width"), options.get("height"))


def _can_hold(dtype: np.dtype[Any], nodata: float | None) -> bool:
    if nodata is None or dtype.kind == "f":
        return True
    return float(nodata).is_integer() and np.iinfo(dtype).min <= nodata <= np.iinfo(dtype).max


def _suited(src: Reader, options: dict[str, Any]) -> dict[str, Any]:
    """Leave classes and angles as they are: they have no scale, and unscaling makes floats of bytes."""
    dataset: Any = src.dataset
    scaled = any(scale != 1 for scale in dataset.scales) or any(dataset.offsets)
    if not _can_hold(np.dtype(dataset.dtypes[0]), options.get("nodata")):
        # No stored number is it, so that it hides none; rio-tiler would fail to fill with it.
        options = {name: value for name, value in options.items() if name != "nodata"}
    return options if scaled else options | {"unscale": False}
