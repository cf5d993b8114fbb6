import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds
from rio_cogeo.cogeo import cog_validate
from rio_tiler.io import Reader

from catalog.bands import Product
from catalog.metadata import Bounds
from ingest.cog import Cog, create_cog
from ingest.errors import RasterError
from ingest.raster import Grid

Find = Callable[[str], Product]
Make = Callable[..., np.ndarray[Any, Any]]
Tiff = Callable[..., bytes]
BOUNDS = (13.149952430965635, 11.777710980299387, 13.164460606373925, 11.792004313888725)


@pytest.fixture
def chip(tiff: Tiff, reflectance: Make, product: Find) -> Cog:
    """The COG of an L2A chip."""
    return create_cog(tiff(reflectance(), nodata=0), product("L2A_data"), BOUNDS)


@pytest.fixture
def spot(tiff: Tiff, product: Find) -> Cog:
    """The COG of a pansharpened SPOT image, published without a place on Earth."""
    digital = np.random.default_rng(1).integers(1, 5000, (4, 1054, 1054), dtype=np.uint16)
    return create_cog(tiff(digital, None), product("ps"), BOUNDS)


@pytest.mark.parametrize("name", ["chip", "spot"])
def test_a_cog_is_valid_to_the_letter(name: str, request: pytest.FixtureRequest) -> None:
    with MemoryFile(request.getfixturevalue(name).data) as memory:
        assert cog_validate(memory.name, strict=True, quiet=True) == (True, [], [])


def test_a_chip_reads_back_as_the_published_reflectance(chip: Cog, reflectance: Make) -> None:
    with MemoryFile(chip.data) as memory, memory.open() as src:
        assert np.array_equal((src.read() * src.scales[0]).astype(np.float32), reflectance())


def test_a_chip_is_one_block_a_band_and_has_no_overviews(chip: Cog) -> None:
    with MemoryFile(chip.data) as memory, memory.open() as src:
        assert src.block_shapes == [(160, 160)] * 12
        assert src.overviews(1) == []
        assert src.interleaving.value == "BAND"


def test_a_chip_keeps_the_published_grid_to_the_last_digit(chip: Cog) -> None:
    with MemoryFile(chip.data) as memory, memory.open() as src:
        assert src.transform == from_bounds(*BOUNDS, 160, 157)
        assert tuple(src.bounds) == BOUNDS
        assert src.crs.to_epsg() == 4326


def test_the_corners_of_a_spot_image_land_on_the_bounds_of_its_aoi(spot: Cog) -> None:
    with MemoryFile(spot.data) as memory, memory.open() as src:
        west, south, east, north = BOUNDS
        assert src.xy(0, 0, offset="ul") == pytest.approx((west, north), abs=1e-12)
        assert src.xy(1053, 1053, offset="lr") == pytest.approx((east, south), abs=1e-12)
        assert src.nodata is None


def test_a_spot_image_has_blocks_of_512_and_averaged_overviews(spot: Cog) -> None:
    with MemoryFile(spot.data) as memory, memory.open() as src:
        assert src.block_shapes == [(512, 512)] * 4
        assert src.overviews(1) == [2, 4]
        assert src.tags()["OVERVIEW_RESAMPLING"] == "AVERAGE"
        full, half = src.read(1), src.read(1, out_shape=(527, 527))
    expected = full.reshape(527, 2, 527, 2).mean(axis=(1, 3))
    assert np.abs(half - expected).max() <= 0.5


@pytest.mark.parametrize("name", ["chip", "spot"])
def test_the_header_alone_opens_a_cog(name: str, request: pytest.FixtureRequest) -> None:
    cog: Cog = request.getfixturevalue(name)
    assert cog.header_size < 8192
    with MemoryFile(cog.data[: cog.header_size]) as memory, memory.open() as src:
        assert src.descriptions == tuple(band.name for band in cog.product.bands)
        assert src.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "ZSTD"


def test_overviews_of_a_large_mask_hold_only_classes_that_the_mask_has(tiff: Tiff, product: Find) -> None:
    mask = np.random.default_rng(0).choice([0, 4, 11], (1, 600, 600)).astype(np.float32)
    cog = create_cog(tiff(mask, nodata=0), product("SCL"), BOUNDS)
    with MemoryFile(cog.data) as memory, memory.open() as src:
        assert set(np.unique(src.read(1, out_shape=(300, 300)))) == {0, 4, 11}


def test_rio_tiler_finds_names_scale_and_nodata(chip: Cog, tmp_path: Path) -> None:
    (tmp_path / "chip.tif").write_bytes(chip.data)
    with Reader(str(tmp_path / "chip.tif")) as src:
        info = src.info()
    names = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"]
    assert [name for _, name in info.band_descriptions] == names
    assert info.scales == [0.0001] * 12
    assert (info.dtype, info.nodata_type) == ("uint16", "Nodata")


def test_gdalinfo_names_bands_and_crs(spot: Cog, tmp_path: Path) -> None:
    if shutil.which("gdalinfo") is None:
        pytest.skip("needs gdalinfo of the package gdal-bin")
    (tmp_path / "ps.tif").write_bytes(spot.data)
    answer = subprocess.run(["gdalinfo", "-json", str(tmp_path / "ps.tif")], check=True, capture_output=True)
    info = json.loads(answer.stdout)
    assert [band["description"] for band in info["bands"]] == ["red", "green", "blue", "nir"]
    assert [band["scale"] for band in info["bands"]] == [0.0001] * 4
    assert info["stac"]["proj:epsg"] == 4326


def test_float_reflectance_that_does_not_fit_integers_stays_exact(tiff: Tiff, reflectance: Make, product: Find) -> None:
    published = reflectance() * np.float32(1.0001)
    cog = create_cog(tiff(published, nodata=0), product("L2A_data"), BOUNDS)
    with MemoryFile(cog.data) as memory, memory.open() as src:
        assert np.array_equal(src.read(), published)
        assert src.scales[0] == 1


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda _: b"", "the file is empty"),
        (lambda data: data[:100], "cannot be read as a TIFF"),
        (lambda data: data[: len(data) * 6 // 10], "cannot be read as a TIFF"),
        (lambda _: b"not a TIFF at all" * 100, "cannot be read as a TIFF"),
    ],
)
def test_an_unreadable_file_is_refused_in_one_line(
    tiff: Tiff, reflectance: Make, product: Find, break_it: Callable[[bytes], bytes], reason: str
) -> None:
    with pytest.raises(RasterError, match=reason) as caught:
        create_cog(break_it(tiff(reflectance(), nodata=0, compress="deflate")), product("L2A_data"), BOUNDS)
    assert "\n" not in str(caught.value)


def test_a_raster_with_a_band_less_is_refused(tiff: Tiff, reflectance: Make, product: Find) -> None:
    with pytest.raises(RasterError, match="it has 11 bands, L2A_data has 12"):
        create_cog(tiff(reflectance(11)), product("L2A_data"), BOUNDS)


def test_a_raster_of_another_type_is_refused(tiff: Tiff, product: Find) -> None:
    with pytest.raises(RasterError, match="its numbers are float32, ps has uint16"):
        create_cog(tiff(np.zeros((4, 8, 8), np.float32), None), product("ps"), BOUNDS)


def test_a_raster_that_lies_elsewhere_than_its_aoi_is_refused(tiff: Tiff, reflectance: Make, product: Find) -> None:
    west, south, east, north = BOUNDS
    with pytest.raises(RasterError, match="pixels off its AOI's bounds"):
        create_cog(tiff(reflectance(), (west + 0.01, south, east + 0.01, north)), product("L2A_data"), BOUNDS)


def test_a_raster_of_another_crs_is_refused(tiff: Tiff, reflectance: Make, product: Find) -> None:
    with pytest.raises(RasterError, match="its CRS is EPSG:32633, not EPSG:4326"):
        create_cog(tiff(reflectance(), crs="EPSG:32633"), product("L2A_data"), BOUNDS)


def test_an_image_without_a_place_needs_the_bounds_of_its_aoi(tiff: Tiff, product: Find) -> None:
    with pytest.raises(RasterError, match="the bounds of its AOI are not known"):
        create_cog(tiff(np.ones((1, 8, 8), np.uint16), None), product("pan"), None)


def test_a_chip_without_a_place_is_put_on_its_aois_bounds(tiff: Tiff, reflectance: Make, product: Find) -> None:
    cog = create_cog(tiff(reflectance(), None, None), product("L2A_data"), BOUNDS)
    assert cog.grid.bounds == pytest.approx(BOUNDS, abs=1e-12)


def test_a_mask_has_to_share_the_grid_of_its_data(tiff: Tiff, product: Find) -> None:
    grid = Grid(157, 160, from_bounds(*BOUNDS, 160, 157))
    with pytest.raises(RasterError, match="CLM is 80 x 80, its data 160 x 157"):
        create_cog(tiff(np.ones((1, 80, 80), np.float32)), product("CLM"), BOUNDS, grid)


@pytest.mark.parametrize("bounds", [BOUNDS, None])
@pytest.mark.parametrize(
    "transform",
    [
        Affine(float("nan"), 0, 1, 0, -1e-4, 1),
        Affine(1e-4, 0, float("inf"), 0, -1e-4, 1),
        Affine(1e-4, 0, 1, 0, 1e-4, 1),
        Affine(1e-4, 1e-5, 1, 1e-5, -1e-4, 1),
        Affine(10, 0, 500_000, 0, -10, 4_000_000),
    ],
    ids=["nan", "infinite", "south-up", "turned", "metres"],
)
def test_a_grid_that_is_nowhere_on_earth_is_refused_whether_or_not_its_aoi_is_known(
    tiff: Tiff, product: Find, transform: Affine, bounds: Bounds | None
) -> None:
    data = tiff(np.ones((1, 20, 20), np.float32), None, transform=transform)
    with pytest.raises(RasterError, match=r"its grid is not north-up|which are no longitudes and latitudes"):
        create_cog(data, product("CLM"), bounds)


def test_a_small_file_of_very_many_pixels_is_refused(tiff: Tiff, product: Find) -> None:
    data = tiff(np.zeros((12, 2100, 2100), np.float32), compress="zstd")
    with pytest.raises(RasterError, match="2100 x 2100 x 12 numbers are too many; 50,000,000 are read"):
        create_cog(data, product("L2A_data"), BOUNDS)


def test_a_header_that_claims_a_terabyte_is_refused_before_anything_is_read(product: Find) -> None:
    with MemoryFile() as memory:
        sparse = {"sparse_ok": True, "tiled": True, "blockxsize": 8192, "blockysize": 8192, "crs": "EPSG:4326"}
        place = from_bounds(*BOUNDS, 400_000, 400_000)
        with memory.open(
            driver="GTiff", width=400_000, height=400_000, count=1, dtype="uint16", transform=place, **sparse
        ):
            pass
        data = bytes(memory.getbuffer())
    assert len(data) < 1_000_000
    with pytest.raises(RasterError, match="claims 400000 x 400000 pixels"):
        create_cog(data, product("pan"), BOUNDS)
