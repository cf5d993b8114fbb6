"""A composite of a place: one image of its clear dates, computed once on its own grid, then read like any item."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.io import DatasetReader, MemoryFile
from rio_tiler.constants import WGS84_CRS

from server.limits.gone import stop_if_gone
from server.raster.cache import LoadingCache
from server.raster.chip import Chips
from server.raster.decoded import Decoded
from server.raster.reader import ItemSource
from server.raster.record import AssetRecord, BandRecord, Grid, ItemRecord, digest
from server.raster.time.align import Aligned, read_aligned
from server.raster.time.aoi import AoiRecord, Revisit
from server.raster.time.clouds import Mask, cloud_mask
from server.raster.time.reduce import Method, reduce_dates
from server.raster.time.stack import Layers, check_values, choose_layers, turn

COUNT = "count"
"""Key and band of the raster beside the composite: how many dates each pixel is made of."""

CompositeCache = LoadingCache[str, "Composite"]


@dataclass(frozen=True)
class Composite:
    """A composite in memory."""

    data: Decoded
    """The bands."""
    count: Decoded
    """How many dates each pixel is made of."""

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return int(self.data.bands.nbytes + self.count.bands.nbytes)


@dataclass(frozen=True)
class CompositeChips:
    """One composite with the face of `Chips`: what `ItemReader` reads."""

    cache: CompositeCache
    """Where it is kept."""
    chips: Chips
    """The objects of its dates."""
    layers: Layers
    """Its dates, the best first."""
    method: Method
    """How dates become one."""

    def decoded(self, item: ItemRecord, asset: AssetRecord, *, coarse: bool = False) -> Decoded:  # noqa: ARG002
        """Return its numbers; an overview would save nothing, for they are in memory."""
        composite = self.cache.get(item.version, self._compute)
        return composite.count if asset.key == COUNT else composite.data

    def _compute(self) -> Composite:
        with turn(self.layers, self.layers.native):
            return compute(self.chips, self.layers, self.method)

    @contextmanager
    def open(self, item: ItemRecord, asset: AssetRecord) -> Iterator[DatasetReader]:
        """Open it as a raster in memory."""
        with MemoryFile(_write(self.decoded(item, asset))) as memory, memory.open(driver="GTiff") as dataset:
            yield dataset


@dataclass(frozen=True)
class CompositeSource(ItemSource):
    """A composite as what the reader of items opens."""

    asked: Mapping[str, str]
    """The parameters that chose its dates and how they become one: what addresses of its tiles must repeat."""


def create_source(
    cache: CompositeCache,
    chips: Chips,
    aoi: AoiRecord,
    revisits: Sequence[Revisit],
    *,
    mask: Mask,
    method: Method,
    asked: Mapping[str, str],
) -> CompositeSource:
    """Return a composite of dates; nothing is read yet.

    Args:
        cache: where composites are kept.
        chips: the objects of its dates.
        aoi: the place.
        revisits: its dates, the best first.
        mask: what is taken out of each.
        method: how they become one.
        asked: the parameters that said so.

    Raises:
        NoRevisitError: no date tells where clouds are.
        InvalidRequestError: it would be too large.
    """
    layers = choose_layers(revisits, mask, assets=(revisits[0].item.default_asset.key,), everything=True)
    check_values(len(layers.revisits), len(layers.first.picks), layers.native)
    return CompositeSource(_create_record(aoi, layers, method), CompositeChips(cache, chips, layers, method), asked)


def compute(chips: Chips, layers: Layers, method: Method) -> Composite:
    """Make a composite."""
    grid = layers.native
    dates, hidden = _read(chips, layers, grid)
    stored = _are_alike(dates)
    values = [date.data if stored else date.physical.data for date in dates]
    count, height, width = values[0].shape
    bands = np.empty((count, height, width), values[0].dtype)
    nodata = _nodata(bands.dtype)
    for band in range(count):
        stop_if_gone()
        unseen = np.stack([mask[band] for mask in hidden])
        bands[band] = reduce_dates(np.stack([date[band] for date in values]), unseen, method)
        bands[band][unseen.all(axis=0)] = nodata
    seen = np.stack([~mask.any(axis=0) for mask in hidden]).sum(axis=0, dtype=np.uint8)[None]
    units = dates[0].units if stored else ((1.0, 0.0),) * count
    return Composite(_decoded(bands, grid, nodata, units), _decoded(seen, grid, None, ((1.0, 0.0),)))


def _read(chips: Chips, layers: Layers, grid: Grid) -> tuple[list[Aligned], list[NDArray[np.bool_]]]:
    """Return the bands of each date as stored, and where they show nothing."""
    dates, hidden = [], []
    for revisit, selection in zip(layers.revisits, layers.selections, strict=True):
        stop_if_gone()
        asset, indexes = selection.reads[0]
        date = read_aligned(chips, revisit.item, asset, indexes, grid)
        mask = date.mask | cloud_mask(chips, revisit.item, grid) if layers.masked else date.mask
        dates.append(date)
        hidden.append(mask)
    return dates, hidden


def _are_alike(dates: Sequence[Aligned]) -> bool:
    """Tell whether stored numbers of all dates mean the same, and are of a type that tiles have tables for."""
    kinds = {(date.data.dtype, date.units) for date in dates}
    return len(kinds) == 1 and dates[0].data.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}


def _nodata(dtype: np.dtype[Any]) -> float:
    """Return a number that no pixel has: stored reflectance ends far below the largest."""
    return float("nan") if np.issubdtype(dtype, np.floating) else float(np.iinfo(dtype).max)


def _decoded(bands: NDArray[Any], grid: Grid, nodata: float | None, units: tuple[tuple[float, float], ...]) -> Decoded:
    bands.setflags(write=False)
    scales, offsets = zip(*units, strict=True)
    return Decoded(bands, grid.transform, nodata, scales, offsets, overviews=())


def _create_record(aoi: AoiRecord, layers: Layers, method: Method) -> ItemRecord:
    """Return a record like that of an item: the bands of its dates, and how many there are."""
    first = layers.revisits[0].item
    version = digest([method, layers.masked, *(revisit.item.version for revisit in layers.revisits)])
    asset = layers.first.reads[0][0]
    data = replace(asset, grid=layers.native, href=f"composite:{version}", version=version)
    count = AssetRecord(
        key=COUNT,
        href=f"{data.href}#{COUNT}",
        version=version,
        title="Dates that a pixel is made of",
        grid=layers.native,
        bands=(BandRecord(COUNT, None, "Dates on which every band of the pixel was seen"),),
        unit=None,
        colormap=MappingProxyType({}),
    )
    assets = {data.key: data, COUNT: count}
    renders = {name: render for name, render in first.renders.items() if set(render.get("assets", ())) <= {data.key}}
    return replace(first, id=f"{aoi.slug}_{method}", assets=MappingProxyType(assets), renders=renders, version=version)


def _write(raster: Decoded) -> bytes:
    count, height, width = raster.bands.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": raster.bands.dtype}
    with MemoryFile() as memory:
        with memory.open(crs=WGS84_CRS, transform=raster.transform, nodata=raster.nodata, **profile) as dataset:
            dataset.write(raster.bands)
            dataset.scales, dataset.offsets = raster.scales, raster.offsets
        return bytes(memory.read())
