"""Every endpoint refuses what is absurd, at once: walked over the OpenAPI document, so that new ones are, too."""

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

SECONDS = 0.25
TRIES = 6
"""A busy machine may delay an answer; a server that works on it is late every time."""

HUGE = 10**9
EVIL = ("__import__('os').system('true')", "red.__class__", "9**9**9**9*red", "sqrt(" * 90 + "red" + ")" * 90)
MEGABYTE = "red%2B" * 170_000 + "red"
DATES = ",".join(f"20{year:02}-01-{day:02}T00:00:00Z" for year in range(100) for day in range(1, 29)) * 4
NAMES = ",".join(f"band{number}" for number in range(10_000))

ABSURD: dict[str, tuple[str, ...]] = {
    "bbox": ("-1e9,-1e9,1e9,1e9", "nan,nan,nan,nan", "1,2,3"),
    "expression": (*EVIL, MEGABYTE),
    "datetime": (DATES, "2018-01-01/2019-01-01/2020-01-01"),
    "filter": ("(" * 3000, "NOT " * 3000 + "id='a'", "id='a' AND " * 3000 + "id='a'"),
    "intersects": ("{" * 1000, "[" * 1000),
    "query": ("{" * 1000,),
    "ids": (NAMES * 10,),
    "bands": (NAMES,),
    "assets": (NAMES,),
    "index": (NAMES,),
    "outputs": (NAMES,),
    "render": ("r" * 10_000,),
    "colormap": ("[" * 10_000, json.dumps({"a" * 10_000: "red"})),
    "color_formula": ("gamma RGB 1.1 " * 1000,),
    "rescale": ("0,1," * 10_000,),
    "histogram_bins": ("1000000000", ",".join(map(str, range(10_000)))),
    "histogram_range": ("0," * 10_000,),
    "coord_crs": ("EPSG:" + "9" * 10_000, "http://127.0.0.1:9/crs"),
    "dst_crs": ("EPSG:" + "9" * 10_000, "http://127.0.0.1:9/crs"),
    "crs": ("EPSG:" + "9" * 10_000, "http://127.0.0.1:9/crs"),
    "zooms": ("WebMercatorQuad::0,999999999",),
    "aggregations": (NAMES,),
}
"""Values of parameters by name."""

NO_SIZE = {
    "limit": "a STAC search gives at most so many items, whatever more is asked for",
    "offset": "where a list goes on",
    "seed": "any number is one",
    "nodata": "a number to compare with",
    "lon": "compared with the item's box",
    "lat": "compared with the item's box",
    "c": "a value to count",
}
"""Parameters that are numbers and no sizes."""

PATH = {"width": HUGE, "height": HUGE, "minx": -1e9, "miny": -1e9, "maxx": 1e9, "maxy": 1e9, "z": 99, "x": HUGE}
"""Absurd values of parameters of paths."""


class Endpoint:
    """One operation of the document, with values that exist in its path."""

    def __init__(self, method: str, path: str, operation: dict[str, Any]) -> None:
        self.method = method.upper()
        self.path = path
        self.parameters = operation.get("parameters", [])
        self.body = json.dumps(operation.get("requestBody", "")) if "requestBody" in operation else ""

    def url(self, **changed: Any) -> str:
        url = self.path
        for parameter in self.parameters:
            if parameter["in"] == "path":
                value = changed.get(parameter["name"], _value(parameter))
                url = url.replace(f"{{{parameter['name']}}}", quote(str(value), safe="/"))
        return url

    def absurdities(self) -> Iterator[str]:
        """Yield addresses, each with one absurd value."""
        for parameter in self.parameters:
            name = parameter["name"]
            if parameter["in"] == "path" and name in PATH:
                yield self.url(**{name: PATH[name]})
            elif parameter["in"] == "query" and not self.path.endswith("WMTSCapabilities.xml"):
                for value in self._values(parameter):
                    yield f"{self.url()}?{name}={value if value == MEGABYTE else quote(value)}"

    def _values(self, parameter: dict[str, Any]) -> tuple[str, ...]:
        if parameter["name"] in ABSURD:
            return ABSURD[parameter["name"]]
        kind = parameter["schema"].get("type")
        return (str(HUGE),) if kind in {"integer", "number"} and parameter["name"] not in NO_SIZE else ()


def _value(parameter: dict[str, Any]) -> Any:
    known = parameter["schema"].get("enum") or [parameter.get("example")]
    return "png" if known[0] is None and parameter["name"] == "format" else known[0] if known[0] is not None else 8


def ask(base: str, method: str, url: str, body: Any = None) -> tuple[int, float]:
    """Return the status of an answer and the seconds that it took; no client's own limits stand between."""
    where = urlsplit(base)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=60)
    content = None if body is None else json.dumps(body)
    started = time.monotonic()
    connection.request(method, url, content, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    taken = time.monotonic() - started
    connection.close()
    return answer.status, taken


def refused(base: str, method: str, url: str, body: Any = None) -> str | None:
    """Return what is wrong with the answer to something absurd, None where it is refused at once."""
    taken = []
    for _ in range(TRIES):
        status, seconds = ask(base, method, url, body)
        taken.append(seconds)
        if not 400 <= status < 500:
            return f"{method} {url[:200]} is answered {status}"
        if seconds < SECONDS:
            return None
    return f"{method} {url[:200]} takes {min(taken):.2f} s"


def test_what_is_absurd_is_refused_in_milliseconds(http: httpx.Client, document: dict[str, Any]) -> None:
    base, feature = str(http.base_url), _feature(http)
    asked = 0
    wrong = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            endpoint = Endpoint(method, path, operation)
            body = (feature if "Feature" in endpoint.body else {}) if endpoint.body else None
            for url in endpoint.absurdities():
                asked += 1
                wrong.append(refused(base, endpoint.method, url, body))
    assert [each for each in wrong if each] == []
    assert asked > 1000


def test_geometries_and_searches_without_end_are_refused(http: httpx.Client, document: dict[str, Any]) -> None:
    base = str(http.base_url)
    ring = [[number / 1e5, 0] for number in range(100_000)]
    geometry = {"type": "Polygon", "coordinates": [[*ring, [0, 1], ring[0]]]}
    deep: Any = {"op": "=", "args": [{"property": "id"}, "a"]}
    for _ in range(200):
        deep = {"op": "not", "args": [deep]}
    wrong = []
    for path, methods in document["paths"].items():
        endpoint = Endpoint("post", path, methods.get("post", {}))
        if not endpoint.body:
            continue
        bodies: tuple[dict[str, Any], ...]
        if path.startswith("/stac"):
            bodies = (
                {"filter": deep, "filter-lang": "cql2-json"},
                {"bbox": [-1e9, -1e9, 1e9, 1e9]},
                {"datetime": DATES},
            )
        elif "Feature" in endpoint.body:
            bodies = ({"type": "Feature", "properties": {}, "geometry": geometry},)
        else:
            bodies = ({"filter": deep}, {"bbox": [-1e9, -1e9, 1e9, 1e9]})
        wrong += [refused(base, "POST", endpoint.url(), body) for body in bodies]
    assert [each for each in wrong if each] == []


def test_every_number_that_a_caller_chooses_is_bounded(document: dict[str, Any]) -> None:
    """By the document, where a caller sees it, or by a check of the request (the test above)."""
    unbounded = {
        parameter["name"]
        for methods in document["paths"].values()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and parameter["schema"].get("type") in {"integer", "number"}
        if "maximum" not in parameter["schema"]
    }
    assert unbounded - NO_SIZE.keys() <= {"width", "height", "tilesize", "minzoom", "maxzoom"}


def _feature(http: httpx.Client) -> dict[str, Any]:
    (item,) = http.get("/stac/search", params={"limit": 1, "fields": "geometry"}).raise_for_status().json()["features"]
    return {"type": "Feature", "properties": {}, "geometry": item["geometry"]}


@pytest.fixture(autouse=True)
def _warm(http: httpx.Client, document: dict[str, Any]) -> None:
    """Ask for one item first: what is measured is a refusal, no first connection to the database."""
    for path in document["paths"]:
        if path.endswith("/info"):
            http.get(Endpoint("get", path, document["paths"][path]["get"]).url())
