"""What requests cost, by their paths."""

import pytest

from server.limits.costs import cost_of

ITEM = "/raster/collections/c/items/i"
AOI = "/raster/collections/c/aois/a"


@pytest.mark.parametrize(
    ("path", "rate", "turn"),
    [
        ("/", None, None),
        ("/app/main.js", None, None),
        ("/healthz", None, None),
        ("/metrics", None, None),
        ("/openapi.json", None, None),
        ("/assets/c/a/b.tif", "asset", None),
        ("/stac", "search", None),
        ("/stac/search", "search", None),
        ("/stac/collections/sample/items/aggregate-1", "search", None),
        ("/stac/aggregate", "heavy", "heavy"),
        ("/stac/collections/c/aggregate", "heavy", "heavy"),
        ("/stac/sample", "heavy", "heavy"),
        (f"{ITEM}/tiles/WebMercatorQuad/1/2/3.png", "tile", "tile"),
        (f"{ITEM}/preview/256x256.png", "tile", "tile"),
        (f"{ITEM}/WebMercatorQuad/tilejson.json", "search", None),
        (f"{ITEM}/info", "search", None),
        (f"{ITEM}/point/1,2", "search", None),
        (f"{ITEM}/statistics", "heavy", "heavy"),
        (f"{ITEM}/bbox/1,2,3,4.png", "heavy", "heavy"),
        (f"{ITEM}/feature", "heavy", "heavy"),
        (f"{ITEM}/compare", "heavy", "heavy"),
        (f"{ITEM}/outputs.zip", "heavy", "heavy"),
        (f"{ITEM}/sr/tiles/WebMercatorQuad/1/2/3", "tile", "upscaled"),
        (f"{ITEM}/sr/preview", "tile", "upscaled"),
        (f"{ITEM}/sr/WebMercatorQuad/tilejson.json", "search", None),
        (f"{ITEM}/sr/cog", "heavy", "heavy"),
        (f"{ITEM}/sr/statistics", "heavy", "heavy"),
        (f"{AOI}/stack.nc", "heavy", "heavy"),
        (f"{AOI}/animation.gif", "heavy", "heavy"),
        (f"{AOI}/timeseries", "heavy", "heavy"),
        (f"{AOI}/composite/tiles/WebMercatorQuad/1/2/3", "tile", "tile"),
        (f"{AOI}/sr/tiles/WebMercatorQuad/1/2/3", "tile", "upscaled"),
        ("/raster/mosaics/best/tiles/WebMercatorQuad/1/2/3", "tile", "tile"),
        ("/raster/colorMaps", "search", None),
    ],
)
def test_a_path_tells_what_a_request_costs(path: str, rate: str | None, turn: str | None) -> None:
    for root_path in ("", "/api/v1"):
        cost = cost_of({"method": "GET", "path": root_path + path, "root_path": root_path})
        assert (cost.rate, cost.turn) == (rate, turn)


def test_a_preflight_costs_nothing() -> None:
    assert cost_of({"method": "OPTIONS", "path": "/stac/search"}).rate is None
