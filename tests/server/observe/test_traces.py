"""Traces: from a request to the database, the store and the worker."""

import subprocess
import sys
from typing import Any

import pytest

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _item(observed: Any, collection: str, number: int) -> str:
    page = observed.client.get(f"/stac/search?limit=8&collections={collection}").json()
    return f"/raster/collections/{collection}/items/{page['features'][number]['id']}"


def _ask(observed: Any, path: str, name: str) -> str:
    observed.client.get(path, headers={"X-Request-ID": name}).raise_for_status()
    trace: str = observed.request(name)["trace_id"]
    return trace


def _by_name(spans: list[Any]) -> dict[str, Any]:
    return {span.name: span for span in spans}


def test_a_search_is_one_trace_from_the_route_to_the_statement(observed: Any) -> None:
    trace = _ask(observed, "/stac/search?limit=3&ids=unusual-id", "traced-search")

    spans = observed.collector.wait_for(
        trace, lambda found: {"GET /stac/search", "SELECT"} <= {span.name for span in found}
    )

    root = _by_name(spans)["GET /stac/search"]
    assert root.parent == ""
    assert root.service == "worldstrat"
    assert root.attributes["http.route"] == "/stac/search"
    assert root.attributes["http.response.status_code"] == 200
    statements = [span for span in spans if span.name == "SELECT"]
    assert statements
    assert all(span.parent == root.id for span in statements)
    assert not any("unusual-id" in str(span.attributes) for span in spans)  # values are the caller's


def test_a_cold_tile_is_one_trace_from_the_route_to_database_and_store(observed: Any) -> None:
    item = _item(observed, "worldstrat-spot", 1)
    trace = _ask(observed, f"{item}/preview.png?max_size=64", "traced-tile")

    spans = observed.collector.wait_for(
        trace, lambda found: {"store get"} <= {span.name for span in found} and any(not span.parent for span in found)
    )

    root = next(span for span in spans if not span.parent)
    assert root.name.startswith("GET /raster/collections/{collection_id}/items/{item_id}/preview")
    ids = {span.id for span in spans}
    assert all(span.parent in ids for span in spans if span is not root)
    assert "SELECT" in {span.name for span in spans}
    assert _by_name(spans)["store get"].parent == root.id


def test_a_super_resolved_tile_is_one_trace_from_the_route_to_the_worker(observed: Any) -> None:
    item = _item(observed, "worldstrat-sentinel-2-l2a", 1)
    trace = _ask(observed, f"{item}/sr/preview.png?max_size=64", "traced-upscaled")

    spans = observed.collector.wait_for(
        trace, lambda found: "superresolve" in {span.name for span in found} and any(not span.parent for span in found)
    )

    root = next(span for span in spans if not span.parent)
    assert root.name.startswith("GET /raster/collections/{collection_id}/items/{item_id}/sr/preview")
    assert _by_name(spans)["superresolve"].parent == root.id
    assert _by_name(spans)["superresolve"].attributes["model"] == "worldstrat-x4"


@pytest.mark.parametrize(("told", "continued"), [({}, True), ({"X-Forwarded-For": "203.0.113.7"}, True)])
def test_a_trace_that_a_proxy_began_goes_on(observed: Any, told: dict[str, str], *, continued: bool) -> None:
    name = f"continued-{len(told)}"
    observed.client.get("/stac", headers={**told, "traceparent": PARENT, "X-Request-ID": name})

    assert (observed.request(name)["trace_id"] == PARENT.split("-")[1]) is continued


def test_nothing_of_opentelemetry_is_loaded_unless_a_collector_is_named() -> None:
    code = (
        "import sys; from server.observe.traces import start_tracing, span, carrier; assert not start_tracing(); "
        "assert carrier() == {}\nwith span('a', b=1): pass\n"
        "import server.app; assert not any(name.startswith('opentelemetry.sdk') for name in sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
