"""Tiles from memory against rio-tiler's, which come from the same raster by GDAL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import morecantile
import numpy as np
import pytest
import rasterio
from morecantile import Tile
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds
from rio_tiler.io import Reader

from server.raster.decoded import Decoded, decode
from server.raster.tile import create_image, is_plain
from server.raster.warp import SEPARABLE, touches, warp_tile

CAPACITY = 1 << 28
SPOT: dict[str, Any] = {"count": 4, "side": 1054, "overviews": True, "scale": 0.0001}
SENTINEL2: dict[str, Any] = {"count": 12, "side": 158, "nodata": 0, "scale": 0.0001}
CLASSES: dict[str, Any] = {"count": 1, "side": 158, "nodata": 255, "dtype": "uint8"}
ANGLES: dict[str, Any] = {"count": 1, "side": 158, "nodata": float("nan"), "dtype": "float32"}
PLACES = {"north": (7.0, 47.0), "south": (-58.4, -34.6), "equator": (30.1, -0.007), "far north": (25.5, 71.0)}


@contextmanager
def opened(place: str, kind: dict[str, Any], tms: str = "WebMercatorQuad") -> Iterator[tuple[Decoded, Reader]]:
    """A raster of noise with holes, decoded and as rio-tiler sees it."""
    west, south = PLACES[place]
    side, count, nodata = kind["side"], kind["count"], kind.get("nodata")
    dtype = kind.get("dtype", "uint16")
    pixels = np.random.default_rng(7).integers(1, 250, (count, side + 1, side)).astype(dtype)
    if nodata is not None:
        pixels[0, 20:60, 20:60] = nodata
        pixels[:, 80:100, 20:100] = nodata
    shape = {"count": count, "height": side + 1, "width": side, "dtype": dtype, "nodata": nodata}
    transform = from_bounds(west, south, west + 0.021, south + 0.0144, side, side + 1)
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", crs="EPSG:4326", transform=transform, **shape) as dst:
            dst.write(pixels)
            dst.scales = (kind.get("scale", 1.0),) * count
            if kind.get("overviews"):
                dst.build_overviews([2, 4], Resampling.average)
        with memory.open() as dataset, Reader(None, dataset, tms=morecantile.tms.get(tms)) as reader:
            decoded = decode(dataset, CAPACITY)
            assert decoded is not None
            yield decoded, reader


def some_tiles(reader: Reader, zoom: int) -> list[Tile]:
    """Some of those that touch the raster, the corners among them: they lie partly outside."""
    found = [tile for tile in reader.tms.tiles(*reader.bounds, zooms=[zoom]) if reader.tile_exists(*tile)]
    return [*found[:: max(1, len(found) // 2)], found[-1]]


@pytest.mark.parametrize("scheme", sorted(SEPARABLE))
@pytest.mark.parametrize("kind", [SPOT, SENTINEL2, CLASSES, ANGLES], ids=["spot", "sentinel2", "classes", "angles"])
@pytest.mark.parametrize("place", PLACES)
def test_every_tile_equals_rio_tilers(place: str, kind: dict[str, Any], scheme: str) -> None:
    with opened(place, kind, scheme) as (raster, reader):
        for zoom in (reader.maxzoom + step for step in (-2, -1, 0, 1, 4)):
            for tile in some_tiles(reader, zoom):
                for size, indexes in ((None, (1,)), (512, tuple(range(1, kind["count"] + 1))), (256, (1,) * 2)):
                    tiled = warp_tile(raster, reader.tms, tile, size, indexes)
                    assert tiled is not None
                    expected = reader.tile(*tile, size, indexes=indexes)
                    np.testing.assert_allclose(tiled.bounds, expected.bounds, atol=1e-9)
                    mask = np.broadcast_to(tiled.mask, tiled.data.shape)
                    masked = np.ma.getmaskarray(expected.array)
                    assert (mask == masked).mean() >= 0.999, tile
                    assert (tiled.data != expected.array.data)[~masked & ~mask].sum() <= 0.001 * mask.size, tile


@pytest.mark.parametrize("place", PLACES)
def test_a_tile_touches_a_raster_where_rio_tiler_says_so(place: str) -> None:
    with opened(place, SENTINEL2) as (raster, reader):
        west, south, east, north = reader.bounds
        around = reader.tms.tiles(west - 0.05, south - 0.05, east + 0.05, north + 0.05, zooms=[15])
        said = [(touches(raster.bounds, reader.tms, tile), reader.tile_exists(*tile)) for tile in around]
        assert {True, False} == {ours for ours, _ in said}
        assert all(ours == theirs for ours, theirs in said)


@pytest.mark.parametrize("place", ["south", "far north"])
@pytest.mark.parametrize("indexes", [(1,), (1, 2, 3, 4)], ids=["one band", "all bands"])
def test_overviews_are_taken_where_gdal_takes_them(place: str, indexes: tuple[int, ...]) -> None:
    """Noise of one level says which level a pixel is of."""
    with opened(place, SPOT) as (raster, reader):
        tile = some_tiles(reader, reader.maxzoom - 1)[0]
        left, _, right, _ = reader.tms.bounds(tile)
        pixels = (right - left) / 0.021 * SPOT["side"]
        for pixel in (1.2, 1.5, 1.65, 2.0, 2.4, 3.0, 3.4, 4.0, 5.0):
            size = round(pixels / pixel)
            expected = reader.tile(*tile, size, indexes=indexes).array
            tiled = warp_tile(raster, reader.tms, tile, size, indexes)
            assert tiled is not None
            seen = ~np.ma.getmaskarray(expected)
            assert (tiled.data == expected.data)[seen].mean() >= 0.999, pixel


def test_other_tile_schemes_are_left_to_gdal() -> None:
    with opened("north", SPOT) as (raster, _):
        tms = morecantile.tms.get("UTM31WGS84Quad")
        assert warp_tile(raster, tms, tms.tile(7.01, 47.01, 12), None, (1,)) is None


@pytest.mark.parametrize(
    "options",
    [{"resampling_method": "bilinear"}, {"reproject_method": "cubic"}, {"buffer": 1.0}, {"padding": 2}, {"nodata": 0}],
)
def test_whatever_takes_more_than_picking_is_left_to_gdal(options: dict[str, Any]) -> None:
    assert is_plain({"unscale": True, "resampling_method": "nearest", "buffer": None})
    assert not is_plain({"unscale": True, **options})


def test_rasters_that_are_turned_masked_elsewhere_or_too_large_are_not_decoded() -> None:
    straight = from_bounds(7, 47, 7.1, 47.1, 10, 10)
    shape = {"driver": "GTiff", "count": 1, "height": 10, "width": 10, "dtype": "uint8"}
    turned = straight * rasterio.Affine.rotation(10)
    for crs, transform, mask, capacity, fits in (
        ("EPSG:4326", straight, False, 100, True),
        ("EPSG:4326", straight, False, 99, False),
        ("EPSG:4326", straight, True, 100, False),
        ("EPSG:4326", turned, False, 100, False),
        ("EPSG:3857", straight, False, 100, False),
    ):
        with MemoryFile() as memory:
            with memory.open(crs=crs, transform=transform, **shape) as dst:
                dst.write(np.ones((1, 10, 10), "uint8"))
                if mask:
                    dst.write_mask(np.eye(10, dtype="uint8") * 255)
            with memory.open() as dataset:
                assert (decode(dataset, capacity) is not None) == fits


def test_decoded_numbers_cannot_be_written() -> None:
    with opened("north", CLASSES) as (raster, _), pytest.raises(ValueError, match="read-only"):
        raster.bands[0, 0, 0] = 1


@pytest.mark.parametrize("kind", [SPOT, SENTINEL2], ids=["spot", "sentinel2"])
@pytest.mark.parametrize("ranges", [((0.0, 0.3),), ((0.001, 0.02), (0.0, 0.01), (0.003, 0.0171))])
def test_bytes_by_table_are_those_of_rio_tiler(kind: dict[str, Any], ranges: Any) -> None:
    with opened("north", kind) as (raster, reader):
        for tile in some_tiles(reader, reader.maxzoom):
            expected = reader.tile(*tile, indexes=(1, 2, 3), unscale=True)
            tiled = warp_tile(raster, reader.tms, tile, None, (1, 2, 3))
            assert tiled is not None
            physical, painted = (
                create_image(raster, tiled, (1, 2, 3), reader.tms.rasterio_crs, unscale=True) for _ in range(2)
            )
            assert physical.array.dtype == expected.array.dtype
            same = ~expected.array.mask
            np.testing.assert_array_equal(physical.array.data[same], expected.array.data[same])
            np.testing.assert_array_equal(painted.rescale(ranges).array.data, expected.rescale(ranges).array.data)
            np.testing.assert_array_equal(painted.mask, expected.mask)
