import io
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import rasterio
import xarray as xr
from fastapi.testclient import TestClient
from rasterio.enums import Resampling
from rasterio.transform import from_bounds
from rasterio.warp import reproject
from zarr.storage import ZipStore

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT, slug
from server.app import create_app
from server.raster.time import routes
from server.raster.time import stack as stacks

NDVI = "(nir-red)/(nir+red)"


def test_a_stack_holds_the_published_pixels_of_all_dates_in_order(http: httpx.Client, place: Any) -> None:
    order = place.order(http)
    found = place.numbers(http)
    wanted = np.stack([place.published(revisit) for revisit in order])
    assert found.shape == wanted.shape
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.nan_to_num(found), wanted, atol=1e-7)
    dates = [date["datetime"] for date in place.dates(http)]
    assert dates == sorted(dates)


def test_clouds_can_be_taken_out(http: httpx.Client, place: Any) -> None:
    order = place.order(http)
    found = place.numbers(http, bands="B04", mask="clouds")
    np.testing.assert_array_equal(np.isnan(found[:, 0]), place.masked(order).mask[:, 3])


def test_a_place_without_a_scene_classification_uses_its_cloud_mask(http: httpx.Client, spaced: Any) -> None:
    assert {date["cloud_mask"] for date in spaced.dates(http)} == {"clm"}
    found = spaced.numbers(http, bands="red", mask="clouds")
    clouds = np.stack([spaced.published(revisit, "CLM")[0] != 0 for revisit in spaced.order(http)])
    red = np.stack([spaced.published(revisit)[3] for revisit in spaced.order(http)])
    np.testing.assert_array_equal(np.isnan(found[:, 0]), clouds | (red == 0))


def test_an_expression_is_evaluated_on_every_date(http: httpx.Client, place: Any) -> None:
    bands = np.stack([place.published(revisit) for revisit in place.order(http)]).astype("float64")
    red, nir = bands[:, 3], bands[:, 7]
    found = place.numbers(http, expression=NDVI)
    np.testing.assert_allclose(found[:, 0], (nir - red) / (nir + red), atol=1e-5)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "cubic"])
def test_a_stack_on_the_grid_of_spot_is_what_gdal_makes_of_the_published_pixels(
    http: httpx.Client, place: Any, spot: Any, method: str
) -> None:
    side = 1054
    wanted = np.full((side, side), np.nan, np.float32)
    first = place.order(http)[0]
    reproject(
        np.where((red := place.published(first)[3]) == 0, np.nan, red).astype("float32"),
        wanted,
        src_transform=place.transform(),
        src_crs="EPSG:4326",
        src_nodata=np.nan,
        dst_transform=from_bounds(*spot.bounds, side, side),
        dst_crs="EPSG:4326",
        dst_nodata=np.nan,
        resampling=Resampling[method],
    )
    found = place.numbers(http, bands="red", grid="spot", resampling=method)
    assert found.shape == (place.revisits, 1, side, side)
    np.testing.assert_allclose(found[0, 0], wanted, atol=2e-6)


def test_classes_are_never_blended(http: httpx.Client, place: Any) -> None:
    found = place.numbers(http, bands="scl", grid="spot", resampling="cubic")
    assert set(np.unique(found)) <= set(range(12))


def test_a_netcdf_says_where_when_and_what(http: httpx.Client, place: Any, tmp_path: Path) -> None:
    path = tmp_path / "stack.nc"
    path.write_bytes(place.get(http, "/stack.nc", bands="red,nir", mask="clouds").content)
    with xr.open_dataset(path, engine="h5netcdf", decode_coords="all") as dataset:
        _assert_described(dataset, http, place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # GDAL warns of more than one band dimension
        with rasterio.open(f"netcdf:{path}:pixels") as src:
            assert src.crs.to_epsg() == 4326
            np.testing.assert_allclose(src.transform, place.transform(), rtol=1e-9)


def test_a_zarr_store_says_the_same(http: httpx.Client, place: Any, tmp_path: Path) -> None:
    path = tmp_path / "stack.zarr.zip"
    path.write_bytes(place.get(http, "/stack.zarr.zip", bands="red,nir", mask="clouds").content)
    with ZipStore(path, mode="r") as store, xr.open_zarr(store, decode_coords="all") as dataset:
        _assert_described(dataset, http, place)


def _assert_described(dataset: xr.Dataset, http: httpx.Client, place: Any) -> None:
    pixels = dataset["pixels"]
    assert pixels.dims == ("time", "band", "y", "x")
    assert pixels.attrs["units"] == "1"
    np.testing.assert_array_equal(pixels.values, place.numbers(http, bands="red,nir", mask="clouds"))
    dates = place.dates(http)
    assert list(dataset["item"].values) == [date["item"] for date in dates]
    assert list(dataset["band"].values) == ["red", "nir"]
    days = [
        np.datetime64(datetime.fromisoformat(date["datetime"]).astimezone(UTC).replace(tzinfo=None)) for date in dates
    ]
    assert list(dataset["time"].values) == days
    np.testing.assert_allclose(dataset["cloud_cover"], [date["cloud_cover"] for date in dates])
    assert {"place_cloud_cover", "delta", "spatial_ref"} <= set(dataset.coords)
    assert "WGS 84" in dataset["spatial_ref"].attrs["crs_wkt"]
    transform = place.transform()
    assert dataset["x"].values[0] == pytest.approx(transform.c + transform.a / 2)
    assert dataset["y"].values[-1] == pytest.approx(transform.f + transform.e * (dataset.sizes["y"] - 0.5))


def test_a_place_is_found_by_its_name_and_by_its_slug(http: httpx.Client, spaced: Any) -> None:
    by_name = spaced.get(http, "").json()
    by_slug = http.get(f"/raster/collections/{COLLECTION_L2A}/aois/{slug(spaced.name)}").json()
    assert by_name == by_slug
    assert by_name["aoi"] == spaced.name
    for link in by_name["links"]:
        assert http.get(link["href"]).status_code == 200, link


def test_dates_are_chosen_by_time_clouds_and_distance(http: httpx.Client, place: Any) -> None:
    early, late = place.dates(http)
    day = early["datetime"][:10]
    for query in ({"datetime": day}, {"datetime": f"../{day}"}, {"datetime": f"2000-01-01/{early['datetime']}"}):
        assert place.dates(http, **query) == [early]
    assert place.dates(http, datetime=f"{late['datetime']}/..") == [late]
    assert [date["revisit"] for date in place.dates(http, limit=1)] == [1]
    nearest = min(abs(date["delta"]) for date in (early, late))
    assert {abs(date["delta"]) for date in place.dates(http, max_delta=nearest)} == {nearest}
    clearest = min(date["place_cloud_cover"] for date in (early, late))
    assert {date["place_cloud_cover"] for date in place.dates(http, max_cloud=clearest)} == {clearest}


def test_a_spot_collection_has_a_stack_of_one_date(http: httpx.Client, place: Any) -> None:
    answer = http.get(f"/raster/collections/{COLLECTION_SPOT}/aois/{place.name}/stack.npy", params={"bands": "pan"})
    assert np.load(io.BytesIO(answer.content)).shape == (1, 1, 1054, 1054)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("aois/Atlantis/stack.npy", 404, "Atlantis"),
        ("aois/{}/stack.npy?datetime=1999-01-01", 404, "2 from"),
        ("aois/{}/stack.npy?datetime=yesterday", 400, "no date, such as"),
        ("aois/{}/stack.npy?datetime=2020-01-01/2019-01-01", 400, "ends before"),
        ("aois/{}/stack.npy?limit=10000", 400, "64"),
        ("aois/{}/stack.npy?max_cloud=101", 400, "100"),
        ("aois/{}/stack.npy?mask=fog", 400, "clouds"),
        ("aois/{}/stack.npy?grid=moon", 400, "native"),
        ("aois/{}/stack.npy?resampling=magic", 400, "cubic"),
        ("aois/{}/stack.npy?bands=purple", 400, "purple"),
        ("aois/{}/stack.npy?expression=red.__class__", 400, "not allowed"),
        ("aois/{}/stack.npy?expression=red**9**9**9", 400, "exponent"),
        ("aois/{}/stack.csv", 400, "npy"),
        ("aois/{}/animation.gif?fps=0", 400, "0.1"),
        ("aois/{}/animation.gif?bands=red,nir", 400, "one or three"),
        (f"aois/{'x-' * 40}/stack.npy", 404, "no dated item"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(
    http: httpx.Client, place: Any, path: str, status: int, words: str
) -> None:
    answer = http.get(f"/raster/collections/{COLLECTION_L2A}/{path.format(place.name)}")
    assert answer.status_code == status, answer.text
    assert words in answer.json()["description"]


def test_an_answer_that_is_too_large_is_refused_before_anything_is_read(http: httpx.Client, place: Any) -> None:
    names = ",".join(["B02"] * 20)
    answer = http.get(f"{place.url}/stack.npy", params={"grid": "spot", "bands": names})
    assert answer.status_code == 400
    assert "grid=native" in answer.json()["description"]
    assert answer.elapsed.total_seconds() < 2


@pytest.fixture
def heavy(monkeypatch: pytest.MonkeyPatch) -> threading.BoundedSemaphore:
    """Every answer is a heavy one, of which one is made at a time."""
    one = threading.BoundedSemaphore(1)
    monkeypatch.setattr(stacks, "HEAVY_VALUES", 0)
    monkeypatch.setattr(stacks, "_heavy", one)
    return one


@pytest.fixture
def client(catalog: Any) -> Iterator[TestClient]:
    with TestClient(create_app(catalog.settings())) as here:
        yield here


@pytest.mark.parametrize(
    "path", ["/stack.npy", "/animation.gif", "/timeseries", "/composite/preview.png?datetime=1999-01-01/..&method=max"]
)
def test_few_heavy_answers_are_made_at_once(
    client: TestClient, place: Any, heavy: threading.BoundedSemaphore, path: str
) -> None:
    with heavy:
        answer = client.get(f"{place.url}{path}")
    assert answer.status_code == 503
    assert "try again" in answer.json()["description"]
    assert client.get(f"{place.url}{path}").status_code == 200
    assert heavy.acquire(blocking=False)


def test_an_answer_is_encoded_in_its_turn(
    client: TestClient, place: Any, heavy: threading.BoundedSemaphore, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = []

    def encode(*_: Any, **__: Any) -> bytes:
        others.append(heavy.acquire(blocking=False))
        return b""

    monkeypatch.setattr(routes, "encode_animation", encode)
    monkeypatch.setitem(routes._ENCODERS, "npy", encode)
    for path in ("/stack.npy", "/animation.gif"):
        assert client.get(f"{place.url}{path}?bands=red").status_code == 200
    assert others == [False, False]


def test_a_stack_is_tagged_and_not_sent_twice(http: httpx.Client, place: Any) -> None:
    first = place.get(http, "/stack.npy", bands="red")
    again = http.get(first.url, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert first.headers["etag"] != place.get(http, "/stack.npy", bands="nir").headers["etag"]
