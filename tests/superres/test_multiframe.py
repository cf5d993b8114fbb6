"""Revisits whose true shifts, gains and offsets are known: all are seen of one sharp image."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from superres.consistency import block_mean
from superres.inference import Upscaled, interpolate
from superres.multiframe import Frame, Placed, fuse, place_frames, stack_frames
from superres.registration import Axis, Shift, average
from tests.superres.test_registration import ground

SIZE, MARGIN = 72, 24
NOISE = 0.006
SHIFTS = [(0.0, 0.0), (0.5, -0.25), (-0.4, 0.6), (0.25, 0.3), (-0.7, -0.5), (0.1, -0.6), (0.6, 0.55)]
GAIN, OFFSET = 1.2, -0.02


@dataclass(frozen=True)
class Place:
    """What was seen, and what is there."""

    frames: list[Frame]
    truth: np.ndarray


@pytest.fixture(scope="module")
def place() -> Place:
    side = 4 * SIZE + 2 * MARGIN
    sharp = np.stack([ground(seed, side) for seed in (1, 1, 1, 2)]) * np.array([0.8, 1, 1.2, 2])[:, None, None]
    frames = [_seen(sharp, shift, seed) for seed, shift in enumerate(SHIFTS)]
    return Place(frames, sharp[:, MARGIN:-MARGIN, MARGIN:-MARGIN])


def _seen(sharp: np.ndarray, shift: tuple[float, float], seed: int) -> Frame:
    rows, columns = (Axis(sharp.shape[1], SIZE, MARGIN + 4 * by, 4) for by in shift)
    image = average(sharp, rows, columns) + np.random.default_rng(seed).normal(0, NOISE, (4, SIZE, SIZE))
    if seed:
        image = (image - OFFSET) / GAIN
    return Frame(image.astype(np.float32), np.ones((SIZE, SIZE), bool))


def _upscale(frame: Frame) -> Upscaled:
    return interpolate(frame.reflectance, frame.valid, "bicubic", 4)


def _error(made: np.ndarray, place: Place, valid: np.ndarray) -> float:
    return float(np.sqrt(np.mean((made - place.truth)[:, valid] ** 2)))


def test_shifts_gains_and_offsets_are_found(place: Place) -> None:
    placed, dropped = place_frames(place.frames)
    assert not dropped
    for each, shift in zip(placed, SHIFTS, strict=True):
        assert (each.shift.rows, each.shift.columns) == pytest.approx(shift, abs=0.05)
    for each in placed[1:]:
        assert each.gains == pytest.approx((GAIN,) * 4, abs=0.06)
        assert each.offsets == pytest.approx((OFFSET,) * 4, abs=0.02)


def test_revisits_together_are_nearer_to_the_truth_than_any_one(place: Place) -> None:
    placed, _ = place_frames(place.frames)
    fused = fuse(place.frames[0], placed, [_upscale(frame) for frame in place.frames])
    # Alone, the reference is given the same averages.
    alone = fuse(place.frames[0], placed[:1], [_upscale(place.frames[0])])
    assert _error(fused.reflectance, place, fused.valid) < 0.98 * _error(alone.reflectance, place, fused.valid)


def test_averages_are_the_pixels_of_the_reference(place: Place) -> None:
    placed, _ = place_frames(place.frames)
    fused = fuse(place.frames[0], placed, [_upscale(frame) for frame in place.frames])
    shown = fused.valid[::4, ::4]
    assert shown.mean() > 0.8
    difference = np.abs(block_mean(fused.reflectance, 4) - place.frames[0].reflectance)[:, shown]
    assert difference.max() <= 1e-4


def test_clouds_of_the_reference_stay_empty_and_those_of_others_do_not_show(place: Place) -> None:
    frames = list(place.frames)
    cloud = np.ones((SIZE, SIZE), bool)
    cloud[30:40, 20:36] = False
    hidden, painted = replace(frames[0], valid=cloud), np.where(cloud, frames[1].reflectance, 0.9)
    other = Frame(painted.astype(np.float32), cloud)
    placed, _ = place_frames([hidden, *frames[1:]])
    fused = fuse(hidden, placed, [_upscale(frame) for frame in [hidden, *frames[1:]]])
    assert not fused.valid[120:160, 80:144].any()
    assert not fused.reflectance[:, ~fused.valid].any()
    clear = [frames[0], other, *frames[2:]]
    placed, dropped = place_frames(clear)
    assert not dropped
    beside = fuse(frames[0], placed, [_upscale(frame) for frame in clear])
    assert _error(beside.reflectance, place, beside.valid) < 1.1 * _error(
        fused.reflectance, place, fused.valid & beside.valid
    )


def test_a_revisit_that_does_not_fit_is_dropped_and_the_reason_told(place: Place) -> None:
    first = place.frames[0]
    elsewhere = Frame(np.stack([ground(9, SIZE)] * 4).astype(np.float32), first.valid)
    far = Frame(np.roll(first.reflectance, 2, axis=2), first.valid)
    cloudy = replace(first, valid=np.arange(SIZE)[:, None] + np.zeros(SIZE) < SIZE / 5)
    placed, dropped = place_frames([first, elsewhere, far, place.frames[1], cloudy])
    assert [each.index for each in placed] == [0, 3]
    reasons = {each.index: each.reason for each in dropped}
    assert "in any position" in reasons[1]
    assert "pixels from the reference" in reasons[2]
    assert "21%" in reasons[4]


def test_the_interval_is_the_models_own_joined_with_the_spread(place: Place) -> None:
    frame = place.frames[0]
    valid = np.ones((4 * SIZE, 4 * SIZE), bool)
    made = [
        Upscaled(
            np.full((4, *valid.shape), 0.2 + step, np.float32), np.full((4, *valid.shape), 0.03, np.float32), valid
        )
        for step in (-0.01, 0.0, 0.01)
    ]
    placed = [Placed(index, Shift(0, 0, 1), (1.0,) * 4, (0.0,) * 4) for index in range(3)]
    np.testing.assert_allclose(fuse(frame, placed, made).interval, np.hypot(0.03, 1.645 * 0.01), rtol=1e-4)
    np.testing.assert_allclose(fuse(frame, placed[:1], made[:1]).interval, 0.03, rtol=1e-6)


def test_a_network_of_several_revisits_gets_the_reference_for_what_is_missing(place: Place) -> None:
    hidden = place.frames[1].valid.copy()
    hidden[5, 6] = False
    frames = [place.frames[0], replace(place.frames[1], valid=hidden)]
    placed, _ = place_frames(frames)
    stack = stack_frames(frames, placed, 4)
    assert stack.shape == (16, SIZE, SIZE)
    np.testing.assert_array_equal(stack[8:12], stack[:4])
    np.testing.assert_array_equal(stack[4:8, 5, 6], stack[:4, 5, 6])
    np.testing.assert_array_equal(stack[4:8, 9, 9], frames[1].reflectance[:, 9, 9])
