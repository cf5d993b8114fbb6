import html
import io
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlencode

import fastapi.routing
import httpx
import numpy as np
import psycopg
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds
from rio_tiler.io import Reader

from server.app import create_app
from server.raster.factories import tile_schemes
from server.raster.reader import ItemReader

RGB = (3, 2, 1)


def composite(http: httpx.Client, place: Any, path: str = "preview.tif", **query: Any) -> np.ma.MaskedArray:
    answer = place.get(http, f"/composite/{path}", **query)
    with MemoryFile(answer.content) as memory, memory.open() as src:
        return src.read(masked=True)


@pytest.mark.parametrize("method", ["median", "mean", "min", "max"])
def test_a_composite_is_what_numpy_makes_of_the_clear_dates(http: httpx.Client, place: Any, method: str) -> None:
    dates = place.masked(place.order(http))
    wanted = getattr(np.ma, method)(dates, axis=0)
    names = ",".join(f"B0{number}" for number in range(1, 8))
    found = composite(http, place, method=method, bands=names)
    np.testing.assert_array_equal(np.isnan(found.filled(np.nan)), wanted.mask[:7])
    np.testing.assert_allclose(found.filled(0), wanted[:7].filled(0), atol=5.1e-5)


def test_the_best_of_the_clear_dates_is_the_one_of_the_lowest_rank(http: httpx.Client, place: Any) -> None:
    first, second = place.masked([1, 2])
    wanted = np.ma.where(first.mask, second, first)[3]
    found = composite(http, place, method="best", bands="red")[0]
    np.testing.assert_allclose(found.filled(0), wanted.filled(0), atol=1e-6)


def test_clouds_stay_where_nothing_is_masked(http: httpx.Client, place: Any) -> None:
    bands = np.stack([place.published(revisit) for revisit in (1, 2)])
    found = composite(http, place, mask="none", method="max", bands="red")[0]
    np.testing.assert_allclose(found.filled(0), bands.max(axis=0)[3], atol=1e-6)


def test_it_counts_the_dates_that_each_pixel_is_made_of(http: httpx.Client, place: Any) -> None:
    dates = place.masked([1, 2])
    found = composite(http, place, bands="count")[0]
    np.testing.assert_array_equal(found.data, (~dates.mask.any(axis=1)).sum(axis=0))


def test_an_expression_is_of_the_composite(http: httpx.Client, place: Any) -> None:
    median = np.ma.median(place.masked([1, 2]), axis=0)
    found = composite(http, place, expression="(nir-red)/(nir+red)")[0]
    wanted = (median[7] - median[3]) / (median[7] + median[3])
    np.testing.assert_allclose(found.filled(0), wanted.filled(0), atol=2e-3)


def test_its_tiles_have_the_pixels_that_rio_tiler_makes_of_numpys_median(
    http: httpx.Client, place: Any, sentinel2: Any
) -> None:
    median = np.ma.median(place.masked([1, 2]), axis=0)[list(RGB)]
    count, height, width = median.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": "float32"}
    tile = sentinel2.middle()
    z, x, y = map(int, tile.split("/"))
    with MemoryFile() as memory:
        transform = from_bounds(*sentinel2.bounds, width, height)
        with memory.open(crs="EPSG:4326", transform=transform, nodata=np.nan, **profile) as dst:
            dst.write(median.astype("float32").filled(np.nan))
        with memory.open() as dataset, Reader(None, dataset) as src:
            image = src.tile(x, y, z)
    wanted = np.clip(image.array.filled(0) / 0.3 * 255, 0, 255)
    answer = place.get(http, f"/composite/tiles/WebMercatorQuad/{tile}.png")
    found = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA")).astype(float)
    np.testing.assert_array_equal(found[..., 3] > 0, ~image.array.mask.any(axis=0))
    seen = found[..., 3] > 0
    assert np.abs(np.moveaxis(found[..., :3], 2, 0) - wanted)[:, seen].max() <= 1.1


def test_its_tilejson_leads_to_tiles_of_the_same_dates(http: httpx.Client, spaced: Any) -> None:
    query = {"method": "max", "limit": 1, "render": "false-color"}
    info = spaced.get(http, "/composite/WebMercatorQuad/tilejson.json", **query).json()
    (template,) = info["tiles"]
    assert " " not in template
    for name, value in query.items():
        assert f"{name}={value}" in template
    west, south, east, north = info["bounds"]
    tile = {"z": 14, "x": int(((west + east) / 2 + 180) / 360 * 2**14)}
    lat = np.radians((south + north) / 2)
    tile["y"] = int((1 - np.arcsinh(np.tan(lat)) / np.pi) / 2 * 2**14)
    assert http.get(template.format(**tile)).status_code == 200


def test_a_composite_has_renders_statistics_and_crops_like_an_item(http: httpx.Client, place: Any) -> None:
    assert "ndvi" in place.get(http, "/composite/renders").json()["renders"]
    assert set(place.get(http, "/composite/assets").json()["assets"]) == {"data", "count"}
    median = np.ma.median(place.masked([1, 2]), axis=0)
    statistics = place.get(http, "/composite/statistics", bands="red").json()
    assert statistics["red"]["mean"] == pytest.approx(float(median[3].mean()), abs=1e-4)
    west, south, east, north = place.get(http, "/composite/WebMercatorQuad/tilejson.json").json()["bounds"]
    box = f"{west},{south},{(west + east) / 2},{north}"
    crop = place.get(http, f"/composite/bbox/{box}.webp", render="ndvi")
    assert crop.headers["content-type"] == "image/webp"


def test_a_composite_is_tagged_by_the_versions_of_its_items(catalog: Any, serve: Any, place: Any) -> None:
    app = create_app(catalog.settings())
    http = serve(app)
    first = place.get(http, "/composite/preview.png")
    assert http.get(first.url, headers={"if-none-match": first.headers["etag"]}).status_code == 304
    item = place.dates(http)[0]["item"]
    path = "{assets,data,file:checksum}"
    with psycopg.connect(catalog.database.dsn, options="-c search_path=pgstac,public") as connection:
        read = "select content #> %s from items where id = %s"
        (before,) = connection.execute(read, (path, item)).fetchone() or (None,)
        write = "update items set content = jsonb_set(content, %s, %s) where id = %s"
        connection.execute(write, (path, json.dumps("new"), item))
        connection.commit()
        app.state.places.aois.clear()
        changed = place.get(http, "/composite/preview.png").headers["etag"]
        connection.execute(write, (path, json.dumps(before), item))
    assert changed != first.headers["etag"]


def test_a_composite_is_computed_once(catalog: Any, serve: Any, place: Any) -> None:
    app = create_app(catalog.settings())
    http = serve(app)
    assert app.state.places.composites.weight == 0
    place.get(http, "/composite/preview.png")
    weight = app.state.places.composites.weight
    assert weight > 0
    for render in ("ndvi", "false-color"):
        place.get(http, "/composite/preview.png", render=render)
    assert app.state.places.composites.weight == weight
    place.get(http, "/composite/preview.png", method="max")
    assert app.state.places.composites.weight == 2 * weight


def test_what_makes_no_composite_is_refused(http: httpx.Client, place: Any) -> None:
    spot = "/raster/collections/worldstrat-spot"
    for url, status, words in (
        (f"{place.url}/composite/preview.png?method=mode", 400, "median"),
        (f"{place.url}/composite/preview.png?datetime=1999-01-01", 404, "No date"),
        (f"{spot}/aois/{place.name}/composite/preview.png", 404, "mask=none"),
        (f"{place.url}/composite/preview.png?max_size=100000", 400, "2048"),
        (f"{place.url}/composite/preview.png?bands=scl", 400, "scl"),
    ):
        answer = http.get(url)
        assert answer.status_code == status, answer.text
        assert words in answer.json()["description"]


def tiles(place: Any, query: str) -> list[str]:
    """Addresses of the tiles of a place at a zoom where it has a few."""
    west, south, east, north = place.bounds()
    tms = tile_schemes().get("WebMercatorQuad")
    found = tms.tiles(west, south, east, north, [15])
    return [f"{place.url}/composite/tiles/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}.png?{query}" for tile in found]


def test_tiles_of_a_composite_are_remembered_as_those_of_items_are(
    catalog: Any, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, resolved = [], []
    make, resolve = ItemReader.tile, fastapi.routing.solve_dependencies  # type: ignore[attr-defined]

    def reading(*given: Any, **options: Any) -> Any:
        read.append(given)
        return make(*given, **options)

    async def resolving(**options: Any) -> Any:
        resolved.append(options)
        return await resolve(**options)

    monkeypatch.setattr(ItemReader, "tile", reading)
    monkeypatch.setattr(fastapi.routing, "solve_dependencies", resolving)
    with TestClient(create_app(catalog.settings())) as http:
        urls = tiles(place, "method=mean&rescale=0,0.3")
        first = [http.get(url) for url in urls]
        again = [http.get(url) for url in urls]
        other = [http.get(url) for url in tiles(place, "method=max&rescale=0,0.3")]
        known = http.get(urls[0], headers={"if-none-match": first[0].headers["etag"]})
    assert len(urls) > 1
    assert len(resolved) == 2
    # The first tile of a query is made by FastAPI's way and then kept the second time.
    assert len(read) <= 2 * len(urls) + 1
    assert [answer.content for answer in again] == [answer.content for answer in first]
    assert [answer.headers["etag"] for answer in again] == [answer.headers["etag"] for answer in first]
    assert [answer.content for answer in other] != [answer.content for answer in first]
    assert known.status_code == 304


@pytest.mark.parametrize("page", ["renders", "WebMercatorQuad/tilejson.json", "WMTSCapabilities.xml"])
def test_every_address_of_its_tiles_says_which_dates_it_is_made_of(http: httpx.Client, place: Any, page: str) -> None:
    text = place.get(http, f"/composite/{page}", datetime="../2100-01-01", method="max", mask="none").text
    if page == "renders":
        found = [render["tiles"] for render in json.loads(text)["renders"].values()]
    elif page.endswith("json"):
        found = [f"?{urlencode(query)}" for query in json.loads(text)["raster_layers"].values()]
    else:
        found = [html.unescape(address) for address in re.findall(r'template="([^"]*)"', text)]
    assert found
    for address in found:
        query = parse_qs(address.partition("?")[2])
        assert (query["datetime"], query["method"], query["mask"]) == (["../2100-01-01"], ["max"], ["none"]), address


def test_what_follows_from_accept_says_so_to_caches(http: httpx.Client, place: Any) -> None:
    for accept in ("text/csv", "application/json"):
        answer = http.get(f"{place.url}/timeseries?bands=red", headers={"accept": accept})
        assert answer.headers["content-type"].startswith(accept)
        assert "Accept" in answer.headers.get("vary", "").replace("Accept-Encoding", "")
