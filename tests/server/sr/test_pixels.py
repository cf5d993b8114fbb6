import io
from typing import Any

import httpx
import morecantile
import numpy as np
import pytest
from rasterio.io import MemoryFile
from rasterio.warp import transform_bounds
from rio_tiler.io import Reader

from superres.inference import interpolate

DN = 0.0001
BANDS = "B02,B03,B04,B08"
TMS = morecantile.tms.get("WebMercatorQuad")


def block_means(fine: np.ndarray) -> np.ndarray:
    bands, height, width = fine.shape
    return fine.reshape(bands, height // 4, 4, width // 4, 4).mean(axis=(2, 4))


def test_averages_of_every_item_are_the_pixels_that_it_was_made_of(http: httpx.Client, items: list[Any]) -> None:
    assert len(items) == 16
    for item in items:
        fine = item.file(http, clouds="keep")
        coarse = item.reflectance()
        assert fine.bands.shape == (4, 4 * coarse.shape[1], 4 * coarse.shape[2])
        trusted = fine.valid.reshape(coarse.shape[1], 4, coarse.shape[2], 4).all(axis=(1, 3))
        assert trusted.mean() > 0.5, item.id
        difference = np.abs(block_means(fine.bands * DN) - coarse)[:, trusted]
        assert difference.max() <= DN, item.id


@pytest.mark.parametrize("window", [(0, 0, 64, 80), (13, 101, 40, 41), (201, 7, 33, 150), (330, 300, 128, 128)])
def test_a_crop_equals_the_window_of_the_whole(
    http: httpx.Client, item: Any, whole: Any, window: tuple[int, int, int, int]
) -> None:
    row, column, height, width = window
    left, top = whole.transform * (column, row)
    right, bottom = whole.transform * (column + width, row + height)
    # A thousandth of a pixel inwards, so that no neighbour is touched.
    margin = whole.transform.a * 1e-3
    box = f"{left + margin},{bottom + margin},{right - margin},{top - margin}"
    answer = http.get(f"{item.sr}/bbox/{box}.tif", params={"bands": BANDS, "unscale": "false", "clouds": "keep"})
    assert answer.status_code == 200, answer.text
    with MemoryFile(answer.content) as memory, memory.open() as src:
        cut = src.read(list(range(1, 5)))
    expected = whole.bands[:, row : row + height, column : column + width]
    assert cut.shape == expected.shape
    assert np.abs(cut.astype(int) - expected).max() <= 1


def test_tiles_and_their_seams_are_those_of_the_whole_image(http: httpx.Client, item: Any, whole: Any) -> None:
    """Stock rio-tiler on the downloaded file is the oracle: its tiles have no seam."""
    with MemoryFile(whole.content) as memory, memory.open() as src, Reader(None, src, tms=TMS) as oracle:
        tiles = list(TMS.tiles(*transform_bounds(src.crs, "EPSG:4326", *src.bounds), zooms=[16]))
        assert len(tiles) >= 4
        for tile in tiles:
            expected = oracle.tile(*tile, unscale=True).array
            query = {"bands": BANDS, "clouds": "keep"}
            answer = http.get(f"{item.sr}/tiles/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}.npy", params=query)
            assert answer.status_code == 200, answer.text
            served = np.load(io.BytesIO(answer.content))
            seen = ~np.ma.getmaskarray(expected)
            np.testing.assert_array_equal(served[-1] > 0, seen.all(axis=0))
            off = np.abs(served[:-1] - expected.data)[seen] > 1.01 * DN
            assert np.count_nonzero(off) <= 0.001 * np.count_nonzero(seen), tile


def test_interpolations_are_those_of_the_room_next_door(http: httpx.Client, item: Any) -> None:
    coarse = item.reflectance().astype(np.float32)
    everywhere = np.ones(coarse.shape[1:], bool)
    for method in ("bicubic", "nearest"):
        query = {"bands": BANDS, "method": method, "clouds": "keep", "max_size": "2048"}
        answer = http.get(f"{item.sr}/preview.npy", params=query)
        served = np.load(io.BytesIO(answer.content))[:-1]
        expected = interpolate(coarse, everywhere, method, 4).reflectance
        assert np.abs(served - expected).max() <= DN, method


def test_the_difference_is_the_model_less_bicubic(http: httpx.Client, item: Any) -> None:
    def read(method: str) -> np.ndarray:
        query = {"bands": BANDS, "method": method, "clouds": "keep", "max_size": "2048"}
        return np.load(io.BytesIO(http.get(f"{item.sr}/preview.npy", params=query).content))[:-1]

    difference = read("difference")
    assert np.abs(difference - (read("sr") - read("bicubic"))).max() <= 2 * DN
    assert difference.min() < 0 < difference.max()


def test_band_arithmetic_is_of_super_resolved_reflectance(http: httpx.Client, item: Any, whole: Any) -> None:
    query = {"expression": "(nir-red)/(nir+red)", "clouds": "keep", "max_size": "2048"}
    served = np.load(io.BytesIO(http.get(f"{item.sr}/preview.npy", params=query).content))[0]
    _, _, red, nir = whole.bands.astype(np.float64)
    np.testing.assert_allclose(served, (nir - red) / (nir + red), atol=1e-4)


def test_a_point_tells_every_band_and_how_sure_the_model_is(http: httpx.Client, item: Any, whole: Any) -> None:
    row, column = 211, 305
    lon, lat = whole.transform * (column + 0.5, row + 0.5)
    point = http.get(f"{item.sr}/point/{lon},{lat}", params={"clouds": "keep"}).json()
    assert point["band_names"][:4] == BANDS.split(",")
    assert point["band_names"][4:] == [f"{name}_uncertainty" for name in BANDS.split(",")]
    np.testing.assert_allclose(point["values"][:4], whole.bands[:, row, column] * DN, atol=DN / 2)
    assert min(point["values"][4:]) > 0
