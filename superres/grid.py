"""An item in blocks: each is read with a halo around it, so that a block and the whole agree in every pixel."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

BLOCK = 256
"""Most rows and columns of a block, in input pixels: an item of WorldStrat is one block."""


@dataclass(frozen=True)
class Window:
    """Part of a grid, in its pixels."""

    row: int
    """First row."""
    column: int
    """First column."""
    height: int
    """Rows."""
    width: int
    """Columns."""

    @classmethod
    def whole(cls, shape: tuple[int, ...]) -> "Window":
        """Return the window that is all of an array `(..., y, x)`."""
        return cls(0, 0, shape[-2], shape[-1])

    def of(self, scale: int) -> tuple[slice, slice]:
        """Return the rows and columns of this window on a grid that is finer by a factor."""
        rows = slice(self.row * scale, (self.row + self.height) * scale)
        return rows, slice(self.column * scale, (self.column + self.width) * scale)

    def within(self, outer: "Window") -> "Window":
        """Return this window as seen from the corner of another."""
        return Window(self.row - outer.row, self.column - outer.column, self.height, self.width)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Tell whether it holds something and lies inside an array `(..., y, x)`."""
        positive = min(self.height, self.width) > 0 and min(self.row, self.column) >= 0
        return positive and self.row + self.height <= shape[-2] and self.column + self.width <= shape[-1]


def blocks(window: Window, size: int = BLOCK) -> Iterator[Window]:
    """Cut a window into blocks of at most `size` rows and columns, row by row."""
    for row in range(window.row, window.row + window.height, size):
        height = min(size, window.row + window.height - row)
        for column in range(window.column, window.column + window.width, size):
            yield Window(row, column, height, min(size, window.column + window.width - column))


def read_with_halo(image: NDArray[T], window: Window, halo: int) -> NDArray[T]:
    """Return a window with `halo` pixels around it; beyond the edges the image is mirrored.

    Args:
        image: `(..., y, x)`.
        window: lies inside the image.
        halo: pixels on each side.

    Returns:
        `(..., height + 2 * halo, width + 2 * halo)`. It depends on the image and the place alone, never on how the
        image is cut into windows.
    """
    rows = _mirrored(np.arange(window.row - halo, window.row + window.height + halo), image.shape[-2])
    columns = _mirrored(np.arange(window.column - halo, window.column + window.width + halo), image.shape[-1])
    return image[..., rows[:, None], columns]


def _mirrored(indexes: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Fold indexes back into `0..size-1`: -1 is 0 again, -2 is 1."""
    folded = indexes % (2 * size)
    return np.minimum(folded, 2 * size - 1 - folded)
