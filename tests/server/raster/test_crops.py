import json
from typing import Any

import httpx
import numpy as np
import pytest
from rasterio.features import geometry_mask
from rasterio.io import MemoryFile

DN = 0.0001


def window(published: Any, left: int, top: int, right: int, bottom: int) -> tuple[float, float, float, float]:
    """The box around whole pixels of the published grid."""
    _, height, width = published.pixels().shape
    west, south, east, north = published.bounds
    dx, dy = (east - west) / width, (north - south) / height
    return west + left * dx, north - bottom * dy, west + right * dx, north - top * dy


def polygon(*points: tuple[float, float]) -> dict[str, Any]:
    ring = [list(point) for point in (*points, points[0])]
    return {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def rectangle(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    return polygon((west, south), (east, south), (east, north), (west, north))


def test_a_point_gives_the_pixel_it_lies_in(http: httpx.Client, published: Any) -> None:
    pixels = published.pixels()
    _, height, width = pixels.shape
    for row, column in ((0, 0), (height // 2, 3), (height - 1, width - 1)):
        west, south, east, north = window(published, column, row, column + 1, row + 1)
        answer = http.get(f"{published.url}/point/{(west + east) / 2},{(south + north) / 2}").json()
        assert len(answer["values"]) == len(pixels)
        np.testing.assert_allclose(answer["values"], pixels[:, row, column], atol=DN)


def test_a_point_takes_bands_and_expressions(http: httpx.Client, sentinel2: Any) -> None:
    west, south, east, north = sentinel2.bounds
    url = f"{sentinel2.url}/point/{(west + east) / 2},{(south + north) / 2}"
    named = http.get(url, params={"bands": "nir,red,scl"}).json()
    assert named["band_names"] == ["nir", "red", "scl"]
    nir, red, _ = named["values"]
    index = http.get(url, params={"expression": "(nir-red)/(nir+red)"}).json()
    assert index["values"][0] == pytest.approx((nir - red) / (nir + red), abs=1e-5)
    stored = http.get(url, params={"bands": "red", "unscale": "false"}).json()
    assert stored["values"][0] == pytest.approx(red / DN, abs=0.01)


def test_a_box_gives_the_pixels_in_it(http: httpx.Client, published: Any) -> None:
    west, south, east, north = window(published, 10, 20, 70, 60)
    served = published.numbers(http, f"bbox/{west},{south},{east},{north}.npy", bands="red")
    red = published.pixels()[0 if published.item.endswith("SPOT") else 3]
    np.testing.assert_allclose(served[0], red[20:60, 10:70], atol=DN)


def test_a_box_may_be_asked_for_in_a_size(http: httpx.Client, spot: Any) -> None:
    west, south, east, north = spot.bounds
    assert spot.picture(http, f"bbox/{west},{south},{east},{north}/300x200.png").shape == (200, 300, 4)


def test_a_geotiff_of_a_box_lies_where_it_was_cut(http: httpx.Client, sentinel2: Any) -> None:
    box = window(sentinel2, 5, 5, 25, 35)
    answer = http.get(f"{sentinel2.url}/bbox/{','.join(map(str, box))}.tif", params={"bands": "B04,B08"})
    with MemoryFile(answer.content) as memory, memory.open() as src:
        assert (src.count, src.height, src.width, src.crs.to_epsg()) == (2, 30, 20, 4326)
        np.testing.assert_allclose(src.bounds, box, atol=1e-9)
        np.testing.assert_allclose(src.read(1), sentinel2.pixels()[3, 5:35, 5:25], atol=DN)


def test_a_crop_may_be_projected(http: httpx.Client, sentinel2: Any) -> None:
    box = ",".join(map(str, sentinel2.bounds))
    answer = http.get(f"{sentinel2.url}/bbox/{box}.tif", params={"dst_crs": "EPSG:3857", "bands": "red"})
    with MemoryFile(answer.content) as memory, memory.open() as src:
        assert src.crs.to_epsg() == 3857
        assert 0 < src.read_masks(1).mean() <= 255
        assert np.isnan(src.read(1)[src.read_masks(1) == 0]).all()


def test_a_polygon_hides_what_lies_outside(http: httpx.Client, sentinel2: Any) -> None:
    west, south, east, north = sentinel2.bounds
    triangle = polygon((west, south), (east, south), (west, north))
    answer = http.post(f"{sentinel2.url}/feature.tif", json=triangle, params={"bands": "red"})
    with MemoryFile(answer.content) as memory, memory.open() as src:
        inside = geometry_mask([triangle["geometry"]], src.shape, src.transform, all_touched=True, invert=True)
        np.testing.assert_array_equal(src.dataset_mask() > 0, inside)
    picture = http.post(f"{sentinel2.url}/feature/64x64.png", json=triangle)
    assert picture.headers["content-type"] == "image/png"


def test_a_preview_is_as_small_as_asked(http: httpx.Client, spot: Any) -> None:
    assert max(spot.picture(http, "preview.png", max_size=100).shape) == 100
    assert spot.picture(http, "preview/120x80.png").shape == (80, 120, 4)


def test_statistics_equal_those_of_numpy(http: httpx.Client, published: Any) -> None:
    statistics = http.get(f"{published.url}/statistics", params={"p": [5, 95]}).json()
    pixels = published.pixels()
    assert len(statistics) == len(pixels)
    for served, band in zip(statistics.values(), pixels, strict=True):
        valid = band if published.item.endswith("SPOT") else band[band != 0]
        assert served["valid_pixels"] == valid.size
        for name, expected in {
            "min": valid.min(),
            "max": valid.max(),
            "mean": valid.mean(),
            "std": valid.std(),
        }.items():
            assert served[name] == pytest.approx(expected, abs=2 * DN), name
        for name, percent in {"median": 50, "percentile_5": 5, "percentile_95": 95}.items():
            lower, upper = (np.percentile(valid, percent, method=method) for method in ("lower", "higher"))
            assert lower - DN <= served[name] <= upper + DN, name


def test_statistics_of_classes_count_them(http: httpx.Client, sentinel2: Any) -> None:
    served = http.get(f"{sentinel2.url}/statistics", params={"bands": "scl", "categorical": "true"}).json()["scl"]
    values, counts = np.unique(sentinel2.sibling("SCL"), return_counts=True)
    assert served["histogram"] == [counts.tolist(), values.tolist()]


def test_statistics_of_an_expression_and_a_polygon_equal_those_of_numpy(http: httpx.Client, sentinel2: Any) -> None:
    feature = rectangle(*window(sentinel2, 10, 10, 40, 50))
    answer = http.post(
        f"{sentinel2.url}/statistics", json=feature, params={"expression": "(nir-red)/(nir+red)", "cover_scale": 1}
    ).json()
    red, nir = sentinel2.pixels()[[3, 7], 10:50, 10:40]
    (served,) = answer["properties"]["statistics"].values()
    assert served["mean"] == pytest.approx(((nir - red) / (nir + red)).mean(), abs=5e-3)


def test_statistics_come_for_every_feature_of_a_collection(http: httpx.Client, sentinel2: Any) -> None:
    boxes = [rectangle(*window(sentinel2, left, 10, left + 20, 30)) for left in (10, 50)]
    answer = http.post(
        f"{sentinel2.url}/statistics", json={"type": "FeatureCollection", "features": boxes}, params={"bands": "red"}
    ).json()
    for feature, left in zip(answer["features"], (10, 50), strict=True):
        red = sentinel2.pixels()[3, 10:30, left : left + 20]
        assert feature["properties"]["statistics"]["red"]["mean"] == pytest.approx(red.mean(), abs=5e-3)


def test_information_of_an_item_says_what_its_rasters_are(http: httpx.Client, published: Any) -> None:
    info = http.get(f"{published.url}/info").json()
    (main,) = info.values()
    count, height, width = published.pixels().shape
    assert (main["count"], main["height"], main["width"]) == (count, height, width)
    np.testing.assert_allclose(main["bounds"], published.bounds, atol=1e-9)
    assert main["scales"] == [DN] * count
    feature = http.get(f"{published.url}/info.geojson").json()
    np.testing.assert_allclose(feature["bbox"], published.bounds, atol=1e-9)
    listed = http.get(f"{published.url}/assets").json()
    several = http.get(f"{published.url}/info", params={"assets": ",".join(listed["assets"])}).json()
    assert several.keys() == listed["assets"].keys()


def test_the_list_of_rasters_names_every_band(http: httpx.Client, sentinel2: Any) -> None:
    listed = http.get(f"{sentinel2.url}/assets").json()
    assert listed["default"] == "data"
    bands = listed["assets"]["data"]["bands"]
    assert [band["name"] for band in bands][:4] == ["B01", "B02", "B03", "B04"]
    assert bands[7]["common_name"] == "nir"
    assert listed["assets"]["scl"]["classes"] == list(range(12))
    assert "file://" not in json.dumps(listed)
