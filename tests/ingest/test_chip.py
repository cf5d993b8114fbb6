from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile
from rasterio.transform import Affine, from_bounds
from rio_cogeo.cogeo import cog_validate

from catalog.bands import Product
from ingest import chip, geotiff
from ingest.errors import RasterError
from ingest.pixels import StoredPixels
from ingest.raster import Grid

Find = Callable[[str], Product]
BOUNDS = (13.149952430965635, 11.777710980299387, 13.164460606373925, 11.792004313888725)
NAN = float("nan")
# Suffix of the product, shape, type, nodata, scale.
KINDS = [
    ("L2A_data", (157, 160), "uint16", 0, 0.0001),
    ("L1C_data", (160, 156), "float32", 0, None),
    ("CLM", (157, 161), "uint8", 255, None),
    ("SCL", (1, 1), "uint8", None, None),
    ("sunZenithAngles", (157, 160), "float32", NAN, None),
    ("rgbn", (263, 263), "uint16", None, 0.0001),
    ("pan", (512, 512), "uint16", None, 0.0001),
]
FACTS = ("transform", "crs", "descriptions", "scales", "offsets", "units", "colorinterp", "mask_flag_enums")


def made(suffix: str, shape: tuple[int, int], dtype: str, values: str, find: Find) -> tuple[np.ndarray[Any, Any], Grid]:
    """Pixels of a product, and a grid as published."""
    full = (len(find(suffix).bands), *shape)
    floating = dtype == "float32"
    made = {
        "noise": np.random.default_rng(0).uniform(0, 255, full),
        "zeros": np.zeros(full),
        "the largest": np.full(full, np.nan if floating else np.iinfo(dtype).max),
    }
    return made[values].astype(dtype), Grid(*shape, from_bounds(*BOUNDS, shape[1], shape[0]))


@pytest.mark.parametrize("values", ["noise", "zeros", "the largest"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_a_chip_is_to_gdal_what_gdal_itself_would_have_written(product: Find, kind: Any, values: str) -> None:
    suffix, shape, dtype, nodata, scale = kind
    pixels, grid = made(suffix, shape, dtype, values, product)
    stored = StoredPixels(pixels, nodata, scale)
    assert chip.fits(grid)
    ours, theirs = (form.encode(stored, grid, product(suffix)) for form in (chip, geotiff))
    with MemoryFile(ours) as a, MemoryFile(theirs) as b, a.open() as src, b.open() as expected:
        assert cog_validate(a.name, strict=True, quiet=True) == (True, [], [])
        assert repr(src.profile) == repr(expected.profile)
        assert [getattr(src, fact) for fact in FACTS] == [getattr(expected, fact) for fact in FACTS]
        structure = src.tags(ns="IMAGE_STRUCTURE")
        assert structure.items() <= expected.tags(ns="IMAGE_STRUCTURE").items()
        assert set(structure) >= {"COMPRESSION", "PREDICTOR"}
        assert np.array_equal(src.read(), pixels, equal_nan=dtype == "float32")


@pytest.mark.parametrize("form", [chip, geotiff])
@pytest.mark.parametrize("suffix", ["L2A_data", "CLM"])
def test_what_is_written_comes_back_with_the_size_of_its_header(product: Find, form: Any, suffix: str) -> None:
    pixels, grid = made(suffix, (157, 160), "uint8", "noise", product)
    data = form.encode(StoredPixels(pixels, None, None), grid, product(suffix))
    back, header = form.read_back(data)
    assert np.array_equal(back, pixels)
    with MemoryFile(data) as memory, memory.open() as src:
        assert header == min(int(src.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=band)) for band in src.indexes)


def test_the_same_pixels_give_the_same_bytes(product: Find) -> None:
    pixels, grid = made("L2A_data", (157, 160), "uint16", "noise", product)
    first, second = (chip.encode(StoredPixels(pixels, 0, 0.0001), grid, product("L2A_data")) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("form", [chip, geotiff])
def test_a_cog_that_is_cut_is_not_taken_for_good(product: Find, form: Any) -> None:
    pixels, grid = made("L2A_data", (157, 160), "uint16", "noise", product)
    data = form.encode(StoredPixels(pixels, 0, 0.0001), grid, product("L2A_data"))
    with pytest.raises(RasterError, match="cannot be read back"):
        form.read_back(data[: len(data) // 2])


def test_a_raster_that_is_turned_or_larger_than_a_block_is_left_to_gdal() -> None:
    assert not chip.fits(Grid(513, 512, from_bounds(*BOUNDS, 512, 513)))
    assert not chip.fits(Grid(10, 10, Affine(1, 0.1, 0, 0.1, -1, 0)))
    assert not chip.fits(Grid(10, 10, Affine(1, 0, 0, 0, 1, 0)))


def test_a_file_whose_directory_lies_behind_its_pixels_is_no_cog(product: Find) -> None:
    pixels, grid = made("CLM", (157, 160), "uint8", "noise", product)
    profile = {"count": 1, "height": 157, "width": 160, "dtype": "uint8", "transform": grid.transform, "tiled": True}
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", **profile, blockxsize=160, blockysize=160, crs="EPSG:4326") as dst:
            dst.write(pixels)
        with rasterio.open(memory.name, "r+") as dst:
            dst.update_tags(ADDED="x" * 100)
        data = bytes(memory.getbuffer())
    with pytest.raises(RasterError, match="a directory lies behind pixels"):
        geotiff.read_back(data)
