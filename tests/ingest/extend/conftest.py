"""Two foreign catalogs, in the forms that Earth Search and Planetary Computer give their items."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import from_origin
from shapely.geometry import box, mapping

from infra.ports import free_port

PLACE = (13.15, 11.78)
"""Longitude and latitude of the AOI, in UTM zone 33 north."""
SIDE = 4_000
"""Metres that the images show around it."""
RESOLUTIONS = {
    "B01": 60, "B02": 10, "B03": 10, "B04": 10, "B05": 20, "B06": 20, "B07": 20, "B08": 10, "B8A": 20, "B09": 60,
    "B11": 20, "B12": 20, "SCL": 20,
}  # fmt: skip
EARTH_SEARCH = {
    "coastal": "B01", "blue": "B02", "green": "B03", "red": "B04", "rededge1": "B05", "rededge2": "B06",
    "rededge3": "B07", "nir": "B08", "nir08": "B8A", "nir09": "B09", "swir16": "B11", "swir22": "B12",
}  # fmt: skip
COMMON = {
    **{band: name for name, band in EARTH_SEARCH.items()},
    **dict.fromkeys(("B05", "B06", "B07", "B8A"), "rededge"),
}


@dataclass(frozen=True)
class ForeignCatalog:
    """A server, and the files it shows."""

    url: str
    folder: Path

    def raster(self, band: str) -> Path:
        """The file of a band, shared by all items."""
        return self.folder / f"{band}.tif"


def _write_rasters(folder: Path) -> None:
    """Write one COG a band, digital numbers that are all different from band to band; the west has no data."""
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32633", always_xy=True).transform(*PLACE)
    west, north = (round(value / 60) * 60 for value in (x - SIDE / 2, y + SIDE / 2))
    for number, (band, resolution) in enumerate(RESOLUTIONS.items()):
        side = SIDE // resolution
        rng = np.random.default_rng(number)
        low, high, dtype = (0, 12, "uint8") if band == "SCL" else (900, 9000, "uint16")
        pixels = rng.integers(low, high, (side, side)).astype(dtype)
        if band == "B11":
            pixels[:, : side // 2 - 20] = 0
        _write(folder / f"{band}.tif", pixels[np.newaxis], from_origin(west, north, resolution, resolution))
    _write(folder / "visual.tif", np.full((3, 400, 400), 7, np.uint8), from_origin(west, north, 10, 10))


def _write(path: Path, pixels: np.ndarray[Any, Any], transform: Any) -> None:
    count, height, width = pixels.shape
    profile = {"count": count, "height": height, "width": width, "dtype": pixels.dtype, "nodata": 0}
    with rasterio.open(path, "w", driver="COG", crs="EPSG:32633", transform=transform, blocksize=128, **profile) as dst:
        dst.write(pixels)


def _item(collection: str, day: str, clouds: float | None, assets: dict[str, Any], **properties: Any) -> dict[str, Any]:
    lon, lat = PLACE
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"{collection}_{day}",
        "collection": collection,
        "geometry": mapping(box(lon - 0.1, lat - 0.1, lon + 0.1, lat + 0.1)),
        "bbox": [lon - 0.1, lat - 0.1, lon + 0.1, lat + 0.1],
        "properties": {"datetime": f"{day}T10:00:00Z", "eo:cloud_cover": clouds, **properties},
        "assets": assets,
        "links": [],
    }


def earth_search_assets(offset: float = -0.1) -> dict[str, Any]:
    """Assets as Earth Search v1 describes them: by common names, also as bands' names."""
    tiff = "image/tiff; application=geotiff; profile=cloud-optimized"
    assets = {
        name: {
            "href": f"{band}.tif",
            "type": tiff,
            "roles": ["data", "reflectance"],
            "eo:bands": [{"name": name, "common_name": COMMON[band] if band != "B8A" else "nir08"}],
            "raster:bands": [{"nodata": 0, "data_type": "uint16", "scale": 0.0001, "offset": offset}],
        }
        for name, band in EARTH_SEARCH.items()
    }
    assets |= {f"{name}-jp2": {**asset, "href": "none.jp2", "type": "image/jp2"} for name, asset in assets.items()}
    rgb = [{"name": name, "common_name": name} for name in ("red", "green", "blue")]
    assets["visual"] = {"href": "visual.tif", "type": tiff, "roles": ["visual"], "eo:bands": rgb}
    scl = [{"nodata": 0, "data_type": "uint8", "spatial_resolution": 20}]
    assets["scl"] = {"href": "SCL.tif", "type": tiff, "roles": ["data", "reflectance"], "raster:bands": scl}
    return assets


def planetary_computer_assets() -> dict[str, Any]:
    """Assets as Planetary Computer describes them: by the bands' names, and nothing said of scale and offset."""
    tiff = "image/tiff; application=geotiff; profile=cloud-optimized"
    assets: dict[str, Any] = {
        band: {
            "href": f"{band}.tif",
            "type": tiff,
            "roles": ["data"],
            "eo:bands": [{"name": band, "common_name": COMMON[band]}],
        }
        for band in RESOLUTIONS
        if band != "SCL"
    }
    rgb = [{"name": name, "common_name": COMMON[name]} for name in ("B04", "B03", "B02")]
    assets["visual"] = {"href": "visual.tif", "type": tiff, "roles": ["data"], "eo:bands": rgb}
    assets["SCL"] = {"href": "SCL.tif", "type": tiff, "roles": ["data"]}
    assets["preview"] = {"href": "preview.jp2", "type": "image/tiff; application=geotiff", "roles": ["thumbnail"]}
    return assets


def _items() -> list[dict[str, Any]]:
    earth, computer = "sentinel-2-l2a", "sentinel-2-l2a-computer"
    named = {"s2:product_uri": "S2A_MSIL2A_20200103T100000_N0213_R022_T33PVN_20200103T120000.SAFE"}
    partial = _item(earth, "2020-01-02", 0, earth_search_assets())
    lon, lat = PLACE
    partial["geometry"] = mapping(box(lon, lat - 0.1, lon + 0.1, lat + 0.1))
    older = _item(earth, "2022-02-10", 12.0, {}, **{"s2:processing_baseline": "03.01"})
    broken = earth_search_assets()
    broken["red"] = {**broken["red"], "href": "absent.tif?sig=secret"}
    lacking = planetary_computer_assets()
    del lacking["B09"]
    applied = "earthsearch:boa_offset_applied"
    formless = {**_item(earth, "2022-02-01", 0, {}), "assets": {"red": None}}
    return [
        partial,
        formless,
        _item(
            earth,
            "2020-01-03",
            1.5,
            earth_search_assets(),
            **{applied: False, "s2:processing_baseline": "02.13"} | named,
        ),
        {**older, "id": "older"},
        _item(earth, "2022-02-10", 12.0, earth_search_assets(), **{applied: False, "s2:processing_baseline": "04.00"}),
        _item(earth, "2023-02-10", 60.0, earth_search_assets(), **{applied: True, "s2:processing_baseline": "05.09"}),
        _item(earth, "2023-05-10", None, earth_search_assets(0.0)),
        _item(computer, "2021-03-01", 3.0, planetary_computer_assets(), **{"s2:processing_baseline": "03.00"}),
        _item(computer, "2023-03-01", 3.0, planetary_computer_assets(), **{"s2:processing_baseline": "05.09"}),
        _item("nobody-says", "2023-03-01", 3.0, planetary_computer_assets()),
        _item("broken", "2023-03-01", 3.0, broken),
        _item("lacking", "2023-03-01", 3.0, lacking, **{"s2:processing_baseline": "05.09"}),
    ]


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForeignCatalog]:
    """A STAC API of another house; a process of its own, since GDAL reads from it."""
    folder = tmp_path_factory.mktemp("foreign")
    _write_rasters(folder)
    (folder / "items.json").write_text(json.dumps(_items()))
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name("stac_server.py")), str(folder), str(port)]
    with subprocess.Popen(command) as server:
        try:
            _wait(f"http://127.0.0.1:{port}/")
            yield ForeignCatalog(f"http://127.0.0.1:{port}", folder)
        finally:
            server.terminate()


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(url).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)
