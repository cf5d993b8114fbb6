"""Mosaics from afar and from near, by name, with tags: against published pixels and pgSTAC's own answers."""

import io
import json
import time
from typing import Any

import httpx
import morecantile
import numpy as np
import psycopg
import pytest
from rio_tiler.models import ImageData

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from server.app import create_app
from server.raster.errors import InvalidRecordError, ItemNotFoundError
from server.raster.mosaic_catalog import read_catalog
from server.raster.mosaic_index import create_index
from server.raster.mosaic_marks import Frame, grow, paint_marks
from server.raster.mosaic_tile import Layers

TMS = morecantile.tms.get("WebMercatorQuad")
CPU_BUDGET = 0.3
"""Seconds of CPU time that a tile of all places may take."""


def tile_at(published: Any, zoom: int) -> tuple[str, int, int]:
    """The tile of a zoom over a place, as a path, and the row and column of the place's middle in it."""
    west, south, east, north = published.bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    tile = TMS.tile(lon, lat, zoom)
    left, bottom, right, top = TMS.xy_bounds(tile)
    x, y = TMS.xy(lon, lat)
    row, column = (top - y) / (top - bottom) * 256, (x - left) / (right - left) * 256
    return f"tiles/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}", int(row), int(column)


def read(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    array: np.ndarray = np.load(io.BytesIO(answer.content))
    return array


@pytest.mark.parametrize("zoom", [2, 5, 8])
def test_from_afar_a_mark_has_the_mean_of_the_image_it_stands_for(http: httpx.Client, spot: Any, zoom: int) -> None:
    path, row, column = tile_at(spot, zoom)
    options = {"ids": spot.item, "bands": "red,green,blue"}
    numbers = read(http.get(f"/raster/collections/{COLLECTION_SPOT}/{path}.npy", params=options))
    assert numbers[:3, row, column] == pytest.approx(spot.pixels()[:3].mean(axis=(1, 2)), abs=1e-4)
    assert 4 <= np.count_nonzero(numbers[3]) <= 36


def test_a_tile_of_all_places_takes_little_cpu_time_at_any_zoom(serve: Any, catalog: Any, spot: Any) -> None:
    client = serve(create_app(catalog.settings()))
    client.get(f"/raster/mosaics/best/{tile_at(spot, 1)[0]}.png")
    for zoom in (2, 8, 15):
        before = time.process_time()
        answer = client.get(f"/raster/mosaics/best/{tile_at(spot, zoom)[0]}.png")
        assert time.process_time() - before < CPU_BUDGET, zoom
        assert answer.status_code == 200


def test_four_thousand_places_on_one_tile_take_little_cpu_time() -> None:
    random = np.random.default_rng(0)
    corners = random.uniform([-180, -60], [179, 70], (4000, 2))
    rows = [(COLLECTION_SPOT, f"i{n}", f"a{n}", *place, *(place + 0.015)) for n, place in enumerate(corners)]
    values = np.ma.MaskedArray(random.uniform(0, 0.3, (3, 4000)), mask=False)
    frame = Frame.of_tile(TMS, morecantile.Tile(0, 0, 0), 256, 0)
    index = create_index(("all",), rows)
    before = time.process_time()
    image = paint_marks(frame, grow(frame.place(index.projected(TMS)), frame.mark), values)
    assert time.process_time() - before < CPU_BUDGET
    places = frame.place(index.projected(TMS)).mean(axis=1)
    assert len(places) == len(index) == 4000
    assert np.count_nonzero(image.mask) > 8000


def test_near_a_place_best_shows_spot_and_clearest_shows_sentinel2(http: httpx.Client, spot: Any) -> None:
    path = f"tiles/WebMercatorQuad/{spot.middle()}.npy"
    best = read(http.get(f"/raster/mosaics/best/{path}"))
    item = read(http.get(f"{spot.url}/{path}", params={"bands": "red,green,blue"}))
    assert np.array_equal(best, item)
    clearest = read(http.get(f"/raster/mosaics/clearest/{path}"))
    assert not np.array_equal(clearest, item)


def test_the_revisit_shown_is_the_one_that_a_search_finds_first(http: httpx.Client, sentinel2: Any) -> None:
    search = {
        "collections": [COLLECTION_L2A],
        "filter": {"op": "=", "args": [{"property": "worldstrat:aoi"}, sentinel2.aoi.name]},
        "sortby": [
            {"field": "worldstrat:cloud_cover", "direction": "asc"},
            {"field": "worldstrat:revisit", "direction": "asc"},
        ],
        "limit": 1,
    }
    first = http.post("/stac/search", json=search).json()["features"][0]["id"]
    path = f"tiles/WebMercatorQuad/{sentinel2.middle()}.png"
    shown = http.get(f"/raster/mosaics/clearest/{path}")
    assert shown.content == http.get(f"/raster/collections/{COLLECTION_L2A}/items/{first}/{path}").content


def test_mosaics_of_the_catalog_are_listed_with_links_that_work(http: httpx.Client, spot: Any) -> None:
    listed = {entry["name"]: entry for entry in http.get("/raster/mosaics").json()["mosaics"]}
    assert set(listed) == {"best", "clearest", "false-color", "ndvi"}
    for entry in listed.values():
        links = {link["rel"]: link["href"] for link in entry["links"]}
        z, x, y = spot.middle(12).split("/")
        for href in (links["info"], links["tilejson"], links["wmts"], links["xyz"].format(z=z, x=x, y=y)):
            assert http.get(href).status_code == 200, href
    assert http.get("/raster/mosaics/worst/info").status_code == 404


def test_a_mosaic_is_painted_by_its_render_and_gives_numbers_unpainted(http: httpx.Client, sentinel2: Any) -> None:
    path = f"tiles/WebMercatorQuad/{sentinel2.middle()}"
    named = http.get(f"/raster/mosaics/ndvi/{path}.png").content
    assert named == http.get(f"/raster/collections/{COLLECTION_L2A}/{path}.png", params={"render": "ndvi"}).content
    numbers = read(http.get(f"/raster/mosaics/ndvi/{path}.npy"))
    assert np.issubdtype(numbers.dtype, np.floating)
    assert -1 <= numbers[0].min() <= numbers[0].max() <= 1


def test_a_point_of_a_mosaic_names_the_images_there(http: httpx.Client, spot: Any) -> None:
    west, south, east, north = spot.bounds
    answer = http.get(f"/raster/mosaics/best/point/{(west + east) / 2},{(south + north) / 2}").json()
    assert answer["assets"][0]["name"] == f"{COLLECTION_SPOT}/{spot.item}"


@pytest.mark.parametrize("path", ["14/0/0", "2/2/1"])
def test_a_tile_that_a_client_has_is_not_made_again(http: httpx.Client, path: str) -> None:
    url = f"/raster/mosaics/best/tiles/WebMercatorQuad/{path}.png"
    answer = http.get(url)
    assert answer.status_code in {200, 204}
    assert answer.headers["cache-control"].startswith("public, max-age=")
    again = http.get(url, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE pgstac.items SET content = content WHERE collection = 'worldstrat-spot'",
        "UPDATE pgstac.collections SET content = content WHERE id = 'worldstrat-spot'",
    ],
    ids=["items", "collection"],
)
def test_the_version_of_the_catalog_follows_every_change_and_nothing_else(catalog: Any, change: str) -> None:
    with psycopg.connect(catalog.database.dsn, autocommit=True) as connection:
        before = read_catalog(connection).version
        assert read_catalog(connection).version == before
        connection.execute(change)
        connection.execute("SELECT pg_stat_force_next_flush()")
        assert read_catalog(connection).version != before


def test_looking_at_a_mosaic_writes_nothing(http: httpx.Client, catalog: Any, spot: Any) -> None:
    def registered() -> int:
        with psycopg.connect(catalog.database.dsn) as connection:
            row = connection.execute("SELECT count(*) FROM pgstac.searches").fetchone()
        assert row
        return int(row[0])

    before = registered()
    base = f"/raster/collections/{COLLECTION_SPOT}"
    path = f"tiles/WebMercatorQuad/{spot.middle()}"
    for query in ({}, {"filter": "gsd < 2"}, {"ids": spot.item}, {"query": '{"gsd": {"lt": 3}}'}):
        assert http.get(f"{base}/{path}.png", params=query).status_code == 200
        assert http.get(f"{base}/{path}/assets", params=query).json()[0]["id"] == spot.item
        assert http.get(f"{base}/info", params=query).status_code == 200
    assert registered() == before


@pytest.mark.parametrize("skipcovered", [True, False])
def test_the_items_of_an_area_are_those_that_pgstac_finds(
    http: httpx.Client, catalog: Any, sentinel2: Any, *, skipcovered: bool
) -> None:
    answer = http.post("/raster/searches/register", json={"collections": [COLLECTION_L2A]})
    search = answer.json()["id"]
    west, south, east, north = sentinel2.bounds
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    area = json.dumps({"type": "Polygon", "coordinates": [ring]})
    with psycopg.connect(catalog.database.dsn, options="-c search_path=pgstac,public") as connection:
        row = connection.execute(
            "SELECT geojsonsearch(%s, %s, NULL, 10000, 40, '5 seconds', %s, %s)",
            (area, search, skipcovered, skipcovered),
        ).fetchone()
    assert row
    expected = [feature["id"] for feature in row[0]["features"]]
    box = f"bbox/{west},{south},{east},{north}/assets"
    given = {"skipcovered": skipcovered, "exitwhenfull": skipcovered}
    found = http.get(f"/raster/searches/{search}/{box}", params=given).json()
    assert [item["id"] for item in found] == expected


def test_where_the_image_on_top_has_no_data_the_one_below_is_seen() -> None:
    tile = TMS.tile(10, 10, 15)
    west, south, east, north = TMS.bounds(tile)
    rows = [(name, name, "place", west, south, east, north) for name in ("above", "below")]
    calls: list[list[int]] = []

    def layers(*, holes: bool) -> Layers:
        def read(numbers: Any) -> tuple[ImageData, list[int]]:
            calls.append(list(numbers))
            mask = np.zeros((1, 256, 256), np.bool_)
            mask[:, :9] = holes and numbers[0] == 0
            return ImageData(np.ma.MaskedArray(np.full(mask.shape, float(numbers[0] + 1)), mask=mask)), list(numbers)

        frame = Frame.of_tile(TMS, tile, 256, 0)
        everything: Any = None
        return Layers(everything, create_index(("all",), rows), frame, read, lambda _: everything, 40)

    drawn = layers(holes=True).draw()
    assert drawn
    image, shown = drawn
    assert (image.array[0, 0, 0], image.array[0, 100, 100], shown) == (2, 1, [0, 1])
    assert not image.array.mask.any()
    calls.clear()
    assert layers(holes=False).draw()
    assert calls == [[0]]


@pytest.mark.parametrize("zoom", [2, 15])
def test_where_the_image_on_top_lacks_a_band_the_one_below_has_it(http: httpx.Client, spot: Any, zoom: int) -> None:
    path, row, column = tile_at(spot, zoom)
    numbers = read(http.get(f"/raster/mosaics/best/{path}.npy", params={"bands": "swir16"}))
    alone = read(http.get(f"/raster/mosaics/clearest/{path}.npy", params={"bands": "swir16"}))
    assert numbers[-1, row, column]
    np.testing.assert_array_equal(numbers, alone)


@pytest.mark.parametrize("lost", [ItemNotFoundError, InvalidRecordError])
def test_an_item_that_is_gone_or_broken_is_passed_over(lost: type[Exception]) -> None:
    tile = TMS.tile(0.5, 0.5, 9)
    west, south, east, north = TMS.bounds(tile)
    rows = [("c", "gone", "a", west, south, east, north), ("c", "there", "b", west, south, east, north)]

    def read(numbers: Any) -> tuple[ImageData, list[int]]:
        return ImageData(np.ma.MaskedArray(np.ones((1, 256, 256)), mask=False)), list(numbers)

    def select(number: int) -> Any:
        if number == 0:
            raise lost("gone")

    everything: Any = None
    frame = Frame.of_tile(TMS, tile, 256, 0)
    drawn = Layers(everything, create_index(("all",), rows), frame, read, select, 40).draw()
    assert drawn
    assert drawn[1] == [1]


@pytest.mark.parametrize(
    "path",
    [
        "mosaics/best/bbox/-180,-90,180,90.png",
        "mosaics/best/bbox/0,0,1,1/100000x100000.png",
        "mosaics/best/tiles/WebMercatorQuad/2/2/1.png?tilesize=100000",
        "mosaics/best/tiles/WebMercatorQuad/2/2/1.png?items_limit=100000",
        "mosaics/best/tiles/WebMercatorQuad/2/2/1.png?bands=nosuch",
        "mosaics/best/tiles/WebMercatorQuad/2/2/1.png?expression=red.__class__",
        "mosaics/best/tiles/WebMercatorQuad/2/2/1.png?expression=" + "red%2B" * 400 + "red",
        f"collections/{COLLECTION_SPOT}/tiles/WebMercatorQuad/2/2/1.png?bbox=10,0,-10,1",
        f"collections/{COLLECTION_SPOT}/tiles/WebMercatorQuad/2/2/1.png?filter=gsd+~~+3",
        f"collections/{COLLECTION_SPOT}/tiles/WebMercatorQuad/2/2/1.png?query=" + "[" * 30_000,
        f"collections/{COLLECTION_SPOT}/tiles/WebMercatorQuad/2/2/1.png?sortby="
        + ",".join(f"a{n}" for n in range(6000)),
    ],
)
def test_what_is_too_much_or_makes_no_sense_is_refused_at_once(http: httpx.Client, path: str) -> None:
    http.get("/raster/mosaics/best/tiles/WebMercatorQuad/2/2/1.png")
    start = time.perf_counter()
    answer = http.get(f"/raster/{path}")
    assert (answer.status_code, time.perf_counter() - start < 0.5) == (400, True), answer.text
    assert answer.json()["description"]
