"""Shifts that are known, found again."""

import csv
import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from superres.registration import MAX_SHIFT, PSF, Axis, average, register

SIZE = 96
SHIFTS = [(0.0, 0.0), (0.25, -0.4), (-0.08, 0.93), (1.5, 1.37), (-3.2, 2.6)]


def ground(seed: int, size: int = SIZE) -> np.ndarray:
    """Ground with detail of every size, as land has, that goes on around its edges."""
    rows, columns = (np.fft.fftfreq(size)[axis] for axis in np.ogrid[:size, :size])
    falloff = 1 / np.maximum(np.hypot(rows, columns), 1 / size) ** 1.3
    noise = np.fft.fft2(np.random.default_rng(seed).standard_normal((size, size)))
    field = np.fft.ifft2(noise * falloff).real
    return 0.2 + 0.05 * field / field.std()


def moved(image: np.ndarray, down: float, right: float) -> np.ndarray:
    """What shows at `(y, x)` the image's `(y + down, x + right)`, exactly: a shift of phases."""
    rows, columns = (np.fft.fftfreq(size) for size in image.shape)
    phases = np.exp(2j * np.pi * (rows[:, None] * down + columns * right))
    return np.fft.ifft2(np.fft.fft2(image) * phases).real


@pytest.mark.parametrize(("down", "right"), SHIFTS)
def test_a_known_shift_is_found_to_a_hundredth_of_a_pixel(down: float, right: float) -> None:
    image = ground(1)
    found = register(image, moved(image, down, right))
    assert found
    assert (found.rows, found.columns) == pytest.approx((down, right), abs=0.01)
    assert found.trusted


@pytest.mark.parametrize(("down", "right"), SHIFTS)
def test_other_gains_and_noise_cost_a_few_hundredths_of_a_pixel(down: float, right: float) -> None:
    image, noise = ground(2), np.random.default_rng(3).normal(0, 0.005, (SIZE, SIZE))
    found = register(image, 1.7 * moved(image, down, right) - 0.1 + noise)
    assert found
    assert (found.rows, found.columns) == pytest.approx((down, right), abs=0.05)
    assert found.trusted


def test_clouds_are_left_out() -> None:
    image = ground(4)
    cloudy, clear = moved(image, 0.4, -0.7), np.ones((SIZE, SIZE), bool)
    cloudy[10:50, 20:60], clear[10:50, 20:60] = 0.9, False
    found = register(image, cloudy, clear)
    assert found
    assert (found.rows, found.columns) == pytest.approx((0.4, -0.7), abs=0.05)
    assert found.trusted


@pytest.mark.parametrize("seed", range(10))
def test_images_of_different_places_are_not_trusted(seed: int) -> None:
    found = register(ground(10 + seed), ground(30 + seed))
    assert found
    assert not found.trusted


def test_what_is_farther_apart_than_is_looked_for_is_not_trusted() -> None:
    image = ground(5)
    found = register(image, np.roll(image, 4 * round(MAX_SHIFT), axis=1))
    assert found
    assert not found.trusted


@pytest.mark.parametrize("image", [np.full((SIZE, SIZE), 0.3), np.full((SIZE, SIZE), np.nan), np.zeros((8, 8))])
def test_images_without_detail_data_or_size_have_no_shift(image: np.ndarray) -> None:
    assert register(image, image) is None


def test_images_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        register(np.zeros((40, 40)), np.zeros((40, 41)))


def test_an_average_over_whole_pixels_is_numpys_mean() -> None:
    image = ground(6)[:, :60]
    expected = image.reshape(24, 4, 15, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(average(image, Axis.over(96, 24), Axis.over(60, 15), psf=0), expected, rtol=1e-12)


def test_an_average_over_parts_of_pixels_weighs_them_by_their_share() -> None:
    row = np.arange(5.0)[None]
    averaged = average(row, Axis.over(1, 1), Axis.over(5, 2), psf=0)
    np.testing.assert_allclose(averaged, [[(0 + 1 + 0.5 * 2) / 2.5, (0.5 * 2 + 3 + 4) / 2.5]])


def test_blur_keeps_brightness_and_takes_the_contrast_that_a_gaussian_takes() -> None:
    fine, coarse, cycles = 320, 80, 0.25  # of a coarse pixel
    wave = 0.3 + 0.1 * np.cos(2 * np.pi * cycles * (np.arange(fine) + 0.5) * coarse / fine)
    seen = average(np.tile(wave, (4, 1)), Axis.over(4, 1), Axis.over(fine, coarse))[0, 8:-8]
    contrast = np.sinc(cycles) * np.exp(-2 * (np.pi * PSF * cycles) ** 2)
    expected = 0.3 + 0.1 * contrast * np.cos(2 * np.pi * cycles * (np.arange(coarse) + 0.5))[8:-8]
    np.testing.assert_allclose(seen, expected, atol=2e-4)


def test_an_average_has_no_data_where_most_of_what_a_pixel_sees_has_none() -> None:
    image = np.ones((8, 8))
    image[:, :3] = np.nan
    averaged = average(image, Axis.over(8, 2), Axis.over(8, 2), psf=0)
    assert np.isnan(averaged[:, 0]).all()
    np.testing.assert_allclose(averaged[:, 1], 1)


def test_pairs_of_known_shift_are_found_and_others_are_told_apart(shared: Path, tmp_path: Path) -> None:
    build = [sys.executable, str(shared / "sample/build.py"), str(tmp_path / "sample")]
    subprocess.run([*build, "--aois", "2", "--revisits", "2", "--levels", "L2A", "--jobs", "1"], check=True)
    with (tmp_path / "sample/PROVENANCE.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["ground_match"] for row in rows} == {"yes", "no"}
    for row in rows:
        for revisit, shift in enumerate(json.loads(row["shifts_px_dy_dx"]), 1):
            spot, sentinel2 = published(tmp_path / "sample", row["tile"], revisit)
            coarse = average(spot, Axis.over(len(spot), len(sentinel2)), Axis.over(spot.shape[1], sentinel2.shape[1]))
            found = register(coarse, sentinel2)
            assert found
            assert found.trusted == (row["ground_match"] == "yes")
            if found.trusted:
                assert (found.rows, found.columns) == pytest.approx(shift, abs=0.03)


def published(folder: Path, aoi: str, revisit: int) -> tuple[np.ndarray, np.ndarray]:
    """The green of SPOT and of a revisit."""
    paths = (
        (folder / "hr_dataset" / aoi / f"{aoi}_ps.tiff", 2),
        (folder / "lr_dataset" / aoi / "L2A" / f"{aoi}-{revisit}-L2A_data.tiff", 3),
    )
    images = []
    for path, band in paths:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # SPOT's are published so
            with rasterio.open(path) as src:
                images.append(src.read(band).astype(float))
    return images[0], images[1]
