"""Lists of AOIs: what is taken, what is refused and why; grids of the published sizes."""

import csv
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingest.aois.square import area_of, square_around
from ingest.extend.errors import ExtendError
from ingest.extend.grid import create_grid
from ingest.extend.wanted import Refused, Wanted, read_wanted

SQUARE = square_around(13.15, 11.78)


def feature(name: Any = "Test-1", geometry: Any = None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [13.15, 11.78]} if geometry is None else geometry,
        "properties": {"name": name, **properties},
    }


def polygon(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def read(folder: Path, *features: Any, target: date | None = None) -> tuple[list[Wanted], list[Refused]]:
    path = folder / "aois.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return read_wanted(path, target)


def test_a_point_becomes_a_square_of_2_5_square_kilometres(tmp_path: Path) -> None:
    (wanted,), refused = read(tmp_path, feature())
    assert refused == []
    assert wanted.aoi.bounds == SQUARE
    assert (wanted.aoi.lon, wanted.aoi.lat, wanted.aoi.area) == (13.15, 11.78, 2.5)
    assert area_of(SQUARE) == pytest.approx(2.5, rel=1e-3)


def test_a_polygon_keeps_its_bounds_to_the_last_digit(tmp_path: Path) -> None:
    bounds = (13.149952430965635, 11.777710980299387, 13.164460606373925, 11.792004313888725)
    (wanted,), _ = read(tmp_path, feature(geometry=polygon(*bounds)))
    assert wanted.aoi.bounds == bounds
    assert wanted.grid.bounds == pytest.approx(bounds, abs=1e-12)


def test_land_use_split_and_dates_are_taken_and_what_follows_is_filled_in(tmp_path: Path) -> None:
    given = {"lccs": 190, "smod": 30, "split": "val", "highres_date": "2020-05-13T10:00:00Z", "source": "Flood"}
    (wanted,), _ = read(tmp_path, feature(**given))
    aoi = wanted.aoi
    assert (aoi.source, aoi.ipcc, aoi.lccs_label, aoi.smod_label, aoi.split) == (
        "Flood", "Settlement", "Urban areas", "Urban: Centre", "val",
    )  # fmt: skip
    assert wanted.target == wanted.highres_date == date(2020, 5, 13)


def test_what_is_not_given_is_not_known(tmp_path: Path) -> None:
    (wanted,), _ = read(tmp_path, feature(), target=date(2021, 1, 1))
    assert (wanted.aoi.lccs, wanted.aoi.ipcc, wanted.aoi.smod, wanted.aoi.split) == (None, None, None, None)
    assert (wanted.aoi.source, wanted.target, wanted.highres_date) == ("Test", date(2021, 1, 1), None)


def test_a_target_date_of_its_own_goes_before_all_others(tmp_path: Path) -> None:
    (wanted,), _ = read(tmp_path, feature(target_date="2019-01-02", highres_date="2018-01-01"), target=date(2021, 1, 1))
    assert (wanted.target, wanted.highres_date) == (date(2019, 1, 2), date(2018, 1, 1))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (feature(name=None), "its name is None"),
        (feature(name="../../etc"), "its name is '../../etc'"),
        (feature(name="hr_dataset"), "its name is 'hr_dataset'"),
        (feature(lccs=13), "its lccs is 13, which is none of 10, 11"),
        (feature(lccs=True), "its lccs is True"),
        (feature(ipcc="Ocean"), "its ipcc is 'Ocean', which is none of Agriculture"),
        (feature(smod=[30]), r"its smod is \[30\]"),
        (feature(split="training"), "its split is 'training', which is none of train, val, test"),
        (feature(target_date="13.5.2020"), "its target_date is '13.5.2020', no date like 2020-05-13"),
        (feature(geometry={"type": "LineString", "coordinates": [[0, 0], [1, 1]]}), "a LineString; give a Polygon"),
        (feature(geometry={"type": "Point", "coordinates": ["a", 2]}), "its geometry cannot be read"),
        (feature(geometry={"type": "Point", "coordinates": [180, 10]}), "over the antimeridian"),
        (feature(geometry={"type": "Point", "coordinates": [10, 89]}), "beyond ±180° or ±84°"),
        (feature(geometry=polygon(10, 10, 11, 11)), "pixels of 10 m are not 1 to 1000 a side"),
        (feature(geometry=polygon(10, 10, 10.00001, 10.00001)), "0 x 0 pixels"),
        ("no feature", "its name is None"),
    ],
)
def test_a_bad_feature_is_refused_with_its_reason_and_the_others_go_on(tmp_path: Path, bad: Any, reason: str) -> None:
    wanted, refused = read(tmp_path, bad, feature(name="Good-1"))
    assert [one.aoi.name for one in wanted] == ["Good-1"]
    (failure,) = refused
    assert re.search(reason, failure.reason), failure.reason


def test_a_name_may_occur_once_whatever_stands_for_its_spaces(tmp_path: Path) -> None:
    wanted, refused = read(tmp_path, feature("New POI-1"), feature("New-POI-1"))
    assert [one.aoi.name for one in wanted] == ["New POI-1"]
    assert refused == [Refused("New-POI-1", "an earlier feature has this name")]


@pytest.mark.parametrize("text", ["", "[]", '{"type": "FeatureCollection", "features": []}', '{"features": 3}'])
def test_a_file_without_features_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "aois.geojson"
    path.write_text(text)
    with pytest.raises(ExtendError, match=r"aois\.geojson"):
        read_wanted(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExtendError, match=r"nowhere\.geojson cannot be read"):
        read_wanted(tmp_path / "nowhere.geojson")


def test_squares_and_grids_are_those_of_all_published_aois(shared: Path) -> None:
    # Sizes that were seen of real files are among these: 158 x 159 of ASMSpotter-1-1-1, 160 x 157 of Landcover-8379.
    with (shared / "sample/sources/aois.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3928
    for row in rows:
        published = tuple(json.loads(row["bounds"]))
        grid = create_grid(published)
        assert (grid.width, grid.height) == (int(row["s2_w_pred"]), int(row["s2_h_pred"])), row["tile"]
        if row["source"] in {"Landcover", "UNHCR"}:
            # The others are ninths of larger squares.
            assert square_around(float(row["lon"]), float(row["lat"])) == pytest.approx(published, abs=1e-8), row[
                "tile"
            ]
