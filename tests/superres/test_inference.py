"""An item as a whole, in blocks, and in windows."""

import numpy as np
import pytest
import torch

from superres.consistency import block_mean
from superres.errors import InferenceError
from superres.grid import Window
from superres.inference import LEAST, MOST, interpolate, superresolve
from superres.model import Model
from superres.onnx_runtime import OnnxRuntime
from tests.superres.conftest import land

HEIGHT, WIDTH = 61, 54


@pytest.fixture(scope="module")
def item() -> np.ndarray:
    return land(5, HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def clear() -> np.ndarray:
    return np.ones((HEIGHT, WIDTH), bool)


def test_averages_of_the_output_are_the_input_in_every_band(
    item: np.ndarray, clear: np.ndarray, runtime: OnnxRuntime, model: Model
) -> None:
    made = superresolve(item, clear, runtime, model)
    assert made.reflectance.shape == (4, 4 * HEIGHT, 4 * WIDTH)
    assert made.reflectance.dtype == np.float32
    # It is no trivial answer: within blocks there is contrast.
    assert np.abs(made.reflectance - np.repeat(np.repeat(item, 4, 1), 4, 2)).max() > 0.01
    assert np.abs(block_mean(made.reflectance, 4) - item).max() < 1e-6


def test_averages_hold_within_1e_4_also_after_rounding_to_uint16(
    item: np.ndarray, clear: np.ndarray, runtime: OnnxRuntime, model: Model
) -> None:
    stored = np.rint(superresolve(item, clear, runtime, model).reflectance / 1e-4).astype(np.uint16)
    assert stored.min() >= 1  # 0 is "no data"
    assert np.abs(block_mean(stored * np.float32(1e-4), 4) - item).max() < 1e-4


@pytest.mark.parametrize("bright", [0.0003, 6.55])
def test_dark_and_bright_images_stay_in_range_with_their_averages(
    bright: float, item: np.ndarray, clear: np.ndarray, runtime: OnnxRuntime, model: Model
) -> None:
    extreme = np.clip(item * 0.01 if bright < 1 else item * 10, 0.0002, bright).astype(np.float32)
    made = superresolve(extreme, clear, runtime, model)
    assert made.reflectance.min() >= np.float32(LEAST) * 0.999
    assert made.reflectance.max() <= np.float32(MOST) * 1.000001
    assert np.abs(block_mean(made.reflectance, 4) - extreme).max() < 1e-6 * max(1, bright)


@pytest.mark.parametrize("block", [16, 23, 40])
def test_blocks_and_the_whole_agree(
    block: int, item: np.ndarray, clear: np.ndarray, runtime: OnnxRuntime, model: Model
) -> None:
    whole = superresolve(item, clear, runtime, model)
    pieces = superresolve(item, clear, runtime, model, block=block)
    assert np.abs(whole.reflectance - pieces.reflectance).max() < 1e-5
    assert np.abs(whole.interval - pieces.interval).max() < 1e-5


@pytest.mark.parametrize(
    "window",
    [Window(0, 0, 8, 8), Window(1, 3, 5, 7), Window(17, 22, 20, 11), Window(60, 53, 1, 1), Window(0, 0, HEIGHT, WIDTH)],
)
def test_a_window_equals_that_window_of_the_whole_at_any_offset(
    window: Window, item: np.ndarray, runtime: OnnxRuntime, model: Model
) -> None:
    seen = np.ones((HEIGHT, WIDTH), bool)
    seen[30:33, 40:44] = False
    whole = superresolve(item, seen, runtime, model)
    part = superresolve(item, seen, runtime, model, window=window)
    there = window.of(4)
    assert np.abs(whole.reflectance[:, *there] - part.reflectance).max() < 1e-5
    assert (whole.valid[there] == part.valid).all()
    for method in ("bicubic", "nearest"):
        plain = interpolate(item, seen, method, 4)
        cut = interpolate(item, seen, method, 4, window=window)
        assert np.abs(plain.reflectance[:, *there] - cut.reflectance).max() < 1e-6


def test_what_an_invalid_pixel_could_reach_is_not_shown_and_nothing_else_is_hidden(
    item: np.ndarray, clear: np.ndarray, runtime: OnnxRuntime, model: Model
) -> None:
    seen = clear.copy()
    seen[25, 20] = False
    made = superresolve(item, seen, runtime, model)
    rows, columns = np.nonzero(~made.valid)
    radius = model.radius
    assert (rows.min() // 4, rows.max() // 4) == (25 - radius, 25 + radius)
    assert (columns.min() // 4, columns.max() // 4) == (20 - radius, 20 + radius)
    assert (made.reflectance[:, ~made.valid] == 0).all()


@pytest.mark.parametrize("poison", [np.nan, np.inf, 1e6, -5.0])
def test_the_content_of_invalid_pixels_changes_nothing_that_is_shown(
    poison: float, item: np.ndarray, clear: np.ndarray, runtime: OnnxRuntime, model: Model
) -> None:
    seen = clear.copy()
    seen[10:14, 30:36] = False
    poisoned = np.where(seen, item, np.float32(poison))
    a, b = superresolve(item, seen, runtime, model), superresolve(poisoned, seen, runtime, model)
    assert (a.valid == b.valid).all()
    assert np.abs(a.reflectance - b.reflectance).max() < 1e-5


def test_an_item_without_a_valid_pixel_has_none_afterwards(
    item: np.ndarray, clear: np.ndarray, runtime: OnnxRuntime, model: Model
) -> None:
    made = superresolve(item * np.nan, ~clear, runtime, model)
    assert not made.valid.any()
    assert (made.reflectance == 0).all()


def test_bicubic_is_pytorchs_away_from_the_edges(item: np.ndarray, clear: np.ndarray) -> None:
    made = interpolate(item, clear, "bicubic", 4).reflectance
    oracle = torch.nn.functional.interpolate(torch.from_numpy(item)[None], scale_factor=4, mode="bicubic")[0].numpy()
    inner = (slice(None), slice(8, -8), slice(8, -8))
    assert np.abs(made[inner] - oracle[inner]).max() < 1e-6


def test_nearest_repeats_every_pixel(item: np.ndarray, clear: np.ndarray) -> None:
    assert (interpolate(item, clear, "nearest", 4).reflectance == item.repeat(4, 1).repeat(4, 2)).all()


def test_arrays_that_do_not_fit_are_refused(
    item: np.ndarray, clear: np.ndarray, runtime: OnnxRuntime, model: Model
) -> None:
    with pytest.raises(InferenceError, match=r"not \(4, height, width\)"):
        superresolve(item[:3], clear, runtime, model)
    with pytest.raises(InferenceError, match="valid has shape"):
        superresolve(item, clear[:-1], runtime, model)
    with pytest.raises(InferenceError, match="is not inside"):
        superresolve(item, clear, runtime, model, window=Window(60, 0, 2, 2))
