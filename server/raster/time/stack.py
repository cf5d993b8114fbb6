"""Dates of a place on one grid: the array behind every answer about time."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from server.limits.gone import stop_if_gone
from server.raster.chip import Chips
from server.raster.errors import BusyError, InvalidRequestError, NoRevisitError
from server.raster.reader import LAYER_OPTIONS
from server.raster.record import Grid
from server.raster.selection import Selection, select
from server.raster.stack import combine
from server.raster.time.align import NEAREST, common_grid, read_aligned
from server.raster.time.aoi import AoiRecord, Revisit
from server.raster.time.clouds import Mask, cloud_asset, cloud_mask

MAX_VALUES = 40_000_000
"""Most numbers of an answer, dates x bands x pixels: 12 dates of three bands on SPOT's grid, 160 MB."""
HEAVY_VALUES = 8_000_000
"""Numbers from which on an answer is one of the heavy, of which few are made at once."""
_HEAVY_AT_ONCE = 2

_heavy = threading.BoundedSemaphore(_HEAVY_AT_ONCE)

GridName = Literal["native", "spot"]
"""The images' own grid, or that of the place's SPOT image."""


@dataclass(frozen=True)
class Layers:
    """What is read of each date."""

    selections: tuple[Selection, ...]
    """What is read, of each date."""
    revisits: tuple[Revisit, ...]
    """The dates."""
    masked: bool
    """Whether clouds are taken out."""

    @property
    def first(self) -> Selection:
        """What is read of the first date; the others have the same names."""
        return self.selections[0]

    @cached_property
    def native(self) -> Grid:
        """The grid that most dates have."""
        return common_grid(selection.reads[0][0].grid for selection in self.selections)


@dataclass(frozen=True)
class TimeStack:
    """Dates of a place on one grid."""

    values: np.ma.MaskedArray[Any, Any]
    """Physical units (float32) or classes, as `(time, band, y, x)`; masked where there is nothing to see."""
    names: tuple[str, ...]
    """Names of the bands."""
    layers: Layers
    """The dates, and what was read of them."""
    grid: Grid
    """Where the pixels lie."""


def choose_layers(revisits: Sequence[Revisit], mask: Mask, *, assets: Sequence[str] = (), **options: Any) -> Layers:
    """Find what a caller asks for in each date.

    Args:
        revisits: the dates; their order is kept.
        mask: what is taken out of each; a date that cannot tell is left out.
        assets: rasters to look in.
        options: bands, expression, index, render, everything.

    Raises:
        NoRevisitError: no date tells where clouds are.
        InvalidRequestError: a name is unknown, or dates differ in their bands.
    """
    masked = mask == "clouds"
    kept = tuple(each for each in revisits if not masked or cloud_asset(each.item))
    if not kept:
        raise NoRevisitError("None of these dates has a scene classification or a cloud mask: ask with mask=none.")
    layer = {name: options[name] for name in LAYER_OPTIONS if options.get(name)}
    selections = tuple(select(revisit.item, assets=assets, **layer) for revisit in kept)
    for revisit, selection in zip(kept, selections, strict=True):
        if selection.names != selections[0].names:
            raise InvalidRequestError(f"{revisit.item.id!r} has other bands than {kept[0].item.id!r}: name some.")
    return Layers(selections, kept, masked)


def choose_grid(aoi: AoiRecord, layers: Layers, name: GridName) -> Grid:
    """Return the grid of a name.

    Raises:
        NoRevisitError: the place has no SPOT image.
    """
    if name == "native":
        return layers.native
    if aoi.spot is None:
        raise NoRevisitError(f"{aoi.name!r} has no SPOT image: ask with grid=native.")
    return aoi.spot.default_asset.grid


def check_values(dates: int, bands: int, grid: Grid) -> int:
    """Return how many numbers an answer has.

    Raises:
        InvalidRequestError: they are too many.
    """
    count = dates * bands * grid.height * grid.width
    if count > MAX_VALUES:
        raise InvalidRequestError(
            f"{dates} dates of {bands} bands on {grid.height} x {grid.width} pixels are {count:,} numbers; at most "
            f"{MAX_VALUES:,} are given. Ask for fewer dates (limit, datetime, max_cloud), fewer bands, or grid=native."
        )
    return count


def build_stack(chips: Chips, layers: Layers, grid: Grid, resampling: str = NEAREST) -> TimeStack:
    """Read dates onto one grid; `turn` says whether they are not too many."""
    dates = [
        _read(chips, revisit, selection, grid, resampling, masked=layers.masked)
        for revisit, selection in zip(layers.revisits, layers.selections, strict=True)
    ]
    masks = [np.ma.getmaskarray(date) for date in dates]
    values = np.ma.MaskedArray(np.stack([date.data for date in dates]), mask=np.stack(masks))
    return TimeStack(values, tuple(layers.first.names), layers, grid)


@contextmanager
def turn(layers: Layers, grid: Grid) -> Iterator[None]:
    """Let few heavy answers be made at once: those who wait would keep tiles from being made.

    Raises:
        InvalidRequestError: the answer is too large.
        BusyError: as many large ones are being made as may be.
    """
    read = max(len(layers.first.picks), len(layers.first.names))
    if check_values(len(layers.revisits), read, grid) <= HEAVY_VALUES:
        yield
        return
    if not _heavy.acquire(blocking=False):
        raise BusyError(f"{_HEAVY_AT_ONCE} large stacks are being made; try again in a few seconds.")
    try:
        yield
    finally:
        _heavy.release()


def _read(
    chips: Chips, revisit: Revisit, selection: Selection, grid: Grid, resampling: str, *, masked: bool
) -> np.ma.MaskedArray[Any, Any]:
    stop_if_gone()
    bands: dict[tuple[str, int], np.ma.MaskedArray[Any, Any]] = {}
    for asset, indexes in selection.reads:
        aligned = read_aligned(chips, revisit.item, asset, indexes, grid, resampling=resampling).physical
        bands |= {(asset.key, index): aligned[row] for row, index in enumerate(indexes)}
    values = combine(selection, bands)
    if masked:
        values[:, cloud_mask(chips, revisit.item, grid)] = np.ma.masked
    return values
