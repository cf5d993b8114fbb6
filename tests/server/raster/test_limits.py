import socket
import time
from typing import Any

import httpx
import numpy as np
import pytest

SECONDS = 2.0
"""An honest refusal takes milliseconds; two seconds leave room for a busy machine."""


@pytest.mark.parametrize(
    "path",
    [
        "preview.png?max_size=100000",
        "preview.png?width=100000",
        "preview/100000x100000.png",
        "preview/0x10.png",
        "preview.png?bands=unknown",
        "preview.png?bands=" + ",".join(["red"] * 40),
        "preview.png?bands=red,green",
        "preview.png?bands=B01,B02,B03,B04,B05",
        "preview.png?assets=unknown",
        "preview.png?render=unknown",
        "preview.png?expression=__import__('os')",
        "preview.png?expression=9**9**9*red",
        "preview.png?expression=unknown*2",
        "preview.png?expression=" + "red%2B" * 200 + "red",
        "preview.png?rescale=0",
        "preview.png?rescale=nan,1",
        "preview.png?rescale=1,1",
        "preview.png?rescale=a,b",
        "preview.png?colormap_name=unknown",
        "preview.png?colormap=[1,2]",
        "preview.png?colormap={{",
        "preview.png?colormap=" + "[" * 30_000,
        "preview.png?colormap_name=viridis",
        "preview.png?color_formula=unknown",
        "preview.png?color_formula=gamma RGB 0",
        "preview.png?color_formula=gamma RGB",
        "preview.png?color_formula=gamma RGB nan",
        "preview.png?color_formula=sigmoidal RGB 3 9",
        "preview.png?color_formula=saturation",
        "preview.png?bands=red&color_formula=gamma RGB 2",
        "preview.png?resampling=unknown",
        "preview.gif",
        "statistics?histogram_bins=1000000000",
        "statistics?histogram_bins=0",
        "statistics?histogram_range=2,1",
        "statistics?p=101",
        "statistics?max_size=100000",
        "tiles/WebMercatorQuad/{tile}.png?tilesize=100000",
        "tiles/WebMercatorQuad/{tile}.png?buffer=100000",
        "tiles/WebMercatorQuad/{tile}.png?buffer=5e-324",
        "tiles/WebMercatorQuad/{tile}.png?padding=100000",
        "tiles/unknown/{tile}.png",
        "tiles/WebMercatorQuad?maxzoom=999999999",
        "WebMercatorQuad/tilejson.json?maxzoom=25",
        "WebMercatorQuad/tilejson.json?minzoom=-5",
        "WebMercatorQuad/tilejson.json?maxzoom=-1",
        "WMTSCapabilities.xml?zooms=*::0,999999999",
        "WMTSCapabilities.xml?zooms=WebMercatorQuad::0,99",
        "bbox/nan,0,1,1.png",
        "bbox/1,1,0,0.png",
        "bbox/0,0,inf,1.png",
        "bbox/-180,-90,180,90.png",
        "bbox/{around}.png?dst_crs=EPSG:3857",
        "bbox/{around}.png?dst_crs=EPSG:3857&max_size=16",
        "point/nan,0",
    ],
)
def test_what_has_no_meaning_or_is_too_much_is_refused_at_once(http: httpx.Client, sentinel2: Any, path: str) -> None:
    west, south, east, north = sentinel2.bounds
    around = f"{west - 2},{south - 2},{east + 2},{north + 2}"
    started = time.monotonic()
    answer = http.get(f"{sentinel2.url}/{path.format(tile=sentinel2.middle(), around=around)}")
    assert answer.status_code == 400, answer.text[:200]
    assert time.monotonic() - started < SECONDS
    assert answer.json()["description"]


@pytest.mark.parametrize("query", ["width=100000&height=100000", "width=1e9", "height=" + "9" * 5000])
def test_a_legend_is_of_limited_size(http: httpx.Client, query: str) -> None:
    assert http.get("/raster/colorMaps/scl?f=png").status_code == 200
    assert http.get(f"/raster/colorMaps/viridis?f=png&{query}").status_code == 400


def test_a_thin_box_is_not_blown_up_along_its_other_side(http: httpx.Client, sentinel2: Any) -> None:
    west, south, _, north = sentinel2.bounds
    answer = http.get(f"{sentinel2.url}/bbox/{west},{south},{west + 1e-7},{north}.png", params={"width": 2000})
    assert answer.status_code == 400
    assert "other side" in answer.json()["description"]


@pytest.mark.parametrize("name", ["dst_crs", "coord_crs"])
def test_coordinates_are_never_fetched_from_an_address_or_a_file(http: httpx.Client, sentinel2: Any, name: str) -> None:
    """GDAL would open a URL or a file that names a coordinate system."""
    box = ",".join(map(str, sentinel2.bounds))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/crs"
        for value in (address, "/etc/passwd", "+proj=longlat +nadgrids=/etc/passwd +ellps=WGS84", "EPSG:4326+x"):
            answer = http.get(f"{sentinel2.url}/bbox/{box}.png", params={name: value})
            assert answer.status_code == 400
        with pytest.raises(TimeoutError):
            listener.accept()


def test_codes_of_coordinates_are_taken_in_their_usual_forms(http: httpx.Client, sentinel2: Any) -> None:
    box = ",".join(map(str, sentinel2.bounds))
    for value in ("EPSG:4326", "epsg:4326", "OGC:CRS84", "http://www.opengis.net/def/crs/EPSG/0/4326"):
        assert http.get(f"{sentinel2.url}/bbox/{box}.png", params={"coord_crs": value}).status_code == 200


def test_a_parameter_named_url_reads_nothing(http: httpx.Client, sentinel2: Any) -> None:
    plain = http.get(f"{sentinel2.url}/preview.png")
    with_url = http.get(f"{sentinel2.url}/preview.png", params={"url": "http://127.0.0.1:9/x.tif"})
    assert plain.content == with_url.content
    assert http.get("/raster/preview.png", params={"url": "file:///etc/passwd"}).status_code == 404


def test_geometries_are_limited(http: httpx.Client, sentinel2: Any) -> None:
    west, south, east, north = sentinel2.bounds
    ring = [[west + (east - west) * i / 20_000, south] for i in range(20_000)] + [[east, north], [west, south]]
    huge = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    refused = http.post(f"{sentinel2.url}/feature.png", json=huge)
    assert refused.status_code == 400
    assert "vertices" in refused.json()["description"]
    triangle = {"type": "Polygon", "coordinates": [[*ring[-3:], ring[-3]]]}
    small = {"type": "Feature", "properties": {}, "geometry": triangle}
    many = {"type": "FeatureCollection", "features": [small] * 101}
    assert http.post(f"{sentinel2.url}/statistics", json=many).status_code == 400
    fine = http.post(f"{sentinel2.url}/statistics", json=small, params={"cover_scale": 1000})
    assert fine.status_code == 400


@pytest.mark.parametrize("tile", ["14/0/0", "99/0/0", "14/-1/3", "3/99/99", "-1/0/0", "14/99999999999999999999/0"])
def test_a_tile_that_does_not_touch_the_item_is_not_found(http: httpx.Client, sentinel2: Any, tile: str) -> None:
    assert http.get(f"{sentinel2.url}/tiles/WebMercatorQuad/{tile}.png").status_code == 404


def test_what_lies_elsewhere_is_not_found(http: httpx.Client, sentinel2: Any) -> None:
    west, south, _, _ = sentinel2.bounds
    assert http.get(f"{sentinel2.url}/point/{west - 1},{south}").status_code == 404
    assert http.get(f"{sentinel2.url}/bbox/{west - 1},{south - 1},{west - 0.9},{south - 0.9}.png").status_code == 404


def test_an_unknown_band_is_told_the_known_ones(http: httpx.Client, spot: Any) -> None:
    answer = http.get(f"{spot.url}/preview.png", params={"bands": "ultraviolet"}).json()
    assert answer["code"] == "UnknownBand"
    for name in ("ultraviolet", "red", "green", "blue", "nir", "pan"):
        assert name in answer["description"]


def test_pages_load_nothing_from_other_hosts(http: httpx.Client, sentinel2: Any) -> None:
    own = str(http.base_url).rstrip("/")
    for url in (f"{sentinel2.url}/tiles", f"{sentinel2.url}/tiles/WebMercatorQuad", "/raster/colorMaps"):
        page = http.get(url, headers={"accept": "text/html"})
        assert page.headers["content-type"].startswith("text/html")
        assert "<script" not in page.text
        assert "<link" not in page.text
        assert own in page.text


def test_every_parameter_is_described(http: httpx.Client) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    ours = {path: methods for path, methods in paths.items() if path.startswith("/raster")}
    assert len(ours) > 40
    silent = {
        (path, parameter["name"])
        for path, methods in ours.items()
        for method in methods.values()
        for parameter in method.get("parameters", ())
        if not parameter.get("description") and parameter["name"] not in {"format", "f"}
    }
    assert not silent


def test_a_geometry_far_larger_than_an_item_is_refused_at_once(http: httpx.Client, spot: Any) -> None:
    west, south, east, north = spot.bounds
    ring = [[west - 2, south - 2], [east + 2, south - 2], [east + 2, north + 2], [west - 2, south - 2]]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    for path in ("feature.png", "statistics"):
        started = time.monotonic()
        answer = http.post(f"{spot.url}/{path}", json=feature)
        assert answer.status_code == 400, answer.text[:200]
        assert "0.5 degrees" in answer.json()["description"]
        # A mosaic reads the box and masks it afterwards, which costs no more than the image.
        assert http.post(f"/raster/collections/{spot.collection}/{path}", json=feature).status_code == 200
        assert time.monotonic() - started < 2 * SECONDS


@pytest.mark.parametrize("nodata", ["nan", "-5", "70000", "0.5"])
def test_a_nodata_that_no_stored_number_can_be_hides_nothing(http: httpx.Client, sentinel2: Any, nodata: str) -> None:
    for path in ("preview.png", f"tiles/WebMercatorQuad/{sentinel2.middle()}.png"):
        plain = sentinel2.picture(http, path)
        np.testing.assert_array_equal(sentinel2.picture(http, path, nodata=nodata), plain)


def test_an_empty_colour_correction_is_none(http: httpx.Client, sentinel2: Any) -> None:
    plain = http.get(f"{sentinel2.url}/preview.png").raise_for_status()
    assert http.get(f"{sentinel2.url}/preview.png?color_formula=").content == plain.content


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "webp", "tif", "npy"])
def test_a_picture_may_be_a_single_pixel(http: httpx.Client, sentinel2: Any, suffix: str) -> None:
    assert http.get(f"{sentinel2.url}/preview/1x1.{suffix}").status_code == 200
