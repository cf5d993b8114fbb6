from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from catalog.bands import Product
from ingest.raster import read_raster

Tiff = Callable[..., bytes]


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"compress": "deflate", "predictor": 3},
        {"compress": "lzw", "tiled": True, "blockxsize": 64, "blockysize": 32},
        {"compress": "zstd"},
        {"compress": "packbits"},
        {"BIGTIFF": "YES", "ENDIANNESS": "BIG"},
        {"SPARSE_OK": True, "compress": "deflate"},
    ],
    ids=lambda layout: layout.get("compress", "plain") + ("" if len(layout) < 2 else f" {len(layout)}"),
)
@pytest.mark.parametrize("suffix", ["L2A_data", "CLM"])
def test_pixels_are_the_same_however_a_file_is_laid_out(
    tiff: Tiff, product: Callable[[str], Product], suffix: str, layout: dict[str, Any], interleave: str
) -> None:
    pixels = np.random.default_rng(0).random((len(product(suffix).bands), 157, 160)).astype(np.float32)
    pixels[:, :100] = 0
    raster = read_raster(tiff(pixels, nodata=0, interleave=interleave, **layout), product(suffix))
    assert np.array_equal(raster.pixels, pixels)
    assert raster.pixels.dtype == np.float32
    assert raster.pixels.flags.c_contiguous
