"""A tile of one raster from its numbers in memory, as an image that counts in physical units only where asked to."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rio_tiler.models import ImageData, rescale_image
from rio_tiler.types import IntervalTuple

from server.raster.decoded import Decoded
from server.raster.warp import Tiled

_BYTES: Sequence[IntervalTuple] = ((0, 255),)
_MORE = ("nodata", "buffer", "padding")  # options that take more than picking rows and columns


class TileImage(ImageData):
    """An image of stored integers with a scale.

    `array` is in physical units, as rio-tiler gives it, but computed when first asked for; what becomes bytes by a
    range never needs it: a table says for each stored number what byte it makes.
    """

    def __init__(self, tiled: Tiled, scales: Sequence[float], offsets: Sequence[float], **facts: Any) -> None:
        """Create the image of a tile; `scales` and `offsets` are those of its bands, `facts` rio-tiler's own."""
        count = len(tiled.data)
        super().__init__(np.ma.empty((1, 1, 1)), scales=[1.0] * count, offsets=[0.0] * count, **facts)
        self._values: np.ma.MaskedArray[Any, Any] | None = None
        self._tiled = tiled
        self._units = tuple(zip(scales, offsets, strict=True))

    @property
    def array(self) -> np.ma.MaskedArray[Any, Any]:
        """The numbers in physical units."""
        if self._values is None:
            self._values = self._look_up([_physical(self._tiled.data.dtype, *unit) for unit in self._units])
        return self._values

    @array.setter
    def array(self, values: np.ma.MaskedArray[Any, Any]) -> None:
        self._values = values

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers, without computing them."""
        return np.dtype("float32") if self._values is None else self._values.dtype

    @property
    def count(self) -> int:
        """Number of bands."""
        return len(self._tiled.data) if self._values is None else len(self._values)

    @property
    def mask(self) -> NDArray[Any]:
        """255, or the most that the numbers can be, where a band has data, as `(y, x)`."""
        if self._values is None or self.dtype != np.uint8 or self.alpha_mask is not None:
            return super().mask
        hidden = self._tiled.mask
        return np.where(hidden[0] if len(hidden) == 1 else hidden.all(axis=0), np.uint8(0), np.uint8(255))

    def rescale(
        self,
        in_range: Sequence[IntervalTuple],
        out_range: Sequence[IntervalTuple] = _BYTES,
        out_dtype: Any = "uint8",
    ) -> Self:
        """Make bytes of the numbers; the same bytes as rio-tiler's."""
        if self._values is not None or tuple(out_range) != _BYTES or out_dtype != "uint8":
            return super().rescale(in_range, out_range, out_dtype)
        ranges = in_range if len(in_range) == self.count else [in_range[0]] * self.count
        dtype = self._tiled.data.dtype
        tables = [
            _bytes(dtype, *unit, *map(float, low_high)) for unit, low_high in zip(self._units, ranges, strict=True)
        ]
        image = self._look_up(tables)
        if self._tiled.mask.any():
            np.multiply(image.data, ~self._tiled.mask, out=image.data)
        self._values = image
        return self

    def _look_up(self, tables: Sequence[NDArray[Any]]) -> np.ma.MaskedArray[Any, Any]:
        stored, mask = self._tiled.data, self._tiled.mask
        data = np.empty(stored.shape, tables[0].dtype)
        for out, band, table in zip(data, stored, tables, strict=True):
            table.take(band, out=out, mode="clip")
        return np.ma.MaskedArray(data, mask=np.broadcast_to(mask, data.shape))


def create_image(raster: Decoded, tiled: Tiled, indexes: Sequence[int], crs: CRS, *, unscale: bool) -> ImageData:
    """Return a tile of a raster as an image.

    Args:
        raster: the raster.
        tiled: the tile of it.
        indexes: numbers of its bands, from 1.
        crs: coordinates of the tile.
        unscale: in physical units rather than as stored.
    """
    scales = [raster.scales[index - 1] for index in indexes]
    offsets = [raster.offsets[index - 1] for index in indexes]
    names = [f"b{index}" for index in indexes]
    facts: dict[str, Any] = {"bounds": tiled.bounds, "crs": crs, "band_names": names, "band_descriptions": names}
    if unscale and raster.scaled:
        return TileImage(tiled, scales, offsets, **facts)
    array = np.ma.MaskedArray(tiled.data, mask=np.broadcast_to(tiled.mask, tiled.data.shape))
    return ImageData(array, scales=scales, offsets=offsets, **facts)


def is_plain(options: Mapping[str, Any]) -> bool:
    """Tell whether a tile is to be read as nearly all are: nearest pixels, nothing around it, the file's own nodata."""
    nearest = all(options.get(name) in {None, "nearest"} for name in ("resampling_method", "reproject_method"))
    known = options.keys() <= {"resampling_method", "reproject_method", "unscale", *_MORE}
    return nearest and known and all(options.get(name) is None for name in _MORE)


@lru_cache(maxsize=64)
def _physical(dtype: np.dtype[Any], scale: float, offset: float) -> NDArray[np.float32]:
    """Return the physical value of each stored number, rounded as rio-tiler rounds it."""
    table = np.arange(np.iinfo(dtype).max + 1).astype("float32")
    np.multiply(table, np.float64(scale), out=table, casting="unsafe", dtype="float64")
    np.add(table, np.float64(offset), out=table, casting="unsafe", dtype="float64")
    return table


@lru_cache(maxsize=256)
def _bytes(dtype: np.dtype[Any], scale: float, offset: float, low: float, high: float) -> NDArray[np.uint8]:
    """Return the byte that each stored number makes where `low` becomes 0 and `high` 255."""
    values = np.ma.MaskedArray(_physical(dtype, scale, offset)[None, None].copy(), mask=False)
    table: NDArray[np.uint8] = rescale_image(values, ((low, high),)).data[0, 0]
    return table
