"""Two images of one place beside each other, and the numbers about them."""

import io
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from rasterio.io import MemoryFile

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from server.app import create_app
from server.raster.compare.figures import compare_bands
from server.raster.time import clouds

COMMON = ["red", "green", "blue", "nir"]


def test_figures_are_numpys() -> None:
    rng = np.random.default_rng(1)
    first = rng.uniform(0, 0.4, (1, 20, 30))
    second = 1.3 * first - 0.02 + rng.normal(0, 0.01, first.shape)
    first[0, 0], second[0, :, 0] = np.nan, np.nan
    (found,) = compare_bands(first, second, (["red"], ["B04"]))
    joint = np.isfinite(first[0]) & np.isfinite(second[0])
    one, two = first[0][joint], second[0][joint]
    gain, offset = np.polyfit(one, two, 1)
    assert found["pixels"] == joint.sum()
    assert found["match"] == pytest.approx({"gain": gain, "offset": offset})
    assert found["before"]["correlation"] == pytest.approx(np.corrcoef(one, two)[0, 1])
    assert found["before"]["rmse"] == pytest.approx(np.sqrt(np.mean((two - one) ** 2)))
    assert found["after"]["rmse"] == pytest.approx(np.sqrt(np.mean((two - gain * one - offset) ** 2)))
    assert found["first"]["mean"] == pytest.approx(one.mean())
    assert found["difference"]["percentile_50"] == pytest.approx(np.median(two - one))


def test_bands_without_common_pixels_have_no_figures() -> None:
    (found,) = compare_bands(np.full((1, 3, 3), np.nan), np.ones((1, 3, 3)), (["a"], ["a"]))
    assert (found["pixels"], found["before"]) == (0, None)


def test_spot_is_compared_with_the_closest_clear_revisit_and_a_revisit_with_spot(
    http: Any, spot: Any, sentinel2: Any
) -> None:
    answer = http.get(f"{spot.url}/compare").json()
    revisits = http.get(
        "/stac/search",
        params={
            "collections": COLLECTION_L2A,
            "filter": f"worldstrat:aoi='{spot.aoi.name}'",
            "filter-lang": "cql2-text",
        },
    ).json()["features"]
    assert answer["first"]["id"] == spot.item
    assert answer["second"]["id"] in {item["id"] for item in revisits}
    clear = [item for item in revisits if item["properties"].get("worldstrat:cloud_cover", 100) <= 10]
    if clear:
        closest = min(abs(item["properties"]["worldstrat:delta"]) for item in clear)
        assert abs(answer["second"]["delta"]) == closest
    back = http.get(f"{sentinel2.url}/compare").json()
    assert (back["first"]["id"], back["second"]["collection"]) == (sentinel2.item, COLLECTION_SPOT)


def test_numbers_are_those_of_the_published_pixels_and_there_is_no_shift(http: Any, spot: Any, sentinel2: Any) -> None:
    answer = http.get(f"{spot.url}/compare", params={"with": sentinel2.item, "mask": "none"}).json()
    assert [band["name"] for band in answer["bands"]] == COMMON
    pixels = sentinel2.pixels()
    for band, index in zip(answer["bands"], (3, 2, 1, 7), strict=True):
        seen = pixels[index][pixels[index] > 0]
        assert band["second"]["mean"] == pytest.approx(seen.mean(), rel=1e-3)
        # SPOT's mean survives the blur and the average.
        assert band["first"]["mean"] == pytest.approx(spot.pixels()[COMMON.index(band["name"])].mean(), rel=0.01)
        assert band["after"]["rmse"] <= band["before"]["rmse"]
    assert answer["grid"]["shape"] == list(pixels.shape[1:])
    assert answer["grid"]["pixel_metres"] == pytest.approx([10, 10], rel=0.1)


def test_the_shift_of_a_clear_pair_is_none_and_trusted(http: Any, spot: Any) -> None:
    answer = http.get(f"{spot.url}/compare").json()
    found = answer["registration"]
    assert found["trusted"]
    # The procedural sample has none.
    assert (found["rows"], found["columns"]) == pytest.approx((0, 0), abs=0.1)
    assert found["east_metres"] == pytest.approx(found["columns"] * found["pixel_metres"][0])
    assert found["south_metres"] == pytest.approx(found["rows"] * found["pixel_metres"][1])


def test_a_difference_as_numbers_is_the_one_that_is_summed_up(http: Any, spot: Any) -> None:
    query = {"index": "NDVI"}
    (band,) = http.get(f"{spot.url}/compare", params=query).json()["bands"]
    answer = http.get(f"{spot.url}/compare.tif", params=query)
    with MemoryFile(answer.content) as memory, memory.open() as src:
        values = src.read(1, masked=True)
        assert src.descriptions == ("NDVI",)
        np.testing.assert_allclose(src.bounds, http.get(f"{spot.url}/compare").json()["grid"]["bounds"])
    assert values.count() == band["pixels"]
    assert values.mean() == pytest.approx(band["difference"]["mean"], abs=1e-6)
    assert np.sqrt((values**2).mean()) == pytest.approx(band["before"]["rmse"], rel=1e-4)


def test_the_same_image_is_found_when_asked_again_only_where_it_changed(http: Any, spot: Any, sentinel2: Any) -> None:
    answer = http.get(f"{spot.url}/compare.png", params={"with": sentinel2.item, "size": 64})
    again = http.get(str(answer.url), headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_is_left_out_is_what_the_scene_classification_hides(http: Any, sentinel2: Any) -> None:
    """SCL: no data, defective, shadows of clouds, clouds, cirrus."""
    classes = np.load(io.BytesIO(http.get(f"{sentinel2.url}/preview.npy", params={"assets": "scl"}).content))[0]
    share = np.isin(classes, (0, 1, 3, 8, 9, 10)).mean()
    assert http.get(f"{sentinel2.url}/compare").json()["hidden_share"] == pytest.approx(share)
    assert http.get(f"{sentinel2.url}/compare", params={"mask": "none"}).json()["hidden_share"] == 0


def test_clouds_are_those_of_stacks_and_composites(
    catalog: Any, sentinel2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(clouds.HIDDEN, "scl", tuple(range(256)))
    with TestClient(create_app(catalog.settings())) as client:
        assert client.get(f"{sentinel2.url}/compare").json()["hidden_share"] == 1


def picture(http: Any, url: str, **query: Any) -> Image.Image:
    answer = http.get(url, params=query)
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def test_both_images_are_painted_as_previews_of_the_same_render_are(http: Any, spot: Any, sentinel2: Any) -> None:
    height, width = sentinel2.pixels().shape[1:]
    shown = {"with": sentinel2.item, "grid": "sentinel-2", "size": max(height, width), "captions": False}
    sheet = np.asarray(picture(http, f"{spot.url}/compare.png", mask="none", **shown).convert("RGBA")).astype(int)
    assert sheet.shape == (height, 2 * width + 4, 4)
    expected = sentinel2.picture(http, "preview.png", render="true-color").astype(int)
    assert np.abs(sheet[:, width + 4 :, :3] - expected[..., :3])[expected[..., 3] > 0].max() <= 1


def test_layouts_have_the_sizes_that_they_say(http: Any, spot: Any) -> None:
    url, head = f"{spot.url}/compare", 18
    side = picture(http, f"{url}.png", size=100)
    stack = picture(http, f"{url}.webp", size=100, layout="stack")
    swipe = picture(http, f"{url}.jpg", size=100, layout="swipe")
    width, height = swipe.width, swipe.height - head
    assert side.size == (2 * width + 4, height + head)
    assert stack.size == (width, 2 * (height + head) + 4)
    for kind in ("png", "webp", "gif"):
        blink = picture(http, f"{url}.{kind}", size=100, layout="blink")
        assert (blink.n_frames, blink.size) == (2, (width, height + head))  # type: ignore[attr-defined]
    assert picture(http, f"{url}.png", size=300, layout="difference").height > 300


def test_a_swipe_is_one_image_left_and_the_other_right(http: Any, spot: Any) -> None:
    shown = {"size": 100, "captions": False, "mask": "none"}
    side = np.asarray(picture(http, f"{spot.url}/compare.png", **shown).convert("RGB"))
    swipe = np.asarray(picture(http, f"{spot.url}/compare.png", layout="swipe", split=0.3, **shown).convert("RGB"))
    width, cut = swipe.shape[1], round(swipe.shape[1] * 0.3)
    np.testing.assert_array_equal(swipe[:, :cut], side[:, :cut])
    np.testing.assert_array_equal(swipe[:, cut + 1 :], side[:, width + 4 + cut + 1 :])


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("compare", {"with": "nothing"}, "no other image 'nothing'"),
        ("compare", {"index": "NBR"}, "no swir22"),
        ("compare", {"grid": "moon"}, "grid"),
        ("compare.jpg", {"layout": "blink"}, "one picture"),
        ("compare.png", {"bands": "red,nir"}, "2 bands"),
        ("compare.png", {"size": 100_000}, "size"),
        ("compare.png", {"rescale": "a,b"}, "rescale"),
        ("compare.exe", {}, "format"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(
    http: Any, spot: Any, path: str, query: dict[str, Any], words: str
) -> None:
    answer = http.get(f"{spot.url}/{path}", params=query)
    assert answer.status_code == 400
    assert words in answer.text


def test_there_is_no_comparison_of_an_item_that_is_not(http: Any) -> None:
    assert http.get(f"/raster/collections/{COLLECTION_SPOT}/items/nothing/compare").status_code == 404
