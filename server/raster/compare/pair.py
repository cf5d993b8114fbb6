"""Two images of one place, read and put on one grid."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.warp import reproject
from rio_tiler.constants import WGS84_CRS

from catalog.constants import COLLECTION_SPOT
from server.raster.errors import InvalidRequestError
from server.raster.limits import MAX_SIZE
from server.raster.reader import ItemReader, ItemSource
from server.raster.record import Grid
from server.raster.selection import Selection, select
from server.raster.time.clouds import cloud_asset, cloud_mask
from superres.registration import Axis, Shift, average, register

GridName = Literal["sentinel-2", "spot"]
Method = Literal["psf", "average", "nearest", "bilinear", "cubic", "lanczos"]
Spot = Literal["ps", "rgbn"]

VISIBLE = ("red", "green", "blue")
"""What both are registered by, their mean."""
COMMON = (*VISIBLE, "nir")
"""Bands that both have: what is compared where the caller does not say."""
METRES_PER_DEGREE = 111_320.0
"""Along a meridian, and along the equator."""

Values = NDArray[np.float64]
_FINER = 0.75  # of a pixel: below it grids count as different in resolution


@dataclass(frozen=True)
class Layer:
    """One image, as it lies in its raster."""

    source: ItemSource
    """Where it comes from."""
    assets: tuple[str, ...]
    """Rasters to look in; all where it is empty."""

    @property
    def is_spot(self) -> bool:
        """Whether it is the image of 1.5 m."""
        return self.source.record.collection == COLLECTION_SPOT

    def select(self, **layer: Any) -> Selection:
        """Find what a caller asks for in it."""
        return select(self.source.record, assets=self.assets, **layer)

    def read(self, names: Sequence[str]) -> tuple[Values, Grid]:
        """Return bands in physical units as `(band, y, x)`, NaN where there is no data, and their grid."""
        with ItemReader(self.source, assets=self.assets) as src:
            image = src.preview(bands=list(names), unscale=True, max_size=None)
        west, north = image.bounds[0], image.bounds[3]
        size = (image.bounds[2] - west) / image.width, (image.bounds[1] - north) / image.height
        grid = Grid(Affine(size[0], 0, west, 0, size[1], north), image.height, image.width)
        return image.array.astype(np.float64).filled(np.nan), grid


@dataclass(frozen=True)
class Pair:
    """Two images and how they are put on one grid."""

    first: Layer
    """The item that was asked about."""
    second: Layer
    """The one that it is compared with."""
    on: GridName
    """Whose grid."""
    method: Method | None = None
    """How what lies on another grid is resampled: `psf` down and `bilinear` up, where the caller does not say."""
    align: bool = False
    """Move what is resampled by the shift between the two, where that can be trusted."""
    clear: bool = True
    """Leave out clouds and their shadows, by Sentinel-2's scene classification or else its cloud mask."""

    def __post_init__(self) -> None:
        """Refuse a grid that neither has.

        Raises:
            InvalidRequestError: it is SPOT's and neither is SPOT's, or a grid is too large.
        """
        if not any(layer.is_spot == (self.on == "spot") for layer in (self.first, self.second)):
            raise InvalidRequestError(f"Neither image lies on the grid of {self.on!r}; choose the other.")
        if max(self.grid.height, self.grid.width) > MAX_SIZE:
            raise InvalidRequestError(f"The grid of {self.on!r} has more than {MAX_SIZE} pixels a side.")

    @cached_property
    def grid(self) -> Grid:
        """The grid of both."""
        return _grid(self._owner(self.on))

    @cached_property
    def pixel(self) -> tuple[float, float]:
        """Width and height of a pixel in metres."""
        return _metres(self.grid)

    @cached_property
    def shift(self) -> Shift | None:
        """How far the second must be moved to lie on the first, in pixels of the coarser grid; None where unknown."""
        coarse = replace(self, on=self._coarse, method=None, align=False)
        names = [name for name in VISIBLE if _has(self.first, name) and _has(self.second, name)]
        if not names:
            return None
        images = [image.mean(axis=0) for image in coarse.read(names, names)]
        return register(images[0], images[1], ~coarse.hidden)

    @property
    def coarse_pixel(self) -> tuple[float, float]:
        """Width and height in metres of the pixels that `shift` counts."""
        return _metres(_grid(self._owner(self._coarse)))

    @cached_property
    def hidden(self) -> NDArray[np.bool_]:
        """Where clouds hide the ground, as `(y, x)`."""
        covered = np.zeros((self.grid.height, self.grid.width), bool)
        for layer in (self.first, self.second) if self.clear else ():
            source = layer.source
            if cloud_asset(source.record):
                covered |= cloud_mask(source.chips, source.record, self.grid)
        return covered

    def read(self, first: Sequence[str], second: Sequence[str]) -> tuple[Values, Values]:
        """Return bands of both on the grid, as `(band, y, x)`, NaN where there is no data or, if so asked, a cloud."""
        return self._put(self.first, first), self._put(self.second, second)

    @property
    def _coarse(self) -> GridName:
        return "spot" if self.first.is_spot and self.second.is_spot else "sentinel-2"

    def _owner(self, name: GridName) -> Layer:
        return self.first if self.first.is_spot == (name == "spot") else self.second

    def _put(self, layer: Layer, names: Sequence[str]) -> Values:
        image, grid = layer.read(names)
        move = self._move(layer)
        if grid == self.grid and (layer is self._owner(self.on) or move == (0, 0)):
            return image
        return _resample(image, grid, self.grid, self.method, move)

    def _move(self, layer: Layer) -> tuple[float, float]:
        """Return by how many pixels of the grid, down and right, what is read lies from where it is put."""
        if not (self.align and self.shift and self.shift.trusted):
            return 0, 0
        own, coarse = self.grid.transform, _grid(self._owner(self._coarse)).transform
        sign = 1 if layer is self.first else -1
        return sign * self.shift.rows * coarse.e / own.e, sign * self.shift.columns * coarse.a / own.a


def _has(layer: Layer, name: str) -> bool:
    bands = (band for asset in layer.source.record.assets.values() for band in asset.bands)
    return any(name in {band.name, band.common_name} for band in bands)


def _grid(layer: Layer) -> Grid:
    record = layer.source.record
    return (record.assets[layer.assets[0]] if layer.assets else record.default_asset).grid


def _metres(grid: Grid) -> tuple[float, float]:
    west, south, east, north = grid.bounds
    across = METRES_PER_DEGREE * np.cos(np.radians((south + north) / 2))
    return float((east - west) / grid.width * across), (north - south) / grid.height * METRES_PER_DEGREE


def _resample(image: Values, source: Grid, target: Grid, method: Method | None, move: tuple[float, float]) -> Values:
    """Return bands on another grid, read `move` pixels of it down and right of where they are put."""
    here = target.transform @ Affine.translation(move[1], move[0])
    step = here.a / source.transform.a, here.e / source.transform.e
    chosen = method or ("psf" if min(step) > 1 / _FINER else "bilinear")
    if chosen == "psf":
        if min(step) < _FINER:
            raise InvalidRequestError("Only images finer than the grid are seen as a coarser sensor sees: not 'psf'.")
        start = ~source.transform @ (here.c, here.f)
        rows = Axis(source.height, target.height, start[1], step[1])
        return average(image, rows, Axis(source.width, target.width, start[0], step[0]))
    resampled = np.full((len(image), target.height, target.width), np.nan)
    options = {"src_transform": source.transform, "dst_transform": here, "src_crs": WGS84_CRS, "dst_crs": WGS84_CRS}
    reproject(image, resampled, src_nodata=np.nan, dst_nodata=np.nan, resampling=Resampling[chosen], **options)
    return resampled
