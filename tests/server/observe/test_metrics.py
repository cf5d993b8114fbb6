"""Counters for Prometheus."""

from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.app import create_app

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def _samples(text: str) -> Samples:
    families = text_string_to_metric_families(text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def _value(client: httpx.Client, name: str, **labels: str) -> float:
    return _samples(client.get("/metrics").text).get((name, frozenset(labels.items())), 0.0)


def test_requests_are_counted_by_route_and_class_of_status(observed: Any) -> None:
    route = "/stac/collections/{collection_id}"
    labels = {"method": "GET", "route": route, "status": "4xx"}
    before = _value(observed.client, "worldstrat_requests_total", **labels)

    for number in range(3):
        observed.client.get(f"/stac/collections/none-{number}")

    assert _value(observed.client, "worldstrat_requests_total", **labels) == before + 3
    assert _value(observed.client, "worldstrat_request_seconds_count", route=route) >= 3


def test_whatever_is_asked_there_are_no_more_counters_than_routes(observed: Any) -> None:
    observed.client.get("/nothing/of/the/kind")
    before = len(_samples(observed.client.get("/metrics").text))

    for number in range(50):
        observed.client.get(f"/nothing/{number}?x={number}", headers={"X-Forwarded-For": f"198.51.100.{number}"})
        observed.client.request(f"M{number}", "/nothing")

    # At most another method, and that of answers of a further class.
    assert len(_samples(observed.client.get("/metrics").text)) <= before + 6


def test_tiles_are_cold_once_then_warm_then_unchanged(observed: Any) -> None:
    page = observed.client.get("/stac/search?limit=1&collections=worldstrat-spot").json()["features"][0]
    lon, lat = (page["bbox"][0] + page["bbox"][2]) / 2, (page["bbox"][1] + page["bbox"][3]) / 2
    item = f"/raster/collections/worldstrat-spot/items/{page['id']}"
    x, y = _tile(lon, lat, 14)
    path = f"{item}/tiles/WebMercatorQuad/14/{x}/{y}.png"
    client = observed.client
    client.get(path)  # the query is not yet known: FastAPI answers
    counts = []
    for headers in ({}, {}, {"If-None-Match": client.get(path).headers["etag"]}):
        before = {each: _value(client, "worldstrat_tiles_total", kind="item", result=each) for each in RESULTS}
        client.get(f"{path}", headers=headers)
        counts.append(
            [
                each
                for each in RESULTS
                if _value(client, "worldstrat_tiles_total", kind="item", result=each) > before[each]
            ]
        )

    assert counts[1:] == [["warm"], ["unchanged"]]
    assert _value(client, "worldstrat_tiles_total", kind="item", result="cold") >= 1


RESULTS = ("cold", "warm", "unchanged")


def _tile(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    import morecantile  # noqa: PLC0415 - of this test alone

    tile = morecantile.tms.get("WebMercatorQuad").tile(lon, lat, zoom)
    return tile.x, tile.y


def test_store_database_caches_and_turns_are_told(observed: Any) -> None:
    client = observed.client
    asset = client.get("/stac/search?limit=1&collections=worldstrat-spot").json()["features"][0]["assets"]
    client.get(next(each["href"] for each in asset.values() if "/assets/" in each["href"]))
    samples = _samples(client.get("/metrics").text)
    names = {name for name, _ in samples}

    assert samples["worldstrat_store_requests_total", frozenset({("operation", "asset"), ("outcome", "ok")})] >= 1
    connections = [
        sum(value for (name, labels), value in samples.items() if _is_pool(name, labels, pool))
        for pool in ("search", "tiles")
    ]
    assert min(connections) >= 1
    assert samples["worldstrat_database_wait_seconds_count", frozenset()] > 0
    caches = {dict(labels)["cache"] for name, labels in samples if name == "worldstrat_cache_bytes"}
    assert caches == {"objects", "decoded", "tiles", "composites", "super-resolved", "super-resolved files"}
    assert {"worldstrat_turns", "worldstrat_sr_waiting", "worldstrat_requests_in_progress"} <= names


def _is_pool(name: str, labels: Any, pool: str) -> bool:
    return name == "worldstrat_database_connections" and ("pool", pool) in labels


def test_only_the_machine_itself_and_who_has_the_token_may_read(observed: Any) -> None:
    far = {"X-Forwarded-For": "203.0.113.7"}
    bearer = {"Authorization": f"Bearer {observed.token}"}

    assert observed.client.get("/metrics").status_code == 200
    refused = observed.client.get("/metrics", headers=far)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert observed.client.get("/metrics", headers={**far, "Authorization": "Bearer b"}).status_code == 401
    assert observed.client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401
    assert observed.client.get("/metrics", headers={**far, **bearer}).status_code == 200


@pytest.mark.parametrize(("choice", "status"), [("public", 200), ("off", 403), ("token", 403)])
def test_the_operator_decides_who_may_read(
    serve: Any, catalog: Any, monkeypatch: pytest.MonkeyPatch, choice: str, status: int
) -> None:
    monkeypatch.setenv("WORLDSTRAT_METRICS", choice)
    client = serve(create_app(catalog.settings()))

    assert client.get("/metrics").status_code == status
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == status


def test_two_processes_count_together(start_server: Any) -> None:
    url = start_server("--workers", "2")

    for _ in range(40):  # each on a connection of its own, so that both have their turn
        assert httpx.get(f"{url}/stac").status_code == 200

    for _ in range(4):
        samples = _samples(httpx.get(f"{url}/metrics").text)
        labels = frozenset({("method", "GET"), ("route", "/stac"), ("status", "2xx")})
        assert samples["worldstrat_requests_total", labels] == 40
        assert samples["worldstrat_requests_in_progress", frozenset()] == 1  # this one, whoever answers it
