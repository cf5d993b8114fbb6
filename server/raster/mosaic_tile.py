"""A tile of a mosaic: marks where an image is a few pixels wide, pixels where it is more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rio_tiler.errors import EmptyMosaicError, TileOutsideBounds
from rio_tiler.models import ImageData

from server.raster.errors import InvalidRecordError, InvalidRequestError, ItemNotFoundError
from server.raster.mosaic_index import Index, MosaicIndexes
from server.raster.mosaic_marks import Frame, grow, has_means, mean_values, paint_marks
from server.raster.selection import Selection

READ_FROM = 8.0
"""Pixels of a tile along an image's longer side from which on it is read; below, a mark stands for it."""
_TRIED = 10  # items asked in vain before a name counts as wrong: one may lack what its neighbours have
_GONE = ItemNotFoundError, InvalidRecordError  # items that the catalog had when it was looked at, or cannot be read
_SEEN = 4  # times as many items as are read are asked

Read = Callable[[Sequence[int]], tuple[ImageData, list[int]]]
Select = Callable[[int], Selection]


@dataclass(frozen=True)
class Layers:
    """What makes a tile."""

    indexes: MosaicIndexes
    """What the bands of items are on average."""
    index: Index
    """The best items, of which some lie on the tile."""
    frame: Frame
    """The tile."""
    read: Read
    """Reads items by number and puts them together, the first on top; tells which it read."""
    select: Select
    """What is asked for of an item."""
    limit: int
    """Most items that are read."""
    marked: bool = True
    """Whether marks may stand for items: they are in physical units."""

    def draw(self) -> tuple[ImageData, list[int]] | None:
        """Return the tile and the numbers of the items on it, None where there is nothing."""
        places = self.frame.place(self.index.projected(self.frame.tms))
        pixels = grow(places, self.frame.mark)
        near = self._near(pixels)
        sides = (places[near, 2:] - places[near, :2]).max(axis=1)
        reading = self._reading(near, sides, places[near])
        aois = self.index.aois
        others = near[~np.isin(aois[near], aois[reading])]
        read = self._read(reading, places)
        marks = self._marks(others, pixels)
        return _merge(read, marks)

    def _near(self, pixels: NDArray[np.int64]) -> NDArray[np.int64]:
        left, top, right, bottom = pixels.T
        size = self.frame.size
        return np.flatnonzero((left < size) & (right > 0) & (top < size) & (bottom > 0))

    def _reading(
        self, near: NDArray[np.int64], sides: NDArray[np.float64], places: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return the items to read: those that are large enough, or all where no mark says what they are."""
        size = self.frame.size
        inside = (places[:, :2] < size).all(axis=1) & (places[:, 2:] > 0).all(axis=1)
        small = near[inside & (sides < READ_FROM)]
        if not len(small) or (self.marked and self._means(small)):
            inside &= sides >= READ_FROM
        return self._readable(near[inside])

    def _readable(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return as many items as are read, without those that lack what their neighbours have.

        Raises:
            InvalidRequestError: all of those asked lack it.
        """
        readable: list[int] = []
        failure: InvalidRequestError | None = None
        for tried, number in enumerate(numbers[: _SEEN * self.limit].tolist(), 1):
            try:
                self.select(number)
            except InvalidRequestError as error:
                failure = failure or error
            except _GONE:
                continue
            else:
                readable.append(number)
            if len(readable) == self.limit or (tried >= _TRIED and not readable):
                break
        if failure and not readable:
            raise failure
        return np.array(readable, np.int64)

    def _read(self, reading: NDArray[np.int64], places: NDArray[np.float64]) -> tuple[ImageData, list[int]] | None:
        """Read the first item of each AOI, then what lies below the holes in them."""
        top, below = reading[self.index.first[reading]], reading[~self.index.first[reading]]
        found = self._read_some(top)
        if found is None:
            return self._read_some(below)
        holes: NDArray[Any] = np.ma.getmaskarray(found[0].array)
        wanted = [number for number in below if _window(places[number], holes).any()]
        under = self._read_some(wanted)
        return found if under is None else _merge(found, under)

    def _read_some(self, numbers: Sequence[int] | NDArray[np.int64]) -> tuple[ImageData, list[int]] | None:
        if not len(numbers):
            return None
        try:
            return self.read([int(number) for number in numbers])
        except (EmptyMosaicError, TileOutsideBounds):
            return None

    def _marks(self, numbers: NDArray[np.int64], pixels: NDArray[np.int64]) -> tuple[ImageData, list[int]] | None:
        """Mark each AOI by its first item, or where this has not what is asked for, by the next that has."""
        if not len(numbers) or not self.marked:
            return None
        columns = self._columns(numbers[self.index.first[numbers]])
        aois = self.index.aois
        told = np.fromiter(columns, np.int64, len(columns))
        below = numbers[~np.isin(aois[numbers], aois[told]) & ~self.index.first[numbers]]
        columns |= self._columns(below)
        found = np.array([number for number in numbers.tolist() if number in columns], np.int64)
        if not len(found):
            return None
        shown = found[np.sort(np.unique(aois[found], return_index=True)[1])].tolist()
        values = np.stack([columns[number] for number in shown], axis=1)
        return paint_marks(self.frame, pixels[shown], np.ma.masked_invalid(values)), shown

    def _columns(self, numbers: NDArray[np.int64]) -> dict[int, NDArray[np.float32]]:
        """Return what is asked for, on average of each of these items that has it."""
        columns: dict[int, NDArray[np.float32]] = {}
        for members in self.index.members.values():
            some = numbers[np.isin(numbers, members)]
            selection = self._means(some) if len(some) else None
            if selection is None:
                continue
            found = mean_values(self.indexes, self.index, some, selection)
            means = np.where(np.ma.getmaskarray(found), np.float32(np.nan), found.data.astype(np.float32))
            known = zip(some.tolist(), means.T, strict=True)
            columns |= {number: column for number, column in known if not np.isnan(column).any()}
        return columns

    def _means(self, numbers: NDArray[np.int64]) -> Selection | None:
        """Return what is asked for of the first of some items that has it, None where it has no mean."""
        for number in numbers[:_TRIED].tolist():
            try:
                selection = self.select(number)
            except (InvalidRequestError, *_GONE):
                continue
            return selection if has_means(selection) else None
        return None


def unexplicit(selection: Selection) -> Selection:
    """Return a selection whose render the mosaic chose: a caller who wants numbers gets them unpainted."""
    return replace(selection, explicit=False)


def _window(place: NDArray[np.float64], pixels: NDArray[Any]) -> NDArray[Any]:
    left, top = np.floor(np.clip(place[:2], 0, None)).astype(int)
    right, bottom = np.ceil(np.clip(place[2:], 0, None)).astype(int)
    return pixels[:, top:bottom, left:right]


def _merge(
    above: tuple[ImageData, list[int]] | None, below: tuple[ImageData, list[int]] | None
) -> tuple[ImageData, list[int]] | None:
    """Put one image over another."""
    if above is None or below is None:
        return above or below
    (upper, names), (lower, more) = above, below
    if upper.count != lower.count:
        return above
    hole = np.ma.getmaskarray(upper.array)
    data = np.where(hole, lower.array.data, upper.array.data)
    merged = np.ma.MaskedArray(data, mask=hole & np.ma.getmaskarray(lower.array))
    image = ImageData(merged, bounds=upper.bounds, crs=upper.crs, band_names=upper.band_names)
    return image, names + more
