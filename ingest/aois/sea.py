"""Which water is sea: found in SMOD itself, where the authors asked a mask of the land."""

from functools import cached_property
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt
from rasterio.features import sieve

from catalog.landuse import SMOD_CLASSES
from ingest.aois.globe import Degrees, Globe

SEA_AREA: Final = 150_000.0
"""Square kilometres from which a body of water is sea: Lake Superior has 82,000, the Baltic 377,000."""
CELL: Final = 10
"""Pixels of SMOD, kilometres, along the side of a cell."""
_WATER_SMOD: Final = 10
_WATER_LCCS: Final = 210
_LAND: Final = np.array([code for code in SMOD_CLASSES if code != _WATER_SMOD], np.int16)


class Sea:
    """Cells of an equal-area raster of SMOD that are wholly water and belong to a great body of it."""

    def __init__(self, smod: Globe) -> None:
        """Take the raster; its cells are found when they are first asked for, in one pass over it."""
        self._smod = smod

    def covers(self, lon: Degrees, lat: Degrees, lccs: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
        """Tell which points lie in the sea: water by LCCS, in a cell of sea or beside one.

        Lakes and rivers stay, as in the published dataset; so does every point that LCCS calls land.
        """
        rows, columns = self._smod.pixels(lon, lat)
        height, width = self._cells.shape
        row, column = np.clip(rows // CELL, 0, height - 1), np.clip(columns // CELL, 0, width - 1)
        return np.asarray((lccs == _WATER_LCCS) & self._near[row, column])

    @cached_property
    def _cells(self) -> npt.NDArray[np.bool_]:
        """Cells of sea, (y, x).

        Raises:
            SampleAoisError: the raster is not in metres.
        """
        rows, columns, pixel = self._smod.describe()
        water = np.ones((-(-rows // CELL), -(-columns // CELL)), np.uint8)
        for top, left, tile in self._smod.tiles(CELL):
            height, width = (-(-side // CELL) for side in tile.shape)
            padded = np.zeros((height * CELL, width * CELL), np.bool_)
            padded[: tile.shape[0], : tile.shape[1]] = np.isin(tile, _LAND)
            land = padded.reshape(height, CELL, width, CELL).any(axis=(1, 3))
            water[top // CELL : top // CELL + height, left // CELL : left // CELL + width] = ~land
        smallest = max(1, round(SEA_AREA * 1e6 / (pixel * CELL * CELL)))
        # Sieving gives bodies of water below the size to the land around them; islands are put back.
        return np.asarray((sieve(water, smallest, connectivity=4) == 1) & (water == 1))

    @cached_property
    def _near(self) -> npt.NDArray[np.bool_]:
        """Cells of sea and their eight neighbours."""
        padded = np.pad(self._cells, 1)
        height, width = self._cells.shape
        near = np.zeros_like(self._cells)
        for y, x in product(range(3), repeat=2):
            near |= padded[y : y + height, x : x + width]
        return near
