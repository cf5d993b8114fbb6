"""Ground that is taken: no two AOIs may share any, or a training set would see its test set."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import product
from math import floor
from typing import Final

from catalog.metadata import Bounds

_CELL: Final = 0.25
"""Degrees; AOIs are a tenth of that."""


class TakenGround:
    """Bounds by the cells that they touch."""

    def __init__(self, bounds: Iterable[Bounds] = ()) -> None:
        """Begin with some AOIs, which may overlap each other."""
        self._cells: dict[tuple[int, int], list[Bounds]] = defaultdict(list)
        for one in bounds:
            self._add(one)

    def take(self, bounds: Bounds) -> bool:
        """Take ground, or return False where some of it is taken."""
        west, south, east, north = bounds
        for cell in _cells(bounds):
            for other in self._cells.get(cell, ()):
                if west < other[2] and other[0] < east and south < other[3] and other[1] < north:
                    return False
        self._add(bounds)
        return True

    def _add(self, bounds: Bounds) -> None:
        for cell in _cells(bounds):
            self._cells[cell].append(bounds)


def _cells(bounds: Bounds) -> Iterator[tuple[int, int]]:
    west, south, east, north = (floor(value / _CELL) for value in bounds)
    return product(range(west, east + 1), range(south, north + 1))
