"""What colours mean, said in pictures and in numbers."""

import io
import zipfile
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from catalog.bands import SCL_CLASSES
from catalog.constants import COLLECTION_L2A
from server.raster.colormaps import COLORMAPS

URL = f"/raster/collections/{COLLECTION_L2A}/legend"


def test_classes_have_their_names_and_colours(http: Any) -> None:
    legend = http.get(f"{URL}.json", params={"render": "scl"}).json()
    expected = {entry["value"]: (entry["description"], f"#{entry['color_hint'].lower()}") for entry in SCL_CLASSES}
    assert {entry["value"]: (entry["name"], entry["color"]) for entry in legend["entries"]} == {
        value: entry
        for value, entry in expected.items()
        if value  # no data is see-through
    }


def test_a_ramp_goes_over_the_range_of_the_render_in_its_colours(http: Any) -> None:
    legend = http.get(f"{URL}.json", params={"render": "ndvi"}).json()
    colors = COLORMAPS.get("rdylgn")
    assert (legend["type"], legend["range"]) == ("ramp", [-0.2, 0.9])
    ends = [legend["entries"][at]["color"] for at in (0, -1)]
    assert ends == ["#" + bytes(colors[level][:3]).hex() for level in (0, 255)]


def test_the_callers_range_and_colours_win(http: Any) -> None:
    query = {"bands": "red", "rescale": "0,0.1", "colormap_name": "viridis"}
    legend = http.get(f"{URL}.json", params=query).json()
    assert (legend["range"], legend["entries"][0]["color"]) == ([0, 0.1], "#440154")


RED, GREEN = "#ff0000", "#00ff00"
CLASSES = '[[[-1, 0.2], "#ff0000"], [[0.2, 1], "#00ff00"]]'


def test_colours_of_values_are_told_as_such(http: Any) -> None:
    legend = http.get(f"{URL}.json", params={"index": "NDVI", "colormap": CLASSES}).json()
    assert [(entry["name"], entry["color"]) for entry in legend["entries"]] == [("-1 to 0.2", RED), ("0.2 to 1", GREEN)]


@pytest.mark.parametrize(
    "query",
    [
        {"index": "NDVI"},
        {"index": "NDVI", "rescale": "0,1"},
        {"index": "NDVI", "colormap_name": "viridis"},
        {"index": "NDVI", "colormap": CLASSES},
        {"bands": "scl"},
        {"bands": "scl", "rescale": "0,11"},
        {"bands": "red", "rescale": "0,0.3", "colormap": '{"4": "#ff0000", "9": "#00ff00"}'},
        {"bands": "red", "rescale": "0,0.3", "colormap": '[[[0, 99], "#ff0000"], [[99, 256], "#00ff00"]]'},
        {"render": "ndvi", "rescale": "0,1"},
    ],
)
def test_every_colour_of_a_picture_is_in_its_legend(http: Any, sentinel2: Any, query: dict[str, str]) -> None:
    picture = sentinel2.picture(http, "preview.png", **query)
    answer = http.get(f"{sentinel2.url}/outputs.zip", params={**query, "outputs": "legend"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        packed_legend = packed.read("legend.png")
    alone = http.get(f"{sentinel2.url}/legend.png", params=query).content
    assert packed_legend == alone
    legend = np.asarray(Image.open(io.BytesIO(alone)).convert("RGB")).reshape(-1, 3)
    shown = picture[picture[..., 3] > 0][:, :3] if picture.shape[-1] == 4 else picture.reshape(-1, 3)
    assert set(map(tuple, shown.tolist())) <= set(map(tuple, legend.tolist()))


def test_a_title_with_control_characters_makes_no_broken_svg(http: Any) -> None:
    svg = http.get("/raster/legend.svg", params={"colormap_name": "viridis", "title": "a\x01b\nc"})
    assert "abc" in ET.fromstring(svg.content).itertext()  # noqa: S314 - our own answer


def test_three_bands_say_what_each_colour_shows(http: Any) -> None:
    legend = http.get(f"{URL}.json", params={"index": "NBR,NDVI,NDWI"}).json()
    assert [(channel["color"], channel["band"]) for channel in legend["channels"]] == [
        ("red", "NBR"),
        ("green", "NDVI"),
        ("blue", "NDWI"),
    ]


def test_the_png_shows_the_ramp_and_the_svg_keeps_text_as_text(http: Any) -> None:
    query = {"colormap_name": "viridis", "rescale": "0,1", "title": "a<b"}
    pixels = np.asarray(Image.open(io.BytesIO(http.get("/raster/legend.png", params=query).content)).convert("RGB"))
    row = pixels[30, 8 : 8 + 256]
    np.testing.assert_array_equal(row, [COLORMAPS.get("viridis")[level][:3] for level in range(256)])
    svg = http.get("/raster/legend.svg", params=query)
    assert svg.headers["content-type"] == "image/svg+xml"
    words = [text for text in ET.fromstring(svg.content).itertext() if text]  # noqa: S314 - our own answer
    assert {"a<b", "0", "0.5", "1"} <= set(words)


def test_an_items_legend_is_that_of_its_collection(http: Any, sentinel2: Any) -> None:
    query = {"render": "ndvi"}
    assert http.get(f"{sentinel2.url}/legend.png", params=query).content == http.get(f"{URL}.png", params=query).content


def test_every_colormap_has_a_thumbnail_and_a_legend(http: Any) -> None:
    listed = http.get("/raster/legends").json()["colormaps"]
    assert [entry["name"] for entry in listed] == sorted(COLORMAPS.list())
    for entry in [listed[0], next(entry for entry in listed if entry["name"] == "scl")]:
        for link in ("thumbnail", "legend"):
            answer = http.get(entry[link])
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/raster/legend.png", 400),
        ("/raster/legend.png?colormap_name=nothing", 400),
        ("/raster/collections/nothing/legend.png", 404),
        (f"{URL}.png?render=nothing", 400),
        (f"{URL}.exe", 400),
    ],
)
def test_what_has_no_legend_is_refused(http: Any, url: str, status: int) -> None:
    assert http.get(url).status_code == status
