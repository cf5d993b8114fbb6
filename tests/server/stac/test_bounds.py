"""Bounding boxes before they reach pgSTAC."""

import math

import pytest

from server.errors import InvalidSearchError
from server.stac.bounds import crosses_antimeridian, flat_bounds, split_at_antimeridian


def test_heights_are_dropped() -> None:
    assert flat_bounds((1, 2, -500, 3, 4, 9000)) == (1, 2, 3, 4)


def test_a_flat_box_stays_as_it_is() -> None:
    assert flat_bounds([-180, -90, 180, 90]) == (-180, -90, 180, 90)


@pytest.mark.parametrize(
    ("bbox", "reason"),
    [
        ((1, 2, 3), "has 3 numbers"),
        ((1, 2, 3, 4, 5), "has 5 numbers"),
        ((1, math.nan, 3, 4), "not finite"),
        ((1, 2, math.inf, 4), "not finite"),
        ((-181, 0, 0, 0), "reaches beyond"),
        ((0, 0, 0, 91), "reaches beyond"),
        ((0, 10, 0, 5), "south above its north"),
        ((0, 0, 9, 1, 1, 8), "lowest height above its highest"),
    ],
)
def test_a_box_without_meaning_is_refused_with_the_reason(bbox: tuple[float, ...], reason: str) -> None:
    with pytest.raises(InvalidSearchError, match=reason):
        flat_bounds(bbox)


def test_a_box_over_longitude_180_becomes_its_two_halves() -> None:
    bounds = (170.0, -10.0, -175.0, 5.0)

    assert crosses_antimeridian(bounds)
    east, west = split_at_antimeridian(bounds)["coordinates"]
    assert {x for x, _ in east[0]} == {170.0, 180}
    assert {x for x, _ in west[0]} == {-180, -175.0}
    assert {y for ring in (east[0], west[0]) for _, y in ring} == {-10.0, 5.0}


def test_a_box_elsewhere_crosses_nothing() -> None:
    assert not crosses_antimeridian((-175.0, -10.0, 170.0, 5.0))
