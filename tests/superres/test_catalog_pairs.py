"""Pairs of SPOT and Sentinel-2: matched, and found by query on a real server."""

from pathlib import Path

import numpy as np
import pytest

from superres.catalog_pairs import Query, find_places, find_revisits, read_pair, store_pairs
from superres.errors import TrainingDataError
from superres.matching import MOST_SHIFT, Matched, match
from superres.pairs import CutPairs, Pair
from superres.registration import Axis, average
from tests.superres.conftest import land

SIDE, FINE = 80, 480


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    """A place at 10/6 m."""
    return land(20, FINE, FINE).astype(np.float64)


def seen(sharp: np.ndarray, down: float, right: float) -> np.ndarray:
    """What Sentinel-2 sees of it, moved by a part of its pixels, with gains of its own."""
    step = FINE / SIDE
    rows, columns = (Axis(FINE, SIDE, by * step, step) for by in (down, right))
    gains, offsets = np.array([1.2, 0.9, 1.1, 0.8]), np.array([0.02, 0.0, -0.01, 0.03])
    image = average(sharp, rows, columns) * gains[:, None, None] + offsets[:, None, None]
    return np.where(np.isfinite(image), image, 0.1).astype(np.float32)


@pytest.mark.parametrize(("down", "right"), [(0.0, 0.0), (0.45, -0.3), (-0.6, 0.5)])
def test_spot_is_moved_onto_sentinel_2_and_has_its_reflectance(down: float, right: float, sharp: np.ndarray) -> None:
    coarse = seen(sharp, down, right)
    made = match(coarse, np.ones((SIDE, SIDE), bool), sharp)
    assert isinstance(made, Matched)
    assert (made.shift.rows, made.shift.columns) == pytest.approx((-down, -right), abs=0.05)
    inner = (slice(None), slice(5, -5), slice(5, -5))
    again = average(made.fine, Axis.over(4 * SIDE, SIDE), Axis.over(4 * SIDE, SIDE))
    assert np.abs(again[inner] - coarse[inner]).mean() < 0.004
    assert made.valid[20:-20, 20:-20].all()


def test_pairs_more_than_a_pixel_apart_are_dropped(sharp: np.ndarray) -> None:
    made = match(seen(sharp, 1.4, 0.0), np.ones((SIDE, SIDE), bool), sharp)
    assert isinstance(made, str)
    assert "pixels apart" in made
    assert MOST_SHIFT == 1.0


def test_pairs_of_different_places_and_cloudy_ones_are_dropped(sharp: np.ndarray) -> None:
    clear = np.ones((SIDE, SIDE), bool)
    assert isinstance(match(seen(land(77, FINE, FINE).astype(np.float64), 0, 0), clear, sharp), str)
    assert "valid and clear" in str(match(seen(sharp, 0, 0), ~clear, sharp))


def test_cuts_of_a_pair_lie_on_each_other_however_they_are_turned() -> None:
    fine = land(30, 96, 64)
    coarse = fine.reshape(4, 24, 4, 16, 4).mean((2, 4))
    valid = fine[0] > np.median(fine[0])
    batch = CutPairs([Pair("a", "b", None, coarse, fine, valid)]).draw(12, 10, np.random.default_rng(0))
    means = batch.fine.reshape(12, 4, 10, 4, 10, 4).mean((3, 5))
    assert np.abs(means - batch.coarse).max() < 1e-6
    assert len({cut.tobytes() for cut in batch.coarse}) > 6


@pytest.fixture(scope="module")
def query(live_server: str) -> Query:
    return Query(f"{live_server}/stac", most_cloud=100)


def test_places_of_a_split_and_their_revisits_are_found_by_query(query: Query) -> None:
    found = {split: list(find_places(query, split)) for split in ("train", "val", "test")}
    assert sum(map(len, found.values())) > 0
    for split, items in found.items():
        for item in items:
            assert item.properties["worldstrat:split"] == split
            assert not item.properties["worldstrat:split_conflict"]
            revisits = find_revisits(query, item)
            assert {other.properties["worldstrat:aoi"] for other in revisits} <= {item.properties["worldstrat:aoi"]}
            distances = [abs(other.properties["worldstrat:delta"]) for other in revisits]
            assert distances == sorted(distances)


def test_pairs_are_read_once_or_dropped_with_a_reason(query: Query, tmp_path: Path) -> None:
    item = next(item for split in ("train", "val", "test") for item in find_places(query, split))
    made = read_pair(item, find_revisits(query, item), frames=2)
    assert isinstance(made, str) or made.coarse.shape[0] == 8
    told: list[tuple[str, str | None]] = []
    split = item.properties["worldstrat:split"]
    if isinstance(made, str):
        assert not store_pairs(query, split, tmp_path, lambda *facts: told.append(facts))
        assert told[0][1]
        return
    pairs = store_pairs(query, split, tmp_path, lambda *facts: told.append(facts))
    assert pairs[0].fine.shape[1:] == tuple(4 * size for size in pairs[0].coarse.shape[1:])
    stamps = [file.stat().st_mtime_ns for file in pairs.files]
    store_pairs(query, split, tmp_path, lambda *facts: told.append(facts))
    assert [file.stat().st_mtime_ns for file in pairs.files] == stamps


def test_an_address_that_is_no_stac_api_is_named(live_server: str) -> None:
    with pytest.raises(TrainingDataError, match="is no STAC API"):
        list(find_places(Query(f"{live_server}/nowhere"), "train"))
