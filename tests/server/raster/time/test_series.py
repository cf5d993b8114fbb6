import csv
import io
from typing import Any

import httpx
import numpy as np
import pytest
from rio_tiler.models import ImageData

NDVI = "(nir-red)/(nir+red)"


def ndvi(place: Any, revisit: int) -> np.ma.MaskedArray:
    bands = place.published(revisit).astype("float64")
    seen = ~place.hidden(revisit) & (bands[3] != 0) & (bands[7] != 0)
    return np.ma.MaskedArray((bands[7] - bands[3]) / (bands[7] + bands[3]), mask=~seen)


def test_the_series_of_a_place_is_what_numpy_computes_of_the_published_files(http: httpx.Client, place: Any) -> None:
    answer = place.get(http, "/timeseries", expression=NDVI, mask="clouds", p=[10, 90]).json()
    assert answer["outputs"] == [NDVI]
    assert [entry["item"] for entry in answer["series"]] == [date["item"] for date in place.dates(http)]
    for entry, revisit in zip(answer["series"], place.order(http), strict=True):
        wanted = ndvi(place, revisit)
        statistics = entry["statistics"][NDVI]
        assert statistics["valid_percent"] == pytest.approx(100 * (~wanted.mask).mean(), abs=0.006)
        for name in ("mean", "min", "max", "std"):
            assert statistics[name] == pytest.approx(float(getattr(wanted, name)()), abs=1e-5), name
        seen = wanted.compressed()
        assert statistics["median"] == pytest.approx(float(np.median(seen)), abs=1e-3)
        assert statistics["percentile_10"] == pytest.approx(float(np.percentile(seen, 10)), abs=1e-3)
        assert statistics["percentile_90"] == pytest.approx(float(np.percentile(seen, 90)), abs=1e-3)


def test_at_a_point_they_are_of_its_pixel(http: httpx.Client, place: Any) -> None:
    lon, lat = place.transform() * (31.7, 12.2)
    answer = place.get(http, "/timeseries", bands="red,scl", lon=lon, lat=lat).json()
    for entry, revisit in zip(answer["series"], place.order(http), strict=True):
        red, scl = place.published(revisit)[3, 12, 31], place.published(revisit, "SCL")[0, 12, 31]
        statistics = entry["statistics"]
        for name in ("mean", "min", "max", "median"):
            assert statistics["red"][name] == pytest.approx(float(red), abs=1e-6)
            assert statistics["scl"][name] == scl
        assert statistics["red"]["std"] == 0


def polygon(place: Any) -> dict[str, Any]:
    corners = [place.transform() * corner for corner in [(20.5, 30.5), (60.5, 30.5), (40.0, 80.0), (20.5, 30.5)]]
    return {"type": "Polygon", "coordinates": [[list(corner) for corner in corners]]}


def test_within_a_polygon_pixels_count_by_the_share_that_it_covers(http: httpx.Client, place: Any) -> None:
    shape = polygon(place)
    for body in (shape, {"type": "Feature", "geometry": shape, "properties": {"any": 1}}):
        answer = http.post(f"{place.url}/timeseries", params={"bands": "red"}, json=body)
        assert answer.status_code == 200, answer.text
        for entry, revisit in zip(answer.json()["series"], place.order(http), strict=True):
            red = place.published(revisit)[3:4]
            height, width = red.shape[1:]
            left, top = place.transform() * (0, 0)
            right, bottom = place.transform() * (width, height)
            bounds = left, bottom, right, top
            coverage = ImageData(np.ma.MaskedArray(red), bounds=bounds, crs="EPSG:4326").get_coverage_array(shape)
            inside = ImageData(np.ma.MaskedArray(red, mask=coverage[None] == 0), bounds=bounds, crs="EPSG:4326")
            wanted = inside.statistics(coverage=coverage)["b1"]
            found = entry["statistics"]["red"]
            for name in ("mean", "min", "max", "std", "median"):
                assert found[name] == pytest.approx(getattr(wanted, name), rel=1e-4), name


def test_a_table_has_the_same_numbers(http: httpx.Client, place: Any) -> None:
    query = {"bands": "red,nir", "mask": "clouds"}
    series = place.get(http, "/timeseries", **query).json()["series"]
    by_f = place.get(http, "/timeseries", **query, f="csv")
    by_header = http.get(f"{place.url}/timeseries", params=query, headers={"accept": "text/csv"})
    assert by_f.text == by_header.text
    assert by_f.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(by_f.text)))
    assert [(row["item"], row["output"]) for row in rows] == [
        (entry["item"], name) for entry in series for name in ("red", "nir")
    ]
    for row, entry in zip(rows[::2], series, strict=True):
        for name, value in entry["statistics"]["red"].items():
            assert float(row[name]) == pytest.approx(value)


def test_a_date_that_shows_nothing_has_nulls(http: httpx.Client, place: Any) -> None:
    expression = "where(red>=0,0/(red-red),red)"
    answer = place.get(http, "/timeseries", expression=expression).json()
    statistics = answer["series"][0]["statistics"][expression]
    assert statistics.pop("valid_percent") == 0
    assert set(statistics.values()) == {None}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"lon": 1}, 400),
        ({"lon": 1, "lat": 2}, 404),
        ({"lon": "nan", "lat": 2}, 400),
        ({"p": 101}, 400),
        ({"f": "xml"}, 400),
    ],
)
def test_what_is_no_point_or_lies_elsewhere_is_refused(
    http: httpx.Client, place: Any, query: dict[str, Any], status: int
) -> None:
    assert http.get(f"{place.url}/timeseries", params=query).status_code == status


def test_what_is_no_polygon_or_lies_elsewhere_is_refused(http: httpx.Client, place: Any) -> None:
    far = {"type": "Polygon", "coordinates": [[[0, 0], [0, 0.01], [0.01, 0], [0, 0]]]}
    wide = {"type": "Polygon", "coordinates": [[[-90, -80], [0, 80], [90, -80], [-90, -80]]]}
    many = {"type": "Polygon", "coordinates": [[*[[0, i / 1e5] for i in range(10_001)], [0, 0]]]}
    for shape, status in ((far, 404), (wide, 400), (many, 400), ({"type": "Polygon"}, 400), ({}, 400)):
        assert http.post(f"{place.url}/timeseries", json=shape).status_code == status
