"""Several answers at once, each the same as when asked for alone."""

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from rasterio.io import MemoryFile


def archive(http: Any, item: Any, **query: Any) -> dict[str, bytes]:
    answer = http.get(f"{item.url}/outputs.zip", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name) for name in packed.namelist()}


def raster(content: bytes) -> np.ma.MaskedArray:
    with MemoryFile(content) as memory, memory.open() as src:
        return src.read(masked=True)


def test_the_usual_files_are_those_asked_for_alone(http: Any, sentinel2: Any) -> None:
    files = archive(http, sentinel2, index="NDVI")
    assert set(files) == {"image.png", "mask.tif", "statistics.json", "about.json"}
    assert files["image.png"] == http.get(f"{sentinel2.url}/preview.png", params={"index": "NDVI"}).content
    alone = http.get(f"{sentinel2.url}/statistics", params={"index": "NDVI"}).json()["NDVI"]
    assert json.loads(files["statistics.json"])["NDVI"]["mean"] == pytest.approx(alone["mean"])
    mask = raster(files["mask.tif"])
    seen = sentinel2.numbers(http, "preview.npy", index="NDVI")
    np.testing.assert_array_equal(mask[0] == 255, ~seen.mask[0])


def test_numbers_in_a_box_are_those_of_the_box(http: Any, spot: Any) -> None:
    west, south, east, north = spot.bounds
    box = f"{west},{south},{(west + east) / 2},{(south + north) / 2}"
    query = {"bands": "red,nir", "max_size": 200}
    files = archive(http, spot, bbox=box, outputs="data", **query)
    alone = spot.numbers(http, f"bbox/{box}.npy", **query)
    np.testing.assert_allclose(raster(files["data.tif"]), alone, rtol=1e-6)
    about = json.loads(files["about.json"])
    assert (about["bands"], about["files"]) == (["red", "nir"], ["data.tif"])
    assert [about["height"], about["width"]] == list(alone.shape[1:])


def test_the_same_request_gives_the_same_bytes_and_a_tag(http: Any, spot: Any) -> None:
    url, query = f"{spot.url}/outputs.zip", {"max_size": 64, "outputs": "image,legend,statistics"}
    first, second = (http.get(url, params=query) for _ in range(2))
    assert first.content == second.content
    known = http.get(url, params=query, headers={"If-None-Match": first.headers["ETag"]})
    assert known.status_code == 304


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"outputs": "image,evil"}, 400, "evil"),
        ({"bbox": "1,2,3"}, 400, "west,south,east,north"),
        ({"bbox": "1,2,3,4"}, 404, "does not touch"),
        ({"max_size": 100_000}, 400, "max_size"),
        ({"bands": "red,nir"}, 400, "2 bands"),
    ],
)
def test_what_cannot_be_packed_is_refused(http: Any, spot: Any, query: dict[str, Any], status: int, words: str) -> None:
    answer = http.get(f"{spot.url}/outputs.zip", params=query)
    assert answer.status_code == status
    assert words in answer.text


@pytest.mark.parametrize(("asset", "count"), [("ps", 4), ("rgbn", 4), ("pan", 1)])
def test_each_raster_of_spot_is_read_by_its_name(http: Any, spot: Any, asset: str, count: int) -> None:
    published = spot.sibling(asset).astype(float) / 10_000
    height, width = published.shape[1:]
    options = {"assets": asset, "width": width, "height": height}
    files = archive(http, spot, outputs="data,statistics", **options)
    data = raster(files["data.tif"])
    assert len(data) == count or asset == "ps"  # three bands of four where nothing is said of the main raster
    statistics = http.get(f"{spot.url}/statistics", params={"assets": asset}).json()
    means = [band["mean"] for band in statistics.values()]
    np.testing.assert_allclose(means, published.mean(axis=(1, 2)), rtol=1e-3)
    z, x, y = spot.middle().split("/")
    tile = http.get(
        f"{spot.url}/tiles/WebMercatorQuad/{z}/{x}/{y}.png", params={"assets": asset, "bands": _band(asset)}
    )
    assert tile.status_code == 200, tile.text
    lon, lat = (spot.bounds[0] + spot.bounds[2]) / 2, (spot.bounds[1] + spot.bounds[3]) / 2
    point = http.get(f"{spot.url}/point/{lon},{lat}", params={"assets": asset}).json()
    assert len(point["values"]) == count


def _band(asset: str) -> str:
    return "pan" if asset == "pan" else "nir"
