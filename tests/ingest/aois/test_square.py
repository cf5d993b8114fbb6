"""Squares around points, and ground that is taken."""

import itertools

import numpy as np
import pytest
from pyproj import Geod
from shapely.geometry import box

from ingest.aois.ground import TakenGround
from ingest.aois.square import area_of, square_around


@pytest.mark.parametrize("lat", [-75.0, -33.3, 0.0, 11.8, 52.5, 80.9])
@pytest.mark.parametrize("area", [2.5, 22.5])
def test_squares_have_the_area_asked_for_wherever_they_are(lat: float, area: float) -> None:
    west, south, east, north = bounds = square_around(13.15, lat, area)
    geod = Geod(ellps="WGS84")
    measured = abs(geod.geometry_area_perimeter(box(*bounds).segmentize(0.001))[0]) / 1e6
    assert measured == pytest.approx(area, rel=1e-3)
    assert area_of(bounds) == pytest.approx(measured, rel=1e-3)
    width, height = geod.inv(west, lat, east, lat)[2], geod.inv(13.15, south, 13.15, north)[2]
    assert width == pytest.approx(height, rel=1e-5)


def test_a_square_over_the_antimeridian_is_known_by_its_bounds() -> None:
    west, _, east, _ = square_around(179.999, 10)
    assert west > east


def test_ground_is_given_once() -> None:
    rng = np.random.default_rng(1)
    existing = [square_around(float(lon), 10.0) for lon in rng.uniform(0, 1, 20)]
    ground = TakenGround(existing)
    points = rng.uniform((0, 9.9), (1, 10.1), (300, 2))
    taken = [bounds for bounds in (square_around(lon, lat) for lon, lat in points) if ground.take(bounds)]
    assert 10 < len(taken) < 300
    boxes = [box(*bounds) for bounds in taken]
    assert not any(a.overlaps(b) or a.equals(b) for a, b in itertools.combinations(boxes, 2))
    assert not any(a.overlaps(box(*bounds)) for a in boxes for bounds in existing)


def test_what_was_refused_does_not_stand_in_the_way() -> None:
    ground = TakenGround([(0.0, 0.0, 1.0, 1.0)])
    assert not ground.take((0.9, 0.9, 2.0, 2.0))
    assert ground.take((1.5, 1.5, 2.0, 2.0))
    assert ground.take((1.0, 0.0, 1.4, 1.0))  # a common border is no common ground
