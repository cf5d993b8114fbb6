from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest

from catalog.bands import SCL_CLASSES

NDVI = "(nir-red)/(nir+red)"
DN = 0.0001


def tile(z: int, x: int, y: int, suffix: str = "npy") -> str:
    return f"tiles/WebMercatorQuad/{z}/{x}/{y}.{suffix}"


def as_bytes(reflectance: np.ndarray) -> np.ndarray:
    """What a range of 0 to 0.3 makes of reflectance."""
    return np.clip(reflectance / 0.3 * 255, 0, 255)


def test_every_native_tile_equals_what_rio_tiler_makes_of_the_published_pixels(
    http: httpx.Client, published: Any
) -> None:
    bands = (
        "red,green,blue,nir" if published.item.endswith("SPOT") else "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B11,B12"
    )
    scale = DN if published.item.endswith("SPOT") else 1.0
    tiles = published.tiles()
    assert len(tiles) >= 2
    for z, x, y in tiles:
        served = published.numbers(http, tile(z, x, y), bands=bands)
        expected = published.oracle(z, x, y)
        np.testing.assert_array_equal(np.ma.getmaskarray(served).all(axis=0), np.ma.getmaskarray(expected).all(axis=0))
        difference = np.abs(served.data - expected.data * scale)[~np.ma.getmaskarray(expected)]
        assert (difference <= 1.01 * DN).mean() >= 0.999, f"{z}/{x}/{y}"


@pytest.mark.parametrize("resampling", ["bilinear", "cubic", "average"])
def test_resampling_is_that_of_rio_tiler(http: httpx.Client, spot: Any, resampling: str) -> None:
    z, x, y = spot.tiles()[0]
    served = spot.numbers(http, tile(z, x, y), bands="red", resampling=resampling)
    expected = spot.oracle(z, x, y, indexes=1, reproject_method=resampling)
    inside = ~np.ma.getmaskarray(expected)
    assert (np.abs(served.data - expected.data * DN)[inside] <= 1.01 * DN).mean() >= 0.999


def test_the_corners_of_the_spot_image_land_on_the_bounds_of_the_place(http: httpx.Client, spot: Any) -> None:
    """Each corner pixel is found where the place's bounds say, and nothing is found beyond them."""
    west, south, east, north = spot.bounds
    half = (east - west) / 1054 / 2, (north - south) / 1054 / 2
    pixels = spot.pixels()
    corners = {(west, north): (0, 0), (east, north): (0, -1), (west, south): (-1, 0), (east, south): (-1, -1)}
    for (lon, lat), (row, column) in corners.items():
        side = (1 if lon == west else -1) * half[0], (1 if lat == south else -1) * half[1]
        inside = http.get(f"{spot.url}/point/{lon + side[0]},{lat + side[1]}").json()
        np.testing.assert_allclose(inside["values"], pixels[:, row, column], atol=DN / 2)
        assert http.get(f"{spot.url}/point/{lon - side[0]},{lat - side[1]}").status_code == 404


def test_tiles_of_deeper_zooms_still_lie_on_the_bounds(http: httpx.Client, spot: Any) -> None:
    z, x, y = spot.tiles(20)[0]
    served = spot.numbers(http, tile(z, x, y), bands="red")
    expected = spot.oracle(z, x, y, indexes=1)
    np.testing.assert_array_equal(np.ma.getmaskarray(served), np.ma.getmaskarray(expected))
    np.testing.assert_allclose(served.filled(0), expected.filled(0) * DN, atol=1.01 * DN)


def test_a_bare_tile_shows_the_collections_true_colour(http: httpx.Client, published: Any) -> None:
    z, x, y = published.tiles()[0]
    picture = published.picture(http, tile(z, x, y, "png"))
    rgb = [1, 2, 3] if published.item.endswith("SPOT") else [4, 3, 2]
    expected = published.oracle(z, x, y, indexes=rgb)
    scale = DN if published.item.endswith("SPOT") else 1.0
    np.testing.assert_array_equal(picture[..., 3] == 0, np.ma.getmaskarray(expected).all(axis=0))
    seen = picture[..., 3] > 0
    difference = np.abs(np.moveaxis(picture[..., :3], -1, 0)[:, seen] - as_bytes(expected.data * scale)[:, seen])
    assert (difference <= 1).mean() >= 0.999
    assert picture[seen][:, :3].std() > 5, "a picture has something to see"


@pytest.mark.parametrize(
    ("one", "other"),
    [("red,green,blue", "B04,B03,B02"), ("nir08,swir16", "B8A,B11"), ("RED,b03", "B04,green"), ("scl", "scl")],
)
def test_bands_answer_to_their_name_and_to_their_common_name(
    http: httpx.Client, sentinel2: Any, one: str, other: str
) -> None:
    path = f"tiles/WebMercatorQuad/{sentinel2.middle()}.npy"
    np.testing.assert_array_equal(
        sentinel2.numbers(http, path, bands=one), sentinel2.numbers(http, path, bands=other.split(","))
    )


def test_bands_of_other_rasters_are_found_by_name_and_by_raster(http: httpx.Client, spot: Any) -> None:
    preview = spot.numbers(http, "preview.npy", bands="pan", max_size=2048)
    np.testing.assert_allclose(preview, spot.sibling("pan") / 10_000, atol=DN / 2)
    native = spot.numbers(http, "preview.npy", assets="rgbn", bands="nir")
    np.testing.assert_allclose(native, spot.sibling("rgbn")[3:] / 10_000, atol=DN / 2)
    pansharpened = spot.numbers(http, "preview.npy", bands="nir", max_size=2048)
    np.testing.assert_allclose(pansharpened, spot.pixels()[3:], atol=DN / 2)


def test_rasters_of_different_grids_are_stacked_on_the_finer(http: httpx.Client, spot: Any) -> None:
    both = spot.numbers(http, "preview.npy", bands="ps:red,rgbn:red", max_size=2048)
    assert both.shape == (2, 1054, 1054)
    np.testing.assert_allclose(both[0], spot.pixels()[0], atol=DN / 2)
    nearest = (np.arange(1054) + 0.5) * 263 // 1054
    rows = nearest.astype(int)
    np.testing.assert_allclose(both[1], spot.sibling("rgbn")[0][np.ix_(rows, rows)] / 10_000, atol=DN / 2)


@pytest.mark.parametrize("expression", [NDVI, "(B08-B04)/(B08+B04)"])
def test_an_expression_equals_numpys(http: httpx.Client, sentinel2: Any, expression: str) -> None:
    served = sentinel2.numbers(http, "preview.npy", expression=expression)
    red, nir = sentinel2.pixels()[[3, 7]]
    np.testing.assert_allclose(served[0], (nir - red) / (nir + red), atol=2e-3)


def test_an_expression_may_mix_reflectance_and_classes(http: httpx.Client, sentinel2: Any) -> None:
    served = sentinel2.numbers(http, "preview.npy", expression="where(scl==4, nir, 0/0*nir)")
    vegetation = sentinel2.sibling("SCL")[0] == 4
    assert vegetation.any()
    np.testing.assert_array_equal(~np.ma.getmaskarray(served)[0], vegetation)
    np.testing.assert_allclose(served[0].data[vegetation], sentinel2.pixels()[7][vegetation], atol=DN)


def test_stored_numbers_are_given_on_request(http: httpx.Client, published: Any) -> None:
    stored = published.numbers(http, "preview.npy", bands="red", unscale="false", max_size=2048)
    physical = published.numbers(http, "preview.npy", bands="red", max_size=2048)
    assert stored.dtype == np.uint16
    np.testing.assert_allclose(stored.data * DN, physical.data, atol=1e-6)


def test_classes_are_given_as_they_are_and_painted_in_their_colours(http: httpx.Client, sentinel2: Any) -> None:
    classes = sentinel2.sibling("SCL")[0].astype("uint8")
    served = sentinel2.numbers(http, "preview.npy", bands="scl")
    assert served.dtype == np.uint8
    np.testing.assert_array_equal(served[0], classes)
    colors = {entry["value"]: bytes.fromhex(str(entry["color_hint"])) for entry in SCL_CLASSES}
    for query in ({"render": "scl"}, {"bands": "scl"}, {"assets": "scl"}, {"bands": "scl", "colormap_name": "scl"}):
        picture = sentinel2.picture(http, "preview.png", **query)
        for value in np.unique(classes):
            np.testing.assert_array_equal(np.unique(picture[classes == value][:, :3], axis=0), [list(colors[value])])


def test_every_stored_render_makes_a_picture(http: httpx.Client, published: Any) -> None:
    listed = http.get(f"{published.url}/renders").json()
    assert listed["default"] == "true-color"
    assert {"true-color", "false-color", "ndvi"} <= listed["renders"].keys()
    for name, render in listed["renders"].items():
        picture = published.picture(http, "preview.png", render=name)
        assert picture[..., 3].any()
        assert picture[..., :3].std() > 0
        tiles = http.get(render["tilejson"]).json()["tiles"][0]
        z, x, y = published.middle().split("/")
        assert http.get(tiles.format(z=z, x=x, y=y)).status_code == 200


def test_a_stored_render_is_what_its_parameters_say(http: httpx.Client, spot: Any) -> None:
    by_name = spot.picture(http, "preview.png", render="ndvi")
    spelled = spot.picture(http, "preview.png", expression=NDVI, rescale="-0.2,0.9", colormap_name="rdylgn")
    np.testing.assert_array_equal(by_name, spelled)


def test_what_the_caller_says_wins_over_the_stored_render(http: httpx.Client, spot: Any) -> None:
    brighter = spot.picture(http, "preview.png", render="true-color", rescale="0,0.1")
    red = np.clip(spot.numbers(http, "preview.npy", bands="red")[0] / 0.1 * 255, 0, 255)
    assert (np.abs(brighter[..., 0] - red) <= 1).all()


def test_bands_without_a_range_are_painted_visibly(http: httpx.Client, published: Any) -> None:
    picture = published.picture(http, "preview.png", bands="nir,red,green")
    assert 20 < picture[..., :3].mean() < 235


@pytest.mark.parametrize(
    ("suffix", "media_type"),
    [("png", "image/png"), ("jpg", "image/jpg"), ("jpeg", "image/jpeg"), ("webp", "image/webp"), ("tif", "image/tiff")],
)
def test_tiles_come_in_the_usual_formats(http: httpx.Client, sentinel2: Any, suffix: str, media_type: str) -> None:
    answer = http.get(f"{sentinel2.url}/tiles/WebMercatorQuad/{sentinel2.middle()}.{suffix}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media_type)


def test_without_a_format_what_is_whole_comes_as_jpeg_and_the_rest_as_png(http: httpx.Client, spot: Any) -> None:
    inside = http.get(f"{spot.url}/tiles/WebMercatorQuad/{spot.middle()}")
    assert inside.headers["content-type"] == "image/jpeg"
    z, x, y = spot.tiles()[0]
    assert http.get(f"{spot.url}/tiles/WebMercatorQuad/{z}/{x}/{y}").headers["content-type"] == "image/png"


def test_a_mask_can_be_left_out(http: httpx.Client, spot: Any) -> None:
    z, x, y = spot.tiles()[0]
    assert (spot.picture(http, tile(z, x, y, "png"), return_mask="false")[..., 3] == 255).all()


def test_a_stored_value_can_be_made_transparent(http: httpx.Client, sentinel2: Any) -> None:
    classes = sentinel2.sibling("SCL")[0]
    value = int(classes[0, 0])
    picture = sentinel2.picture(http, "preview.png", bands="scl", nodata=value)
    np.testing.assert_array_equal(picture[..., 3] == 0, classes == value)


def test_tiles_may_be_larger(http: httpx.Client, spot: Any) -> None:
    assert spot.picture(http, f"tiles/WebMercatorQuad/{spot.middle(16)}.png", tilesize=512).shape == (512, 512, 4)


def test_tilejson_leads_to_tiles_and_knows_the_native_zoom(http: httpx.Client, published: Any) -> None:
    document = http.get(f"{published.url}/WebMercatorQuad/tilejson.json", params={"tile_format": "png"}).json()
    assert document["maxzoom"] == published.maxzoom
    np.testing.assert_allclose(document["bounds"], published.bounds, atol=1e-9)
    z, x, y = published.middle().split("/")
    answer = http.get(document["tiles"][0].format(z=z, x=x, y=y))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"


def test_tiles_also_come_in_degrees(http: httpx.Client, spot: Any) -> None:
    document = http.get(f"{spot.url}/WorldCRS84Quad/tilejson.json").json()
    assert document["maxzoom"] >= 15


def test_links_keep_the_prefix_of_a_proxy(behind_a_proxy: httpx.Client, spot: Any) -> None:
    prefix = f"{behind_a_proxy.base_url}".rstrip("/") + "/api/v1/raster/"
    document = behind_a_proxy.get(f"{spot.url}/WebMercatorQuad/tilejson.json").json()
    assert document["tiles"][0].startswith(prefix)
    capabilities = behind_a_proxy.get(f"{spot.url}/WMTSCapabilities.xml").text
    assert prefix in capabilities
    renders = behind_a_proxy.get(f"{spot.url}/renders").json()["renders"]
    assert renders["ndvi"]["tiles"].startswith(prefix)


def test_many_at_once_get_what_each_gets_alone(http: httpx.Client, spot: Any, sentinel2: Any) -> None:
    """Threads share what is kept in memory; none sees another's reading."""
    urls = [
        f"{item.url}/{tile(z, x, y, 'png')}?{query}"
        for item in (spot, sentinel2)
        for z, x, y in item.tiles()[:4]
        for query in ("", "render=ndvi", "bands=nir,red,green", "expression=nir-red")
    ]
    alone = [http.get(url).content for url in urls]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda url: http.get(url).content, urls * 3))
    assert together == alone * 3
