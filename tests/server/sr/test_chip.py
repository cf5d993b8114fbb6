from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rasterio.io import DatasetReader, MemoryFile
from rasterio.transform import from_origin

from server.raster.decoded import Decoded, decode
from server.raster.errors import InvalidRequestError
from server.raster.record import AssetRecord, ItemRecord, create_record
from server.sr.chip import read_chip
from server.sr.models import ModelShelf
from server.sr.record import Recipe, derive
from server.sr.settings import SuperResolutionSettings
from server.sr.store import compute
from server.sr.upscaler import LocalUpscaler
from superres.model import BANDS, default_model

SIDE = 64
TRANSFORM = from_origin(10, 50, 0.0001, 0.0001)


class Files:
    """GeoTIFFs in memory, by the keys of an item's assets."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def add(self, key: str, pixels: np.ndarray, names: tuple[str, ...], **profile: Any) -> None:
        with MemoryFile() as memory:
            placing = {"crs": "EPSG:4326", "transform": TRANSFORM, "dtype": pixels.dtype, "count": len(pixels)}
            with memory.open(driver="GTiff", height=SIDE, width=SIDE, **placing, **profile) as out:
                out.write(pixels)
                out.descriptions = names
                if key == "data":
                    out.scales = (0.0001,) * len(pixels)
            self.contents[key] = bytes(memory.getbuffer())

    def decoded(self, item: ItemRecord, asset: AssetRecord, *, coarse: bool = False) -> Decoded | None:
        with self.open(item, asset) as dataset:
            return decode(dataset, 1 << 20, coarse=coarse)

    @contextmanager
    def open(self, _: ItemRecord, asset: AssetRecord) -> Iterator[DatasetReader]:
        with MemoryFile(self.contents[asset.key]) as memory, memory.open() as dataset:
            yield dataset

    def record(self) -> ItemRecord:
        grid = {"proj:shape": [SIDE, SIDE], "proj:transform": list(TRANSFORM)[:6], "type": "image/tiff"}
        names = {"data": BANDS, "scl": ("scl",), "clm": ("clm",)}
        assets = {key: grid | {"href": key, "bands": [{"name": name} for name in names[key]]} for key in self.contents}
        return create_record({"id": "x", "collection": "c", "properties": {}, "assets": assets}, {})


@pytest.fixture
def files() -> Files:
    """An item with a hole, a cloud and a cloud's shadow."""
    made, rng = Files(), np.random.default_rng(1)
    data = rng.integers(200, 3000, (4, SIDE, SIDE)).astype("uint16")
    data[:, 0, 0] = 0
    made.add("data", data, BANDS, nodata=0)
    scl = np.full((1, SIDE, SIDE), 4, "uint8")
    scl[0, 40, 30], scl[0, 41, 31] = 9, 3
    made.add("scl", scl, ("scl",))
    return made


def test_clouds_and_their_shadows_are_no_data_unless_they_are_kept(files: Files) -> None:
    masked = read_chip(files.record(), files, mask_clouds=True)
    kept = read_chip(files.record(), files, mask_clouds=False)
    assert [tuple(place) for place in np.argwhere(~masked.valid)] == [(0, 0), (40, 30), (41, 31)]
    assert [tuple(place) for place in np.argwhere(~kept.valid)] == [(0, 0)]


def test_the_cloud_mask_tells_where_there_is_no_scene_classification(files: Files) -> None:
    del files.contents["scl"]
    clm = np.zeros((1, SIDE, SIDE), "uint8")
    clm[0, 5, 6] = 1
    files.add("clm", clm, ("clm",), nodata=255)
    assert not read_chip(files.record(), files, mask_clouds=True).valid[5, 6]


def test_reflectance_is_in_the_order_of_the_model_whatever_the_files_order(files: Files) -> None:
    with files.open(None, next(iter(files.record().assets.values()))) as src:
        stored = src.read()
    chip = read_chip(files.record(), files, mask_clouds=False)
    np.testing.assert_allclose(chip.reflectance, stored * 0.0001, atol=1e-7)


def test_what_a_model_sees_of_a_cloud_is_transparent(files: Files) -> None:
    """A pixel that is shown depends on nothing that is hidden."""
    model = default_model()
    upscaler = LocalUpscaler(ModelShelf(None, None, None, 1), SuperResolutionSettings())
    made = compute(read_chip(files.record(), files, mask_clouds=True), Recipe(model), upscaler)
    expected = np.ones((SIDE, SIDE), bool)
    for row, column in ((0, 0), (40, 30), (41, 31)):
        reach = model.radius
        expected[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1] = False
    # Beyond its edges an image is mirrored: the hole in the corner is seen there again.
    np.testing.assert_array_equal(made.valid, expected.repeat(4, 0).repeat(4, 1))
    assert 0.2 < made.valid.mean() < 0.9


def test_a_model_that_tells_no_interval_gives_four_bands_and_no_layer_of_uncertainty(files: Files) -> None:
    known = default_model()
    silent = replace(known, spec=known.spec.model_copy(update={"interval": None}))
    upscaler = LocalUpscaler(ModelShelf(None, None, None, 1), SuperResolutionSettings())
    made = compute(read_chip(files.record(), files, mask_clouds=False), Recipe(silent), upscaler)
    assert made.bands.shape[0] == 4
    assert np.isfinite(made.bands).all()
    assert [band.name for band in derive(files.record(), Recipe(silent)).assets["sr"].bands] == list(BANDS)
    with pytest.raises(InvalidRequestError, match="tells no uncertainty"):
        derive(files.record(), Recipe(silent), "uncertainty")
