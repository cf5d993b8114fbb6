"""Tiles on which an item is small: they come at once, and show it where it lies."""

import io
import time
from typing import Any

import httpx
import morecantile
import numpy as np
import pytest

SECONDS = 0.5
"""Such a tile takes some ten milliseconds, a mosaic of them a tenth of a second; the rest is for a busy machine."""
COLLECTION = "/raster/collections/{}/tiles/{}/{}.npy"


def timed(http: httpx.Client, url: str, **query: Any) -> np.ndarray:
    """The numbers and the mask of a tile, which came in time once what it shows was read."""
    assert http.get(url, params=query).status_code == 200
    started = time.monotonic()
    answer = http.get(url, params=query)
    assert time.monotonic() - started < SECONDS
    loaded: np.ndarray = np.load(io.BytesIO(answer.content))
    return loaded


def middle(published: Any, scheme: str, zoom: int, size: int = 256) -> tuple[str, int, int]:
    """The tile that holds the middle of an item, as a path, and the row and column of the pixel."""
    tms = morecantile.tms.get(scheme)
    west, south, east, north = published.bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    tile = tms.tile(lon, lat, zoom)
    left, bottom, right, top = tms.xy_bounds(tile)
    x, y = tms.xy(lon, lat)
    place = (top - y) / (top - bottom), (x - left) / (right - left)
    return f"{tile.z}/{tile.x}/{tile.y}", int(place[0] * size), int(place[1] * size)


@pytest.mark.parametrize("scheme", ["WebMercatorQuad", "WorldCRS84Quad"])
@pytest.mark.parametrize("zoom", [0, 2, 5, 8, 10, 12])
def test_an_item_is_seen_from_afar_at_its_place(http: httpx.Client, published: Any, zoom: int, scheme: str) -> None:
    path, row, column = middle(published, scheme, zoom)
    *bands, mask = timed(http, f"{published.url}/tiles/{scheme}/{path}.npy", bands="red,nir")
    assert mask[row, column] > 0
    seen = np.argwhere(mask)
    west, _, east, _ = published.bounds
    width = (east - west) / (180 if scheme == "WorldCRS84Quad" else 360) * 256 * 2**zoom
    assert max(1, width - 1.01) <= np.ptp(seen[:, 1]) + 1 <= width + 1.01
    pixels = published.pixels()
    reds = pixels[0 if published.item.endswith("SPOT") else 3]
    assert np.mean([bands[0][tuple(at)] for at in seen]) == pytest.approx(reds.mean(), rel=0.3)


@pytest.mark.parametrize("zoom", [0, 5, 8])
def test_a_collection_is_seen_from_afar(http: httpx.Client, published: Any, zoom: int) -> None:
    path, row, column = middle(published, "WebMercatorQuad", zoom)
    *_, mask = timed(http, COLLECTION.format(published.collection, "WebMercatorQuad", path), bands="red")
    assert mask[row, column] > 0
    assert mask.any(axis=0).sum() < 32


@pytest.mark.parametrize(
    "query",
    [
        {"resampling": "bilinear"},
        {"resampling": "average", "buffer": 2},
        {"reproject": "cubic", "padding": 4},
        {"nodata": 0, "tilesize": 512},
        {"bands": "red,pan", "resampling": "bilinear"},
    ],
)
@pytest.mark.parametrize("zoom", [0, 7, 12])
def test_other_ways_to_read_take_no_longer(http: httpx.Client, spot: Any, zoom: int, query: dict[str, Any]) -> None:
    size = query.get("tilesize", 256)
    path, row, column = middle(spot, "WebMercatorQuad", zoom, size)
    around = query.get("buffer", 0)
    *bands, mask = timed(http, f"{spot.url}/tiles/WebMercatorQuad/{path}.npy", **{"bands": "red", **query})
    assert mask.shape == (size + 2 * around, size + 2 * around)
    assert mask[row + around, column + around] > 0
    assert np.abs(bands[0][mask > 0] - spot.pixels()[0].mean()).max() < 0.3


def test_a_tile_of_one_pixel_is_the_mean_of_what_lies_below_it(http: httpx.Client, spot: Any) -> None:
    path, *_ = middle(spot, "WebMercatorQuad", 9)
    red, mask = timed(http, f"{spot.url}/tiles/WebMercatorQuad/{path}.npy", bands="red", tilesize=1)
    assert mask.shape == (1, 1)
    assert mask[0, 0] == 0 or red[0, 0] == pytest.approx(spot.pixels()[0].mean(), rel=0.05)


def test_classes_are_never_averaged(http: httpx.Client, sentinel2: Any) -> None:
    path, *_ = middle(sentinel2, "WebMercatorQuad", 9)
    classes, mask = timed(http, f"{sentinel2.url}/tiles/WebMercatorQuad/{path}.npy", bands="scl")
    assert mask.any()
    assert set(np.unique(classes[mask > 0])) <= set(np.unique(sentinel2.sibling("SCL")))


@pytest.mark.parametrize("zoom", [0, 3, 9])
def test_exactly_one_tile_of_a_zoom_shows_an_item_smaller_than_its_pixels(
    http: httpx.Client, spot: Any, zoom: int
) -> None:
    shown = 0
    for z, x, y in spot.tiles(zoom) if zoom else [(0, 0, 0)]:
        mask = timed(http, f"{spot.url}/tiles/WebMercatorQuad/{z}/{x}/{y}.npy", bands="red", tilesize=1)[-1]
        shown += int((mask > 0).sum())
    assert shown == 1
