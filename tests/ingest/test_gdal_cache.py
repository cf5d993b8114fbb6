"""GDAL keeps the blocks of a raster while it is read, in the worker and for `extend`."""

from typing import Any

import pytest
import rasterio
from rasterio.env import get_gdal_config

from ingest.cog import GDAL_OPTIONS
from ingest.extend.read import OPTIONS

SPOT_BYTES = 1054 * 1054 * 4 * 2
"""The largest published raster, decoded."""


@pytest.mark.parametrize("options", [GDAL_OPTIONS, OPTIONS], ids=["worker", "extend"])
def test_gdals_cache_holds_the_largest_raster(options: dict[str, Any]) -> None:
    with rasterio.Env(**options):
        assert get_gdal_config("GDAL_CACHEMAX") >= SPOT_BYTES
