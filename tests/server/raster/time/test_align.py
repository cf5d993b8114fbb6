from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from rasterio.enums import Resampling
from rasterio.io import DatasetReader, MemoryFile
from rasterio.transform import from_bounds
from rasterio.warp import reproject, transform, transform_bounds

from server.raster.decoded import Decoded, decode
from server.raster.record import AssetRecord, BandRecord, Grid, ItemRecord
from server.raster.time.align import common_grid, read_aligned, window

BOUNDS = (10.0, 50.0, 10.02, 50.02)


@dataclass(frozen=True)
class OneRaster:
    """A raster in memory."""

    data: bytes

    def decoded(self, item: Any, asset: Any, *, coarse: bool = False) -> Decoded | None:
        with self.open(item, asset) as dataset:
            return decode(dataset, 1 << 20, coarse=coarse)

    @contextmanager
    def open(self, item: Any, asset: Any) -> Iterator[DatasetReader]:  # noqa: ARG002
        with MemoryFile(self.data) as memory, memory.open() as dataset:
            yield dataset


def grid(width: int, height: int) -> Grid:
    return Grid(from_bounds(*BOUNDS, width, height), height, width)


def asset(on: Grid, unit: str | None) -> AssetRecord:
    return AssetRecord("data", "href", "1", None, on, (BandRecord("B01", None, None),), unit, MappingProxyType({}))


def raster(values: np.ndarray, on: Grid, crs: str = "EPSG:4326", **options: Any) -> OneRaster:
    profile = {"driver": "GTiff", "count": 1, "dtype": values.dtype, "height": on.height, "width": on.width}
    with MemoryFile() as memory:
        with memory.open(transform=on.transform, crs=crs, nodata=options.pop("nodata", None), **profile) as dst:
            dst.write(values, 1)
            dst.scales = (options.pop("scale", 1.0),)
        return OneRaster(bytes(memory.read()))


ITEM: Any = ItemRecord("c", "i", MappingProxyType({}), MappingProxyType({}), "1")


@pytest.mark.parametrize("shape", [(20, 21), (21, 20), (19, 23), (20, 20)])
def test_a_date_with_another_row_or_column_comes_onto_the_grid_as_gdal_would_bring_it(shape: tuple[int, int]) -> None:
    height, width = shape
    values = np.random.default_rng(1).integers(0, 5000, shape).astype("uint16")
    own, target = grid(width, height), grid(20, 20)
    found = read_aligned(raster(values, own, nodata=0, scale=0.0001), ITEM, asset(own, "1"), (1,), target)
    wanted = np.zeros((20, 20), "uint16")
    reproject(
        values,
        wanted,
        src_transform=own.transform,
        src_crs="EPSG:4326",
        dst_transform=target.transform,
        dst_crs="EPSG:4326",
        resampling=Resampling.nearest,
    )
    np.testing.assert_array_equal(found.data[0], wanted)
    np.testing.assert_array_equal(found.mask[0], wanted == 0)
    np.testing.assert_allclose(found.physical.data[0], wanted * 0.0001, rtol=1e-6)


def test_what_lies_beyond_a_raster_is_masked() -> None:
    own = grid(10, 10)
    shifted = window(Grid(own.transform @ own.transform.translation(5, 0), 10, 10), (10.01, 50.0, 10.03, 50.02))
    found = read_aligned(raster(np.ones((10, 10), "uint8"), own), ITEM, asset(own, None), (1,), shifted)
    assert found.mask[0, :, 5:].all()
    assert not found.mask[0, :, :5].any()


def test_a_raster_in_other_coordinates_is_warped() -> None:
    west, south, east, north = transform_bounds("EPSG:4326", "EPSG:32632", *BOUNDS)
    own = Grid(from_bounds(west - 500, south - 500, east + 500, north + 500, 90, 90), 90, 90)
    values = np.arange(8100, dtype="uint16").reshape(90, 90)
    target = grid(20, 20)
    found = read_aligned(raster(values, own, "EPSG:32632"), ITEM, asset(own, "1"), (1,), target)
    lon, lat = np.meshgrid(*(np.linspace(low, high, 41)[1::2] for low, high in ((10, 10.02), (50.02, 50.0))))
    x, y = transform("EPSG:4326", "EPSG:32632", lon.ravel(), lat.ravel())
    column, row = ~own.transform * (np.array(x), np.array(y))
    wanted = values[row.astype(int), column.astype(int)].reshape(20, 20)
    assert not found.mask.any()
    # GDAL approximates to an eighth of a pixel.
    assert (found.data[0] == wanted).mean() > 0.9
    assert set(np.unique(np.abs(found.data[0] - wanted))) <= {0, 1, 90}


def test_the_grid_of_most_dates_wins_and_the_first_of_equals() -> None:
    assert common_grid([grid(20, 21), grid(20, 20), grid(20, 20)]) == grid(20, 20)
    assert common_grid([grid(20, 21), grid(20, 20)]) == grid(20, 21)


def test_a_window_holds_every_pixel_that_a_box_touches() -> None:
    whole = grid(20, 20)
    part = window(whole, (10.0051, 50.0051, 10.0079, 50.0059))
    assert (part.width, part.height) == (3, 1)
    np.testing.assert_allclose(part.bounds, (10.005, 50.005, 10.008, 50.006))
    assert window(whole, (0, 0, 90, 90)) == whole
