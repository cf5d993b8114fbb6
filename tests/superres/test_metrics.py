"""Measures against values that can be computed by hand."""

import numpy as np
import pytest

from superres import metrics
from superres.correctness import correctness
from superres.interpolation import bicubic
from superres.places import shares_ground
from tests.superres.conftest import land

SIDE = 64
ALL = np.ones((SIDE, SIDE), bool)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return land(7, SIDE, SIDE)


def test_a_constant_error_is_its_own_rmse_and_its_psnr_follows(truth: np.ndarray) -> None:
    offsets = np.array([0.01, 0.02, 0.05, 0.1], np.float32)[:, None, None]
    assert metrics.rmse(truth + offsets, truth, ALL) == pytest.approx([0.01, 0.02, 0.05, 0.1], rel=1e-4)
    assert metrics.psnr(truth + offsets, truth, ALL) == pytest.approx([40, 33.979, 26.021, 20], abs=1e-2)


def test_only_valid_pixels_count(truth: np.ndarray) -> None:
    made, valid = truth.copy(), ALL.copy()
    made[:, :8], valid[:8] = np.float32(9), False
    assert metrics.rmse(made, truth, valid) == pytest.approx([0] * 4)
    assert metrics.coverage(made, truth, np.full_like(truth, 1e-3), valid) == pytest.approx([1] * 4)
    assert np.isnan(metrics.rmse(made, truth, ~ALL)).all()


@pytest.mark.parametrize("shift", [(0, 0), (2, -1), (-3, 3)])
def test_cpsnr_forgives_a_shift_and_a_bias_which_psnr_does_not(shift: tuple[int, int], truth: np.ndarray) -> None:
    made = np.roll(truth, shift, (1, 2)) + np.float32(0.03)
    assert metrics.cpsnr(made, truth, ALL).min() > 100
    assert metrics.psnr(made, truth, ALL).max() < 31


def test_ssim_is_one_of_an_image_with_itself_and_follows_its_formula_for_even_images(truth: np.ndarray) -> None:
    assert metrics.ssim(truth, truth, ALL) == pytest.approx([1] * 4)
    a, b = np.full((1, 32, 32), 0.2), np.full((1, 32, 32), 0.4)
    expected = (2 * 0.2 * 0.4 + 1e-4) / (0.2**2 + 0.4**2 + 1e-4)
    assert metrics.ssim(a, b, np.ones((32, 32), bool)) == pytest.approx([expected])
    noisy = truth + np.random.default_rng(1).normal(0, 0.05, truth.shape)
    assert metrics.ssim(noisy, truth, ALL).max() < 0.9


def test_the_spectral_angle_is_the_angle_between_spectra() -> None:
    a, b = np.zeros((4, 2, 2)), np.zeros((4, 2, 2))
    a[0], b[0], b[1] = 1, 1, 1
    seen = np.ones((2, 2), bool)
    assert metrics.spectral_angle(a, b, seen) == pytest.approx(45)
    assert metrics.spectral_angle(a, 3 * a, seen) == pytest.approx(0, abs=1e-5)


def test_inconsistency_is_the_distance_of_block_averages(truth: np.ndarray) -> None:
    coarse = truth.reshape(4, SIDE // 4, 4, SIDE // 4, 4).mean((2, 4))
    assert metrics.inconsistency(truth, coarse, 4) == pytest.approx([0] * 4, abs=1e-6)
    assert metrics.inconsistency(truth + np.float32(0.02), coarse, 4) == pytest.approx([0.02] * 4, rel=1e-3)


def test_the_truth_is_improvement_the_input_omission_and_noise_hallucination(truth: np.ndarray) -> None:
    coarse = truth.reshape(4, SIDE // 4, 4, SIDE // 4, 4).mean((2, 4))
    interpolated = bicubic(np.pad(coarse, ((0, 0), (2, 2), (2, 2)), "symmetric"), 4)
    noise = np.random.default_rng(2).uniform(0.01, 0.9, truth.shape).astype(np.float32)
    right, left, wrong = (correctness(coarse, made, truth) for made in (truth, interpolated, noise))
    assert right
    assert left
    assert wrong
    assert right.improvement > 0.95
    assert left.omission > 0.8
    assert wrong.hallucination > 0.9
    for shares in (right, left, wrong):
        assert shares.improvement + shares.omission + shares.hallucination == pytest.approx(1)


def test_the_classes_are_those_that_opensr_test_1_3_3_gives() -> None:
    # Its own numbers for these arrays, without its search for a shift.
    rng = np.random.default_rng(0)
    truth = (rng.random((4, 128, 128)) * 0.3 + 0.05).astype(np.float32)
    truth = (truth + np.roll(truth, 1, 1) + np.roll(truth, 1, 2)) / 3
    coarse = truth.reshape(4, 32, 4, 32, 4).mean((2, 4))
    repeated = coarse.repeat(4, 1).repeat(4, 2)
    made = (repeated * 0.6 + truth * 0.4 + rng.normal(0, 0.01, truth.shape)).astype(np.float32)
    shares = correctness(coarse, made, truth, harmonise=True)
    assert shares
    assert (shares.improvement, shares.omission, shares.hallucination) == pytest.approx(
        (0.66961, 0.17286, 0.15752), abs=1e-3
    )


def test_what_is_not_valid_is_in_no_class(truth: np.ndarray) -> None:
    coarse, valid = truth.reshape(4, SIDE // 4, 4, SIDE // 4, 4).mean((2, 4)), ALL.copy()
    made = truth.copy()
    made[:, :40], valid[:40] = 0.9, False
    shares = correctness(coarse, made, truth, valid)
    assert shares
    assert shares.improvement > 0.95
    assert correctness(coarse, made, truth, ~ALL) is None


def test_images_too_small_to_lose_their_border_have_no_classes(truth: np.ndarray) -> None:
    assert correctness(truth[:, :8, :8], truth[:, :32, :32], truth[:, :32, :32]) is None


def test_another_date_and_an_overlapping_cut_show_the_same_ground_and_another_place_does_not() -> None:
    ground, elsewhere = land(11, 160, 160)[0], land(12, 160, 160)[0]
    later = 0.7 * ground + 0.05 + np.random.default_rng(3).normal(0, 0.004, ground.shape)
    assert shares_ground(ground[:96, :96], later[2:98, 1:97])
    assert shares_ground(ground[:96, :96], ground[40:136, :96])
    assert not shares_ground(ground[:96, :96], elsewhere[:96, :96])
