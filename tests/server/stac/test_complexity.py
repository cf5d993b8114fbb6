"""Filters that would keep the parser busy for hours, or end it, are told apart from honest ones."""

import json
import time
from typing import Any

import httpx
import pytest

from server.errors import InvalidSearchError
from server.stac.complexity import limit_filter, limit_json

RING = ", ".join(f"-{n}.5 -{n}.5" for n in range(80))
PATHS = (
    "/stac/search",
    "/stac/collections",
    "/stac/collections/worldstrat-spot/items",
    "/stac/aggregate",
    "/stac/sample",
    "/raster/collections/worldstrat-spot/WebMercatorQuad/tilejson.json",
)
CONDITION: dict[str, Any] = {"op": "=", "args": [{"property": "gsd"}, 1]}


@pytest.mark.parametrize(
    "text",
    [
        None,
        "gsd = 1",
        "NOT ((gsd = 1.5 OR gsd = 10) AND (NOT \"worldstrat:ipcc\" IN ('Forest', 'Water')))",
        f"S_INTERSECTS(geometry, POLYGON(({RING}))) AND gsd > 1 - 0.5",
        "S_INTERSECTS(geometry, MULTIPOLYGON(((0 0, -1 0, -1 -1, 0 0))))",
        f"title = '{'(' * 99}{'-' * 99}'",
        json.dumps({"op": "and", "args": [CONDITION] * 50}),
    ],
)
def test_an_honest_filter_passes(text: str | None) -> None:
    limit_filter(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(" * 40, "parentheses"),
        ("(" * 3000 + "gsd = 1" + ")" * 3000, "parentheses"),
        ("((gsd = 1)", "partner"),
        (")(", "partner"),
        ("NOT " * 1000 + "gsd = 1", "operators"),
        ("gsd = " + "1+" * 500 + "1", "operators"),
        ("gsd = POINT(1" + " -1" * 400 + ")", "operators"),
        ("point = 1" + "-1" * 400, "operators"),
        ("POINT(1 1) AND gsd = 1" + "-1" * 400, "operators"),
        ("gsd = '" + "a" * 9000 + "'", "characters"),
        ('{"op":"not","args":[' * 300, "levels"),
    ],
)
def test_a_filter_beyond_reason_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidSearchError, match=words):
        limit_filter(text)


@pytest.mark.parametrize(("levels", "passes"), [(10, True), (18, True), (21, False), (1000, False)])
def test_a_body_is_limited_by_its_depth(levels: int, passes: bool) -> None:  # noqa: FBT001 - a table of cases
    condition = CONDITION
    for _ in range(levels):
        condition = {"op": "not", "args": [condition]}
    if passes:
        limit_json(condition)
    else:
        with pytest.raises(InvalidSearchError, match="levels"):
            limit_json(condition)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("text", ["(" * 40, "(" * 3000 + "gsd = 1" + ")" * 3000, "NOT " * 1000 + "gsd = 1"])
def test_no_endpoint_parses_it(http: httpx.Client, path: str, text: str) -> None:
    started = time.monotonic()

    answer = http.get(path, params={"filter": text})

    assert answer.status_code == 400
    assert "filter" in answer.json()["description"]
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("path", ["/stac/search", "/stac/aggregate", "/stac/sample"])
@pytest.mark.parametrize("levels", [200, 40_000])
def test_no_body_is_nested_beyond_reason(http: httpx.Client, path: str, levels: int) -> None:
    condition = '{"op":"not","args":[' * levels + json.dumps(CONDITION) + "]}" * levels

    answer = http.post(path, content=f'{{"filter": {condition}}}', headers={"content-type": "application/json"})

    assert answer.status_code in {400, 413}
