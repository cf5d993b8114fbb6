"""One image of several revisits of a place, against the files that it is made of."""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import morecantile
import numpy as np
import pytest
from affine import Affine
from rasterio.io import MemoryFile

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from server.app import create_app
from server.raster.record import Grid
from server.sr.chip import Chip
from server.sr.multiframe import Fusing, _onto
from superres.inference import Upscaled, interpolate, superresolve
from superres.model import Model, default_model
from superres.multiframe import Frame, Placed, fuse, place_frames
from superres.registration import Shift
from superres.runtime import open_runtime

TMS = morecantile.tms.get("WebMercatorQuad")
DN = 0.0001
BANDS = "B02,B03,B04,B08"


@pytest.fixture(scope="session")
def fused_place(items: list[Any]) -> list[Any]:
    """The dates of a place."""
    name = next(item.id.split("_L2A")[0] for item in items if item.id.startswith("Landcover") and "_L2A" in item.id)
    return sorted((item for item in items if item.id.startswith(f"{name}_L2A")), key=lambda item: item.id)


@pytest.fixture(scope="session")
def url(fused_place: list[Any]) -> str:
    """Where their common image is."""
    name = fused_place[0].id.split("_L2A")[0]
    return f"/raster/collections/{COLLECTION_L2A}/aois/{name}/sr"


@pytest.fixture(scope="session")
def answer(http: httpx.Client, url: str) -> httpx.Response:
    """All of it as a file."""
    answer = http.get(f"{url}/cog", params={"clouds": "keep"})
    assert answer.status_code == 200, answer.text
    return answer


def test_the_image_is_what_the_room_next_door_makes_of_the_published_files(
    answer: httpx.Response, fused_place: list[Any]
) -> None:
    with MemoryFile(answer.content) as memory, memory.open() as src:
        served, valid = src.read(), src.dataset_mask() > 0
    reference = answer.headers["worldstrat-reference"]
    order = sorted(fused_place, key=lambda item: (item.id != reference, item.id))
    frames = [
        Frame(item.reflectance().astype(np.float32), np.ones(item.reflectance().shape[1:], bool)) for item in order
    ]
    placed, dropped = place_frames(frames)
    assert not dropped
    model = default_model()
    runtime = open_runtime(model)
    made = [superresolve(frame.reflectance, frame.valid, runtime, model) for frame in frames]
    expected = fuse(frames[0], placed, made).reflectance
    assert valid.any()
    assert np.abs(served * DN - expected)[:, valid].max() <= DN


def test_averages_are_the_pixels_of_the_reference(answer: httpx.Response, fused_place: list[Any]) -> None:
    reference = next(item for item in fused_place if item.id == answer.headers["worldstrat-reference"]).reflectance()
    with MemoryFile(answer.content) as memory, memory.open() as src:
        fine, valid = src.read() * DN, src.dataset_mask() > 0
    height, width = reference.shape[1:]
    means = fine.reshape(4, height, 4, width, 4).mean(axis=(2, 4))
    trusted = valid.reshape(height, 4, width, 4).all(axis=(1, 3))
    assert trusted.mean() > 0.5
    assert np.abs(means - reference)[:, trusted].max() <= DN


def test_it_is_no_single_image_under_another_name(
    http: httpx.Client, answer: httpx.Response, fused_place: list[Any]
) -> None:
    reference = next(item for item in fused_place if item.id == answer.headers["worldstrat-reference"])
    with MemoryFile(answer.content) as memory, memory.open() as src:
        difference = np.abs(src.read().astype(int) - reference.file(http, clouds="keep").bands)
    assert difference.max() > 10


def test_every_answer_says_of_which_dates_it_is(http: httpx.Client, url: str, fused_place: list[Any]) -> None:
    paths = ["info", "statistics", "preview.png", "WebMercatorQuad/tilejson.json", "WMTSCapabilities.xml", "renders"]
    middle = "/".join(map(str, _middle(http, url)))
    for path in [*paths, f"tiles/WebMercatorQuad/{middle}.png", f"tiles/WebMercatorQuad/{middle}.png"]:
        answer = http.get(f"{url}/{path}", params={"clouds": "keep"})
        assert answer.status_code == 200, (path, answer.text)
        told = {name.removeprefix("worldstrat-"): value for name, value in answer.headers.items()}
        assert (told["synthetic"], told["method"], told["frames"]) == ("true", "fused", str(len(fused_place)))
        assert sorted(told["items"].split(",")) == [item.id for item in fused_place]
        assert told["reference"] in told["items"]
        first, last = told["datetime"].split("/")
        assert first < last
        assert told["model"] == default_model().id
        assert "fused" in told["title"]


def test_a_file_carries_its_dates(answer: httpx.Response, fused_place: list[Any]) -> None:
    with MemoryFile(answer.content) as memory, memory.open() as src:
        tags = src.tags()
    assert tags["WORLDSTRAT_SYNTHETIC"] == "true"
    assert sorted(tags["WORLDSTRAT_ITEMS"].split(",")) == [item.id for item in fused_place]
    assert tags["WORLDSTRAT_FRAMES"] == str(len(fused_place))


def test_a_crop_is_the_window_of_the_whole(http: httpx.Client, url: str, answer: httpx.Response) -> None:
    with MemoryFile(answer.content) as memory, memory.open() as src:
        whole, transform = src.read(), src.transform
    row, column, height, width = 37, 90, 61, 44
    (left, top), (right, bottom) = transform * (column, row), transform * (column + width, row + height)
    margin = transform.a * 1e-3
    box = f"{left + margin},{bottom + margin},{right - margin},{top - margin}"
    cut = http.get(f"{url}/bbox/{box}.tif", params={"bands": BANDS, "unscale": "false", "clouds": "keep"})
    with MemoryFile(cut.content) as memory, memory.open() as src:
        served = src.read([1, 2, 3, 4])
        assert src.tags()["WORLDSTRAT_METHOD"] == "fused"
    assert np.abs(served.astype(int) - whole[:, row : row + height, column : column + width]).max() <= 1


def test_the_difference_is_what_fusing_adds_to_bicubic(http: httpx.Client, url: str) -> None:
    def read(method: str) -> np.ndarray:
        query = {"bands": BANDS, "method": method, "clouds": "keep", "max_size": "2048"}
        return np.load(io.BytesIO(http.get(f"{url}/preview.npy", params=query).content))[:-1]

    assert np.abs(read("difference") - (read("fused") - read("bicubic"))).max() <= 2 * DN


def test_the_uncertainty_is_larger_than_that_of_no_spread(http: httpx.Client, url: str, answer: httpx.Response) -> None:
    reference = answer.headers["worldstrat-reference"]
    query = {"bands": "red_uncertainty", "clouds": "keep", "max_size": "2048"}
    alone = url.replace("/aois/", "/items/").split("/items/")[0] + f"/items/{reference}/sr"
    together, single = (np.load(io.BytesIO(http.get(f"{at}/preview.npy", params=query).content)) for at in (url, alone))
    seen = (together[-1] > 0) & (single[-1] > 0)
    assert np.median(together[0][seen]) > np.median(single[0][seen])


def test_who_has_the_tile_gets_304_and_other_dates_are_another_tile(http: httpx.Client, url: str) -> None:
    address = f"{url}/preview.png"
    first = http.get(address)
    assert http.get(address, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    assert http.get(address, params={"clouds": "keep"}).headers["etag"] != first.headers["etag"]


def test_links_keep_the_dates(http: httpx.Client, url: str) -> None:
    query = {"clouds": "keep", "limit": "2"}
    document = http.get(f"{url}/WebMercatorQuad/tilejson.json", params=query).json()
    assert all(query.items() <= layer.items() for layer in document["raster_layers"].values())


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"limit": "1"}, 400, "limit"),
        ({"limit": "9"}, 400, "limit"),
        ({"method": "sr"}, 400, "fused"),
        ({"datetime": "never"}, 400, "never"),
        ({"datetime": "1999-01-01"}, 404, "date"),
        ({"model": "no-such-model"}, 400, "no-such-model"),
    ],
)
def test_what_cannot_be_made_is_refused(
    http: httpx.Client, url: str, query: dict[str, str], status: int, words: str
) -> None:
    answer = http.get(f"{url}/preview.png", params=query)
    assert answer.status_code == status
    assert words in answer.json()["description"]


def test_one_date_alone_is_no_fusion(http: httpx.Client, url: str) -> None:
    day = http.get(f"{url.removesuffix('/sr')}").json()["dates"][0]["datetime"][:10]
    answer = http.get(f"{url}/preview.png", params={"datetime": day, "clouds": "keep"})
    assert answer.status_code == 404
    assert "alone" in answer.json()["description"]


def _middle(http: httpx.Client, url: str) -> tuple[int, int, int]:
    document = http.get(f"{url}/WebMercatorQuad/tilejson.json", params={"clouds": "keep"}).json()
    west, south, east, north = document["bounds"]
    tile = TMS.tile((west + east) / 2, (south + north) / 2, document["maxzoom"])
    return tile.z, tile.x, tile.y


def test_twenty_cold_tiles_cost_one_inference_for_each_date(
    serve: Any, catalog: Any, url: str, fused_place: list[Any]
) -> None:
    app = create_app(catalog.settings())
    upscaler = app.state.superresolution.fusions._upscaler
    compute, asked = upscaler.upscale, []

    def counted(chip: Chip, model: Any) -> Any:
        asked.append(model.id)
        return compute(chip, model)

    upscaler.upscale = counted
    client = serve(app)
    with ThreadPoolExecutor(20) as pool:
        queries = [{"rescale": f"0,0.{n + 10}", "bands": "red,green,blue", "clouds": "keep"} for n in range(20)]
        answers = list(pool.map(lambda query: client.get(f"{url}/preview.png", params=query), queries))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 20
    assert len(asked) == len(fused_place)


@dataclass
class Remembering:
    """An upscaler that keeps what it is given."""

    chips: list[Chip] = field(default_factory=list)

    def upscale(self, chip: Chip, model: Model) -> Upscaled:
        self.chips.append(chip)
        return interpolate(chip.reflectance[:4], chip.valid, "nearest", model.scale)


def test_a_model_of_several_revisits_gets_them_together() -> None:
    model = default_model()
    together = replace(model, spec=model.spec.model_copy(update={"frames": 8}))
    frames = [Frame(np.full((4, 20, 20), 0.1 * n, np.float32), np.ones((20, 20), bool)) for n in (1, 2)]
    placed = [Placed(n, Shift(0, 0, 1), (1.0,) * 4, (0.0,) * 4) for n in (0, 1)]
    upscaler = Remembering()
    chip = Chip(frames[0].reflectance, frames[0].valid, Affine.identity())
    Fusing(frames, placed, upscaler).upscale(chip, together)
    (given,) = upscaler.chips
    assert given.reflectance.shape == (32, 20, 20)
    np.testing.assert_allclose(given.reflectance[:, 0, 0].reshape(8, 4)[:, 0], [0.1, 0.2, *[0.1] * 6])


def test_a_date_on_other_pixels_comes_onto_the_references() -> None:
    ramp = np.arange(30, dtype=np.float32) + np.zeros((4, 28, 1), np.float32)
    there = Affine.translation(10, 50) * Affine.scale(1, -1)
    chip = Chip(ramp, np.ones((28, 30), bool), there)
    grid = Grid(there * Affine.translation(3.2, -1), 28, 30)
    moved = _onto(chip, grid)
    np.testing.assert_array_equal(moved.reflectance[0, 5, :26], ramp[0, 0, 3:29])
    assert not moved.valid[0].any()
    assert not moved.valid[:, 27:].any()
    assert moved.valid[1:, :26].all()


def test_a_spot_image_is_refused_for_its_bands(http: httpx.Client, url: str) -> None:
    answer = http.get(f"{url.replace(COLLECTION_L2A, COLLECTION_SPOT)}/preview.png")
    assert answer.status_code == 400
    assert "B08" in answer.json()["description"]
