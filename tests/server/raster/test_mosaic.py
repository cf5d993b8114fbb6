import html
import re
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import numpy as np
import pytest

from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT


def register(http: httpx.Client, **search: Any) -> str:
    answer = http.post("/raster/searches/register", json=search)
    assert answer.status_code == 200, answer.text
    return f"/raster/searches/{answer.json()['id']}"


def only(item: str) -> dict[str, Any]:
    return {"op": "=", "args": [{"property": "id"}, item]}


def test_a_search_of_one_item_shows_that_item(http: httpx.Client, published: Any) -> None:
    search = register(http, collections=[published.collection], filter=only(published.item))
    tile = f"tiles/WebMercatorQuad/{published.middle()}.png"
    for query in ({}, {"render": "ndvi"}, {"bands": "nir,red,green"}, {"expression": "nir-red"}):
        mosaic = http.get(f"{search}/{tile}", params=query)
        item = http.get(f"{published.url}/{tile}", params=query)
        assert mosaic.content == item.content


def test_registered_searches_are_listed_and_described(http: httpx.Client, sentinel2: Any) -> None:
    search = register(http, collections=[COLLECTION_L2A], filter=only(sentinel2.item), metadata={"name": "one item"})
    listed = http.get("/raster/searches/list", params={"name": "one item"}).json()["searches"]
    assert search.rsplit("/", 1)[1] in [entry["search"]["hash"] for entry in listed]
    links = http.get(f"{search}/info").json()["links"]
    assert any("render=true-color" in link["href"] for link in links)


def test_the_clearest_image_lies_on_top(http: httpx.Client, sentinel2: Any) -> None:
    path = f"tiles/WebMercatorQuad/{sentinel2.middle()}"
    found = http.get(f"/raster/collections/{COLLECTION_L2A}/{path}/assets", params={"skipcovered": "false"}).json()
    items = http.get(f"/stac/collections/{COLLECTION_L2A}/items", params={"limit": 100}).json()["features"]
    cover = {item["id"]: item["properties"]["worldstrat:cloud_cover"] for item in items}
    here = [cover[item] for item in cover if item.startswith(sentinel2.aoi.slug)]
    assert cover[found[0]["id"]] == min(here)
    top = http.get(f"/raster/collections/{COLLECTION_L2A}/items/{found[0]['id']}/{path}.png")
    assert http.get(f"/raster/collections/{COLLECTION_L2A}/{path}.png").content == top.content


def test_a_collection_may_be_narrowed_by_a_filter(http: httpx.Client, spot: Any) -> None:
    path = f"/raster/collections/{COLLECTION_SPOT}/tiles/WebMercatorQuad/{spot.middle()}.png"
    assert http.get(path, params={"ids": spot.item}).status_code == 200
    assert http.get(path, params={"filter": "worldstrat:source = 'Landcover'"}).status_code == 200
    assert http.get(path, params={"filter": "worldstrat:source = 'UNHCR'"}).status_code == 204


def test_where_there_is_no_item_there_is_no_content(http: httpx.Client) -> None:
    assert http.get(f"/raster/collections/{COLLECTION_SPOT}/tiles/WebMercatorQuad/14/0/0.png").status_code == 204


def test_items_of_a_mosaic_are_named_but_not_where_their_objects_are(http: httpx.Client, spot: Any) -> None:
    west, south, east, north = spot.bounds
    base = f"/raster/collections/{COLLECTION_SPOT}"
    for path in (
        f"tiles/WebMercatorQuad/{spot.middle()}/assets",
        f"point/{(west + east) / 2},{(south + north) / 2}/assets",
        f"bbox/{west},{south},{east},{north}/assets",
    ):
        answer = http.get(f"{base}/{path}")
        assert [item["id"] for item in answer.json()] == [spot.item]
        assert "file://" not in answer.text


def test_crops_points_and_statistics_of_a_mosaic_are_those_of_its_item(http: httpx.Client, spot: Any) -> None:
    search = register(http, collections=[COLLECTION_SPOT], filter=only(spot.item))
    west, south, east, north = spot.bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    point = http.get(f"{search}/point/{lon},{lat}").json()["assets"][0]
    assert point["values"] == http.get(f"{spot.url}/point/{lon},{lat}").json()["values"]
    ring = [[west, south], [lon, south], [lon, lat], [west, lat], [west, south]]
    quarter = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    served = http.post(f"{search}/statistics", json=quarter).json()["properties"]["statistics"]
    assert served.keys() == {"red", "green", "blue", "nir"}
    assert served["red"]["mean"] == pytest.approx(spot.pixels()[0, 527:, :527].mean(), abs=1e-3)
    box = f"bbox/{west},{south},{lon},{lat}.png"
    assert http.get(f"{search}/{box}").status_code == 200
    assert http.post(f"{search}/feature.png", json=quarter).status_code == 200


def test_neighbours_of_different_grids_are_put_together(http: httpx.Client, spot: Any, sentinel2: Any) -> None:
    """A search over two collections: both have the bands, at 1.5 and at 10 m."""
    either = {"op": "or", "args": [only(spot.item), only(sentinel2.item)]}
    search = register(http, collections=[COLLECTION_SPOT, COLLECTION_L2A], filter=either)
    west, south, east, north = spot.bounds
    answer = http.get(
        f"{search}/bbox/{west},{south},{east},{north}.npy", params={"bands": "red", "pixel_selection": "mean"}
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("searches/unknown/info", 404),
        ("searches/%00/info", 400),
        ("searches/list?sortby=%00", 400),
        ("searches/unknown/tiles/WebMercatorQuad/14/1/1.png", 404),
        ("collections/unknown/info", 404),
        ("collections/unknown/tiles/WebMercatorQuad/14/1/1.png", 404),
        (f"collections/{COLLECTION_SPOT}/tiles/WebMercatorQuad/99/1/1.png", 404),
        (f"collections/{COLLECTION_SPOT}/tiles/WebMercatorQuad/14/-1/1.png", 404),
        (f"collections/{COLLECTION_SPOT}/tiles/WebMercatorQuad/14/1/1.png?items_limit=100000", 400),
        (f"collections/{COLLECTION_SPOT}/tiles/WebMercatorQuad/14/1/1.png?time_limit=1000", 400),
        (f"collections/{COLLECTION_SPOT}/tiles/WebMercatorQuad/14/1/1.png?filter=nonsense((", 400),
        (f"collections/{COLLECTION_SPOT}/tiles/WebMercatorQuad/14/1/1.png?datetime=0", 400),
        (f"collections/{COLLECTION_SPOT}/bbox/nan,0,1,1.png", 400),
        (f"collections/{COLLECTION_SPOT}/point/nan,0", 400),
        (f"collections/{COLLECTION_SPOT}/point/0,0", 204),
    ],
)
def test_what_a_mosaic_cannot_answer_has_a_clear_status(http: httpx.Client, path: str, status: int) -> None:
    assert http.get(f"/raster/{path}").status_code == status


def test_a_mosaic_of_the_whole_catalog_is_seen_from_afar(http: httpx.Client, spot: Any) -> None:
    answer = http.get(f"/raster/collections/{COLLECTION_SPOT}/tiles/WebMercatorQuad/{spot.middle(9)}.npy")
    assert answer.status_code == 200
    document = http.get(f"/raster/collections/{COLLECTION_SPOT}/WebMercatorQuad/tilejson.json").json()
    assert (document["minzoom"], document["maxzoom"]) == (0, 18)
    assert np.isfinite(document["bounds"]).all()


def test_a_box_with_heights_loses_them(http: httpx.Client, spot: Any) -> None:
    search = register(http, collections=[COLLECTION_SPOT], bbox=[-180, -90, 0, 180, 90, 10])
    assert http.get(f"{search}/WebMercatorQuad/tilejson.json").json()["bounds"] == [-180, -90, 180, 90]
    box = ",".join(map(str, spot.bounds))
    assert http.get(f"{search}/bbox/{box}.png").status_code == 200
    assert http.get(f"{search}/tiles/WebMercatorQuad/{spot.middle()}.png").status_code == 200


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = only("x")
    for _ in range(depth):
        inner = {"op": "not", "args": [inner]}
    return inner


@pytest.mark.parametrize(
    "body",
    [
        {"filter": nested(300)},
        {"filter": nested(60)},
        {"metadata": {"defaults": {"x": nested(300)}}},
        {"bbox": [170, -10, -170, 10]},
        {"bbox": [0, 0, 1]},
        {"bbox": [0, 0, 9, 1, 1, 2]},
        {"sortby": [{"field": f"a{n}", "direction": "asc"} for n in range(60)]},
        {"metadata": {"minzoom": -5}},
        {"metadata": {"maxzoom": 99}},
    ],
    ids=[
        "filter 300",
        "filter 60",
        "metadata",
        "antimeridian",
        "three numbers",
        "heights",
        "order",
        "minzoom",
        "maxzoom",
    ],
)
def test_a_search_that_has_no_meaning_is_not_registered(http: httpx.Client, body: dict[str, Any]) -> None:
    answer = http.post("/raster/searches/register", json={"collections": [COLLECTION_SPOT], **body})
    assert answer.status_code == 400
    assert answer.json()["description"]


def test_every_layer_of_a_narrowed_collection_is_as_narrow(http: httpx.Client, spot: Any) -> None:
    query = {"filter": f"id='{spot.item}'", "sortby": "-datetime"}
    base = f"/raster/collections/{COLLECTION_SPOT}"
    wmts = http.get(f"{base}/WMTSCapabilities.xml", params=query).text
    layers = [html.unescape(address) for address in re.findall(r'template="([^"]*)"', wmts)]
    tilejson = http.get(f"{base}/WebMercatorQuad/tilejson.json", params=query).json()
    layers += [f"?{urlencode(layer)}" for layer in tilejson["raster_layers"].values()]
    assert len(layers) > 4
    for address in layers:
        asked = parse_qs(address.partition("?")[2])
        assert {name: asked[name] for name in query} == {name: [value] for name, value in query.items()}, address
