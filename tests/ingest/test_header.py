"""What tags say, beside what GDAL says of the same file."""

import random
import struct
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetWriter, MemoryFile
from rasterio.transform import Affine

from ingest.header import Header
from ingest.raster import read_raster

Tiff = Callable[..., bytes]
BOUNDS = (13.1, 11.7, 13.2, 11.8)
LAYOUTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "deflate": {"compress": "deflate", "predictor": 2},
    "tiles of LZW": {"compress": "lzw", "tiled": True, "blockxsize": 64, "blockysize": 32},
    "ZSTD": {"compress": "zstd"},
    "nodata": {"nodata": 0},
}


def told_by_gdal(data: bytes) -> Header:
    """Header of a file as GDAL tells it."""
    with warnings.catch_warnings(), MemoryFile(data) as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(driver="GTiff") as src:
            return Header.of(src)


@pytest.mark.parametrize("place", [(None, None), (None, "EPSG:4326"), (BOUNDS, None), (BOUNDS, "EPSG:4326")])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_plain_file_says_what_gdal_says(
    tiff: Tiff, dtype: str, layout: dict[str, Any], interleave: str, place: tuple[Any, str | None]
) -> None:
    data = tiff(np.ones((3, 70, 65), dtype), *place, interleave=interleave, **layout)
    told = Header.parse(data)
    if place == (BOUNDS, None):
        assert told is None, "a place without a CRS is GDAL's to understand"
    else:
        assert told == told_by_gdal(data)


@pytest.mark.parametrize(
    "options",
    [
        {"crs": "EPSG:32633"},
        {"crs": "EPSG:4258"},
        {"ENDIANNESS": "BIG"},
        {"BIGTIFF": "YES"},
        {"compress": "packbits"},
        {"transform": Affine(1e-4, 1e-5, 13, 1e-5, -1e-4, 11)},
        {"transform": Affine(1e-4, 0, 13, 0, 1e-4, 11)},
        {"photometric": "miniswhite"},
    ],
    ids=repr,
)
def test_what_is_not_plain_is_left_to_gdal(tiff: Tiff, options: dict[str, Any]) -> None:
    given = {"bounds": None} if "transform" in options else {}
    assert Header.parse(tiff(np.ones((1, 20, 20), "uint8"), **given, **options)) is None


def edited(data: bytes, edit: Callable[[DatasetWriter], None]) -> bytes:
    """The file after an edit by GDAL."""
    with MemoryFile(data) as memory:
        with rasterio.open(memory.name, "r+") as dst:
            edit(dst)
        return bytes(memory.getbuffer())


def test_pixels_that_are_points_are_left_to_gdal(tiff: Tiff) -> None:
    data = tiff(np.ones((1, 20, 20), "uint8"))
    assert Header.parse(edited(data, lambda dst: dst.update_tags(AREA_OR_POINT="Point"))) is None


def test_an_overview_behind_the_image_is_left_to_gdal(tiff: Tiff) -> None:
    data = tiff(np.ones((1, 200, 200), "uint8"))
    assert Header.parse(edited(data, lambda dst: dst.build_overviews([2]))) is None


@pytest.mark.parametrize("cut", [0, 3, 8, 20, 100, 200])
def test_a_header_that_is_cut_is_left_to_gdal(tiff: Tiff, cut: int) -> None:
    assert Header.parse(tiff(np.ones((3, 20, 20), "uint8"))[:cut]) is None


def test_a_header_with_a_wrong_byte_says_what_gdal_says_or_nothing(tiff: Tiff) -> None:
    chance, compared = random.Random(7), 0  # noqa: S311 - nothing secret
    whole = tiff(np.ones((3, 17, 20), "float32"), compress="deflate")
    (directory,) = struct.unpack_from("<I", whole, 4)
    for _ in range(1500):
        data = bytearray(whole)
        data[directory + chance.randrange(280)] = chance.choice((0, 1, 2, 3, 4, 8, chance.randrange(256)))
        told = Header.parse(bytes(data))
        if told is None:
            continue
        with suppress(RasterioError):
            expected = told_by_gdal(bytes(data))
            compared += 1
            # GDAL knows no CRS where the words that describe it are damaged; nothing follows from that.
            assert expected.crs in {told.crs, None}
            # As text: a wrong byte may make NaN of a place, which equals nothing.
            assert repr(replace(told, crs=expected.crs)) == repr(expected)
    assert compared > 200


def test_the_same_raster_comes_of_either_way(tiff: Tiff, product: Callable[[str], Any]) -> None:
    pixels = np.random.default_rng(0).random((1, 30, 40)).astype("float32")
    plain, other = tiff(pixels), tiff(pixels, ENDIANNESS="BIG")
    assert Header.parse(plain) is not None
    assert Header.parse(other) is None
    ours, theirs = (read_raster(data, product("viewZenithMean")) for data in (plain, other))
    assert (ours.transform, ours.crs) == (theirs.transform, theirs.crs)
    assert np.array_equal(ours.pixels, theirs.pixels)
