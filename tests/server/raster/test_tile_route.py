"""What is remembered between tiles: queries, and finished tiles."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import fastapi.routing
import pytest
from fastapi.testclient import TestClient

from server.app import create_app
from server.raster.reader import ItemReader


class Counts:
    """How often parameters were resolved and tiles read."""

    resolved = 0
    read = 0


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    counted = Counts()
    resolve, read = fastapi.routing.solve_dependencies, ItemReader.tile

    async def resolving(**options: Any) -> Any:
        counted.resolved += 1
        return await resolve(**options)

    def reading(*place: Any, **options: Any) -> Any:
        counted.read += 1
        time.sleep(0.02)
        return read(*place, **options)

    monkeypatch.setattr(fastapi.routing, "solve_dependencies", resolving)
    monkeypatch.setattr(ItemReader, "tile", reading)
    return counted


@pytest.fixture
def client(catalog: Any) -> Iterator[TestClient]:
    with TestClient(create_app(catalog.settings())) as http:
        yield http


def urls(spot: Any, query: str = "bands=red,green,blue&rescale=0,0.3") -> list[str]:
    return [f"{spot.url}/tiles/WebMercatorQuad/{z}/{x}/{y}.png?{query}" for z, x, y in spot.tiles()]


def test_parameters_are_resolved_once_for_the_tiles_of_a_query(client: TestClient, spot: Any, counts: Counts) -> None:
    bodies = [client.get(url).content for url in urls(spot)]
    assert (counts.resolved, counts.read) == (1, len(bodies))
    assert len(set(bodies)) == len(bodies)


def test_a_repeated_tile_is_not_made_again_whatever_the_order_of_its_parameters(
    client: TestClient, spot: Any, counts: Counts
) -> None:
    other = urls(spot, "rescale=0,0.3&bands=red,green,blue")
    for url in (*urls(spot)[:2], *other[:2]):
        client.get(url)
    read = counts.read
    again = [client.get(url) for url in (urls(spot)[1], other[1])]
    assert counts.read == read
    assert again[0].content == again[1].content
    assert again[0].headers["etag"] != again[1].headers["etag"]
    assert again[0].headers["content-bbox"] == again[1].headers["content-bbox"]


def test_other_parameters_make_another_tile(client: TestClient, spot: Any) -> None:
    queries = ("", "bands=nir,red,green", "render=ndvi", "rescale=0,1", "tilesize=128", "return_mask=false")
    bodies = [[client.get(url).content for url in urls(spot, query)[:2]] for query in queries]
    assert len({second for _, second in bodies}) == len(queries)


def test_those_who_ask_at_once_wait_for_one_tile(client: TestClient, spot: Any, counts: Counts) -> None:
    first, second = urls(spot)[:2]
    client.get(first)
    with ThreadPoolExecutor(8) as pool:
        bodies = set(pool.map(lambda _: client.get(second).content, range(8)))
    assert len(bodies) == 1
    assert counts.read == 2


def test_without_memory_for_tiles_each_is_made_anew(
    catalog: Any, spot: Any, counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLDSTRAT_RASTER_TILE_BYTES", "0")
    with TestClient(create_app(catalog.settings())) as http:
        bodies = {http.get(urls(spot)[0]).content for _ in range(3)}
    assert len(bodies) == 1
    assert counts.read == 3


@pytest.mark.parametrize("place", ["17/1/1.png", "17/-1/1.png", "x/1/1.png", "17/1/1.gif", "99/1/1.png", "17/1/1"])
def test_what_is_wrong_is_told_alike_for_a_remembered_query(client: TestClient, spot: Any, place: str) -> None:
    wrong = f"{spot.url}/tiles/WebMercatorQuad/{place}"
    first = client.get(wrong)
    assert client.get(f"{spot.url}/tiles/WebMercatorQuad/{spot.middle()}.png").status_code == 200
    assert client.get(f"{spot.url}/tiles/WebMercatorQuad/{spot.middle()}").status_code == 200
    again = client.get(wrong)
    assert 400 <= first.status_code < 500
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert "etag" not in again.headers
