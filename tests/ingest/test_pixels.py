from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from catalog.bands import Product
from ingest.errors import RasterError
from ingest.pixels import StoredPixels, scaled, statistics, store

Find = Callable[[str], Product]
Make = Callable[..., np.ndarray[Any, Any]]


def test_every_scaled_integer_reads_back_as_the_published_float() -> None:
    integers = np.arange(65536, dtype=np.uint16)
    assert np.array_equal(scaled(integers, 0.0001), integers.astype(np.float32) / np.float32(10_000))


def test_whole_ten_thousandths_become_integers_that_come_back_exactly(product: Find, reflectance: Make) -> None:
    published = reflectance()
    stored = store(published, product("L2A_data"))
    assert (stored.pixels.dtype, stored.scale, stored.nodata, stored.notes) == (np.uint16, 0.0001, 0, ())
    assert np.array_equal(scaled(stored.pixels, 0.0001), published)


@pytest.mark.parametrize("odd", [0.12345, -0.0001, 6.5536, np.nextafter(np.float32(0.5), np.float32(1))])
def test_one_value_that_does_not_fit_keeps_the_raster_as_it_is(product: Find, reflectance: Make, odd: float) -> None:
    published = reflectance()
    published[3, 5, 7] = odd
    stored = store(published, product("L2A_data"))
    assert stored.pixels.dtype == np.float32
    assert stored.scale is None
    assert np.array_equal(stored.pixels, published)
    assert "float32" in stored.notes[0]


def test_reflectance_up_to_what_sixteen_bits_hold_is_scaled(product: Find, reflectance: Make) -> None:
    published = reflectance()
    published[0, 0, 0] = np.float32(65535) / np.float32(10_000)
    assert store(published, product("L2A_data")).pixels[0, 0, 0] == 65535


def test_numbers_that_are_not_finite_become_no_data_with_a_note(product: Find, reflectance: Make) -> None:
    published = reflectance()
    published[0, :2, :5] = np.nan
    published[1, 0, 0], published[2, 0, 0] = np.inf, -np.inf
    stored = store(published, product("L2A_data"))
    assert stored.pixels.dtype == np.uint16
    assert not stored.pixels[0, :2, :5].any()
    assert stored.notes == ("12 numbers are NaN or infinite and became no data",)
    assert all(np.isfinite(band.maximum) for band in statistics(stored) if band)


@pytest.mark.parametrize(("suffix", "nodata"), [("SCL", None), ("CLM", 255), ("CLP", 255), ("dataMask", None)])
def test_masks_become_bytes_without_the_false_nodata_of_zero(product: Find, suffix: str, nodata: int | None) -> None:
    published = np.array([[[0, 1], [7, 255]]], np.float32)
    stored = store(published, product(suffix))
    assert (stored.pixels.dtype, stored.nodata) == (np.uint8, nodata)
    assert np.array_equal(stored.pixels, published)


@pytest.mark.parametrize(("suffix", "fill"), [("SCL", 0), ("CLM", 255), ("CLP", 255), ("dataMask", 0)])
def test_a_hole_in_a_mask_says_no_data_in_the_masks_own_way(product: Find, suffix: str, fill: int) -> None:
    stored = store(np.array([[[np.nan, 1]]], np.float32), product(suffix))
    assert stored.pixels.tolist() == [[[fill, 1]]]


@pytest.mark.parametrize(("value", "reason"), [(0.5, "fractions"), (256, "0 to 255"), (-1, "0 to 255")])
def test_a_mask_of_other_numbers_is_refused(product: Find, value: float, reason: str) -> None:
    with pytest.raises(RasterError, match=reason):
        store(np.array([[[value, 1]]], np.float32), product("CLM"))


def test_zero_degrees_is_an_angle(product: Find) -> None:
    stored = store(np.array([[[0.0, 12.5]]], np.float32), product("sunAzimuthAngles"))
    assert (stored.pixels.dtype, stored.nodata, stored.scale) == (np.float32, None, None)


def test_a_hole_in_an_angle_raster_is_nan_and_tagged_so(product: Find) -> None:
    stored = store(np.array([[[np.inf, 12.5]]], np.float32), product("sunAzimuthAngles"))
    assert np.isnan(stored.nodata or 0)
    assert np.isnan(stored.pixels[0, 0, 0])
    (band,) = statistics(stored)
    assert band is not None
    assert (band.mean, band.valid_percent) == (12.5, 50)


def test_spot_stays_as_published_and_gets_its_scale(product: Find) -> None:
    published = np.array([[[0, 65535]]] * 4, np.uint16)
    stored = store(published, product("ps"))
    assert (stored.nodata, stored.scale) == (None, 0.0001)
    assert np.array_equal(stored.pixels, published)


def test_statistics_are_those_of_the_valid_pixels(reflectance: Make) -> None:
    pixels = (reflectance() * 10_000).round().astype(np.uint16)
    pixels[0, :50] = 0
    valid = pixels[0][pixels[0] != 0].astype(np.float64)
    first = statistics(StoredPixels(pixels, 0, 0.0001))[0]
    assert first is not None
    assert (first.minimum, first.maximum) == (valid.min(), valid.max())
    assert (first.mean, first.stddev) == pytest.approx((valid.mean(), valid.std()))
    assert first.valid_percent == pytest.approx(100 * valid.size / pixels[0].size)


def test_a_band_without_a_valid_pixel_has_no_statistics() -> None:
    assert statistics(StoredPixels(np.zeros((1, 2, 2), np.uint16), 0, 0.0001)) == (None,)
