import re
import threading
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import numpy as np
import pytest
from affine import Affine
from rasterio.io import MemoryFile

from server.app import create_app
from server.raster.errors import BusyError
from server.sr.chip import Chip
from server.sr.models import ModelShelf
from server.sr.settings import SuperResolutionSettings
from server.sr.upscaler import LocalUpscaler
from superres.model import default_model
from superres.runtime import Prediction

NDVI = {"expression": "(nir-red)/(nir+red)", "rescale": "-1,1", "colormap_name": "rdylgn"}


def tiles_of(http: httpx.Client, item: Any) -> list[str]:
    """The addresses of the tiles around an item's middle, at its native zoom."""
    document = http.get(f"{item.sr}/WebMercatorQuad/tilejson.json").json()
    west, south, east, north = document["bounds"]
    z = document["maxzoom"]
    count = 2**z
    x = int((west + east) / 2 / 360 * count + count / 2)
    lat = np.radians((south + north) / 2)
    y = int((1 - np.arcsinh(np.tan(lat)) / np.pi) / 2 * count)
    return [f"{item.sr}/tiles/WebMercatorQuad/{z}/{x + dx}/{y + dy}.png" for dx in (0, 1) for dy in (0, 1)]


def test_every_answer_says_that_it_is_synthetic_and_by_whom(http: httpx.Client, item: Any) -> None:
    model = default_model()
    wanted = {
        "worldstrat-synthetic": "true",
        "worldstrat-model": model.id,
        "worldstrat-model-version": model.version,
        "worldstrat-model-sha256": model.sha256,
        "worldstrat-item": item.id,
        "worldstrat-method": "sr",
    }
    paths = ["info", "info.geojson", "statistics", "preview.png", "WebMercatorQuad/tilejson.json", "cog", "item"]
    paths += ["WMTSCapabilities.xml", "assets", "renders"]
    for address in [*(f"{item.sr}/{path}" for path in paths), tiles_of(http, item)[0]]:
        answer = http.get(address)
        assert answer.status_code == 200, address
        assert {name: answer.headers.get(name) for name in wanted} == wanted, address


def test_interpolation_is_not_called_synthetic(http: httpx.Client, item: Any) -> None:
    answer = http.get(f"{item.sr}/preview.png", params={"method": "bicubic"})
    assert answer.headers["worldstrat-synthetic"] == "false"
    assert "worldstrat-model" not in answer.headers


def test_a_geotiff_carries_its_provenance(http: httpx.Client, item: Any) -> None:
    answer = http.get(f"{item.sr}/preview.tif", params={"bands": "nir", "clouds": "keep"})
    with MemoryFile(answer.content) as memory, memory.open() as src:
        tags = src.tags()
    assert tags["WORLDSTRAT_SYNTHETIC"] == "true"
    assert tags["WORLDSTRAT_ITEM"] == item.id
    assert tags["WORLDSTRAT_MODEL_SHA256"] == default_model().sha256


def test_who_has_the_tile_gets_304(http: httpx.Client, item: Any) -> None:
    address = tiles_of(http, item)[0]
    first = http.get(address, params=NDVI)
    again = http.get(address, params=NDVI, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    assert http.get(address, params=NDVI | {"method": "bicubic"}).headers["etag"] != first.headers["etag"]


def test_the_layer_of_uncertainty_and_the_difference_are_pictures_of_their_own(http: httpx.Client, item: Any) -> None:
    pictures = [
        http.get(f"{item.sr}/preview.png", params={"clouds": "keep"} | query)
        for query in ({}, {"layer": "uncertainty"}, {"method": "difference"}, {"method": "bicubic"})
    ]
    assert [answer.status_code for answer in pictures] == [200] * 4
    assert len({answer.content for answer in pictures}) == 4


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("preview.png", {"model": "no-such-model"}, "no-such-model"),
        ("preview.png", {"method": "magic"}, "method"),
        ("preview.png", {"layer": "wishes"}, "layer"),
        ("preview.png", {"layer": "uncertainty", "method": "bicubic"}, "bicubic"),
        ("preview.png", {"bands": "B11"}, "B11"),
        ("cog", {"method": "bicubic"}, "method"),
        ("preview.png", {"expression": "().__class__"}, ""),
    ],
)
def test_what_cannot_be_made_is_refused_by_name(
    http: httpx.Client, item: Any, path: str, query: dict[str, str], words: str
) -> None:
    answer = http.get(f"{item.sr}/{path}", params=query)
    assert answer.status_code == 400
    assert words in answer.json()["description"]


def test_links_keep_the_model_and_the_method(http: httpx.Client, item: Any) -> None:
    query = {"method": "bicubic", "clouds": "keep"}
    document = http.get(f"{item.sr}/WebMercatorQuad/tilejson.json", params=query).json()
    assert all(query.items() <= layer.items() for layer in document["raster_layers"].values())
    renders = http.get(f"{item.sr}/renders", params=query).json()["renders"]
    links = [document["tiles"][0], *(render["tiles"] for render in renders.values())]
    assert len(links) > 1
    for link in links:
        assert query.items() <= dict(parse_qsl(urlsplit(link).query)).items()
    capabilities = http.get(f"{item.sr}/WMTSCapabilities.xml", params=query).text
    templates = re.findall(r'template="([^"]+)"', capabilities)
    assert templates
    for template in templates:
        assert query.items() <= dict(parse_qsl(urlsplit(unescape(template)).query)).items()


def test_a_spot_image_is_not_super_resolved(http: httpx.Client, item: Any) -> None:
    place = item.id.split("_L2A")[0]
    answer = http.get(f"/raster/collections/worldstrat-spot/items/{place}_SPOT/sr/preview.png")
    assert answer.status_code == 400
    assert "Sentinel-2" in answer.json()["description"]


def test_forty_tiles_at_once_are_one_inference(serve: Any, catalog: Any, item: Any) -> None:
    app = create_app(catalog.settings())
    upscaler = app.state.superresolution.items._upscaler
    asked: list[str] = []
    compute = upscaler.upscale

    def counted(chip: Chip, model: Any) -> Any:
        asked.append(model.id)
        return compute(chip, model)

    upscaler.upscale = counted
    client = serve(app)
    tiles = tiles_of(client, item)
    assert asked == [default_model().id]  # the TileJSON describes the bands
    app.state.superresolution.items.clear()
    asked.clear()
    addresses = [f"{tiles[n % 4]}?rescale=0,0.{n + 10}&bands=red,green,blue" for n in range(40)]
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(client.get, addresses))
    assert {answer.status_code for answer in answers} <= {200, 404}
    assert sum(answer.status_code == 200 for answer in answers) >= 10
    assert asked == [default_model().id]


class SlowRuntime:
    """A network that answers when it is told to."""

    def __init__(self) -> None:
        self.started, self.go_on = threading.Event(), threading.Event()

    def setup(self, device: str) -> None:
        """Nothing to load."""

    def predict(self, batch: np.ndarray) -> Prediction:
        self.started.set()
        assert self.go_on.wait(20)
        return Prediction(batch.repeat(4, 2).repeat(4, 3), None)


class SlowShelf(ModelShelf):
    """A shelf with that network only."""

    def __init__(self, slow: SlowRuntime) -> None:
        self.slow = slow

    def runtime(self, _: Any) -> SlowRuntime:
        return self.slow


def test_a_point_outside_is_told_before_anything_is_computed(serve: Any, catalog: Any, item: Any) -> None:
    app = create_app(catalog.settings())

    def refuse(*_: Any) -> None:
        raise AssertionError("it was computed")

    app.state.superresolution.items._upscaler.upscale = refuse
    answer = serve(app).get(f"{item.sr}/point/0,0")
    assert answer.status_code == 404
    assert item.id in answer.json()["description"]


def test_who_comes_when_the_queue_is_full_is_told_to_come_back() -> None:
    slow = SlowRuntime()
    upscaler = LocalUpscaler(SlowShelf(slow), SuperResolutionSettings(workers=1, queue=0))
    chip = Chip(np.full((4, 8, 8), 0.1, np.float32), np.ones((8, 8), bool), Affine.identity())
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(upscaler.upscale, chip, default_model())
        assert slow.started.wait(20)
        with pytest.raises(BusyError, match="Try again"):
            upscaler.upscale(chip, default_model())
        slow.go_on.set()
        assert first.result().reflectance.shape == (4, 32, 32)


def test_a_server_whose_workers_are_taken_answers_503_with_retry_after(serve: Any, catalog: Any, item: Any) -> None:
    app = create_app(catalog.settings())

    def refuse(*_: Any) -> None:
        raise BusyError("All workers have their hands full.")

    app.state.superresolution.items._upscaler.upscale = refuse
    answer = serve(app).get(f"{item.sr}/preview.png")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_a_finished_item_is_kept_in_the_store_for_the_next_process(
    serve: Any, s3_catalog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLDSTRAT_SR_KEEP", "true")
    first = create_app(s3_catalog.settings())
    client = serve(first)
    found = client.post("/stac/search", json={"collections": ["worldstrat-sentinel-2-l2a"], "limit": 1}).json()
    address = f"/raster/collections/worldstrat-sentinel-2-l2a/items/{found['features'][0]['id']}/sr/preview.png"
    picture = client.get(address).content
    second = create_app(s3_catalog.settings())

    def refuse(*_: Any) -> None:
        raise AssertionError("it was made again")

    second.state.superresolution.items._upscaler.upscale = refuse
    assert serve(second).get(address).content == picture
