"""The list of hostile requests: every parameter that the OpenAPI document names, and the wire below it."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.security import payloads
from tests.security.bodies import bodies
from tests.security.conditions import FILTERS
from tests.security.wire import Attack

STRINGS = {
    "expression": payloads.EXPRESSIONS,
    "filter": FILTERS,
    "crs": payloads.PLACES,
    "coord_crs": payloads.PLACES,
    "dst_crs": payloads.PLACES,
    **dict.fromkeys(("ids", "sortby", "fields", "collections", "datetime", "q", "bbox", "token"), payloads.SQL),
    **dict.fromkeys(("aggregations", "query", "intersects", "filter-crs", "filter-lang"), payloads.SQL),
}
"""What is sent as a parameter by its name; of any other, numbers or words by its type."""
METHODS = ("TRACE", "PUT", "DELETE", "PATCH", "PROPFIND", "MOVE", "DEBUG", "HEAD", "OPTIONS", "get", "GETX", "A" * 200)


@dataclass(frozen=True)
class Known:
    """What exists in the catalog under attack."""

    values: Mapping[str, Any]
    """Values of path parameters by name."""
    canary: str
    """Address that nobody has a reason to ask."""

    def fill(self, path: str, **changed: str) -> str:
        """Return a path with values in it; those that change go in as they are written."""
        for name in [part[1:-1] for part in path.split("/") for part in _braces(part)]:
            value = changed.get(name) or quote(str(self.values.get(name, 1)), safe="/")
            path = path.replace(f"{{{name}}}", value)
        return path

    def bait(self, text: str) -> str:
        """Return a text with the canary's address in it."""
        return text.replace("{canary}", self.canary).replace("{port}", self.canary.rpartition(":")[2])


def attacks(document: Mapping[str, Any], known: Known) -> list[Attack]:
    """Return all of the list, in an order that is always the same."""
    sources = (
        _parameters(document, known),
        _paths(document, known),
        _files(known),
        _fetchers(known),
        _methods(document, known),
        _headers(known),
        bodies(known.bait, known.fill),
    )
    return [attack for source in sources for attack in source]


def _braces(part: str) -> list[str]:
    return [f"{{{piece.split('}')[0]}}}" for piece in part.split("{")[1:]]


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in sorted(document["paths"].items()):
        for method, operation in sorted(methods.items()):
            yield method.upper(), path, operation


def _parameters(document: Mapping[str, Any], known: Known) -> Iterator[Attack]:
    """Yield each parameter of each operation with values in turn, so that all of them come up somewhere."""
    turns: dict[str, Iterator[str]] = {}
    for method, path, operation in _operations(document):
        if method != "GET":
            continue
        for parameter in operation.get("parameters", ()):
            if parameter["in"] != "query":
                continue
            name, kind = parameter["name"], parameter["schema"].get("type")
            values = STRINGS.get(name) or (payloads.NUMBERS if kind in {"integer", "number"} else payloads.WORDS)
            turn = turns.setdefault(name, itertools.cycle(values))
            # What few endpoints take is sent there all at once.
            for value in itertools.islice(turn, 3):
                query = f"{quote(name)}={quote(known.bait(value))}"
                yield Attack(f"parameter {name}", f"{known.fill(path)}?{query}")
    for name, values in STRINGS.items():
        for path in _few(document, name):
            yield from (
                Attack(f"parameter {name}", f"{known.fill(path)}?{quote(name)}={quote(known.bait(v))}") for v in values
            )


def _few(document: Mapping[str, Any], name: str) -> list[str]:
    """Return two endpoints that take a parameter."""
    found = [
        path
        for method, path, operation in _operations(document)
        if method == "GET" and any(each["name"] == name for each in operation.get("parameters", ()))
    ]
    return found[:: max(1, len(found) // 2)][:2]


def _paths(document: Mapping[str, Any], known: Known) -> Iterator[Attack]:
    """Yield each parameter of each path with names that lead elsewhere."""
    turn = itertools.cycle((*payloads.TRAVERSAL, *(quote(known.bait(text), safe="") for text in payloads.SQL)))
    for method, path, operation in _operations(document):
        if method != "GET":
            continue
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                for value in itertools.islice(turn, 2):
                    yield Attack("path", known.fill(path, **{parameter["name"]: value}))


def _files(known: Known) -> Iterator[Attack]:
    """Yield every trick at every place that serves files or objects by a name."""
    collection, item = known.values["collection_id"], known.values["item_id"]
    folders = (
        "/assets/",
        f"/assets/{collection}/",
        f"/assets/{collection}/x/000000000000/",
        "/app/",
        "/vendor/",
        "/vendor/swagger-ui/",
        "/",
        "/stac/collections/",
        f"/stac/collections/{collection}/items/",
        f"/raster/collections/{collection}/items/",
        f"/raster/collections/{collection}/items/{item}/",
        f"/raster/collections/{collection}/aois/",
        "/raster/mosaics/",
        "/raster/searches/",
        "/stac/",
    )
    for folder, trick in itertools.product(folders, payloads.TRAVERSAL):
        yield Attack("file", folder + trick)
    for trick in payloads.TRAVERSAL:
        yield Attack("file", f"/assets/{collection}/x/{trick}.tif")
        yield Attack("file", f"/assets/{trick}/x/y.tif")
    for text in payloads.WORDS:
        yield Attack("file", f"/assets/{collection}/{quote(known.bait(text), safe='')}/y.tif")


def _fetchers(known: Known) -> Iterator[Attack]:
    """Yield parameters by which other servers fetch what they are told."""
    item = f"/raster/collections/{known.values['collection_id']}/items/{known.values['item_id']}"
    for path, name in itertools.product(
        ("/stac/search", "/raster/mosaics/best/info", f"{item}/info", f"{item}/preview.png", f"{item}/sr/preview.png"),
        payloads.FETCHERS,
    ):
        yield Attack("fetch", f"{path}?{name}={quote(f'{known.canary}/{name}.tif', safe='')}")


def _methods(document: Mapping[str, Any], known: Known) -> Iterator[Attack]:
    paths = [path for path in sorted(document["paths"]) if "register" not in path]
    for number, path in enumerate(paths):
        for method in METHODS[number % 3 :: 3]:
            yield Attack("method", known.fill(path), method)
        yield Attack("version", known.fill(path), version="1.0")
    for name in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        for method in ("DELETE", "PUT", "POST"):
            yield Attack("method override", "/stac/collections/worldstrat-spot", headers={name: method})
            yield Attack("method override", f"/stac/collections/worldstrat-spot?_method={method}")


def _headers(known: Known) -> Iterator[Attack]:
    """Yield headers that change what an answer is, or where its links lead."""
    collection, item = known.values["collection_id"], known.values["item_id"]
    paths = ("/stac", "/", "/docs", f"/stac/collections/{collection}/items/{item}", f"/assets/{known.values['key']}")
    for path, (name, value) in itertools.product(paths, _header_values(known)):
        yield Attack(f"header {name}", path, headers={name: value})


def _header_values(known: Known) -> Iterable[tuple[str, str]]:
    for host in (
        "",
        "evil.example",
        "a b",
        'x"><script>',
        "x';alert(1)//",
        "x/../y",
        "[::1",
        "x:99999999",
        "x@y",
        "a" * 5000,
        "é",
        "x,y",
    ):
        yield "Host", host
        yield "X-Forwarded-Host", host
        yield "Forwarded", f'host="{host}";proto=https'
    for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Path", "X-Forwarded-Uri"):
        yield from ((name, value) for value in ("/metrics", "/../../etc/passwd", "//evil.example", "/" * 3000, "/é"))
    for name in ("Referer", "Origin", "X-Wap-Profile", "True-Client-IP", "X-Real-IP", "X-Forwarded-For", "Via", "From"):
        yield from ((name, value) for value in (f"{known.canary}/x", "127.0.0.1", "null", "' OR 1=1--", "\x1b[2J"))
    for value in (
        "bytes=0-",
        "bytes=-0",
        "bytes=99999999999999999999-",
        "bytes=0-0,1-1," * 500,
        "bytes=a-b",
        "bytes=1-0",
        "items=0-1",
        "=" * 5000,
    ):
        yield "Range", value
    for value in (
        '"' * 5000,
        "*",
        "W/" * 2000,
        '"a", ' * 1000,
        "\xff",
        "Thu, 99 Foo 99999 99:99:99 GMT",
        "Mon, 01 Jan 0000 00:00:00 +9999",
    ):
        yield from (("If-None-Match", value), ("If-Match", value), ("If-Modified-Since", value), ("If-Range", value))
    for value in (
        "*/*;q=nan",
        "a/b;" * 2000,
        "text/html;q=1e999",
        ",,,,",
        "application/geo+json;q=-1",
        "\x00",
        "text/" + "a" * 4000,
    ):
        yield from (("Accept", value), ("Accept-Encoding", value), ("Accept-Language", value), ("Content-Type", value))
    for value in (
        "Bearer",
        "Bearer " + "a" * 6000,
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Basic Og==",
        "Basic !!!",
        "Digest x",
        "bearer \x00",
        "é",
    ):
        yield "Authorization", value
    for value in ("session=" + "a" * 7000, "a=b; " * 500, "=;=;=", "a\x00=b", "é=é"):
        yield "Cookie", value
    yield from (
        ("Expect", "100-continue"),
        ("Upgrade", "h2c"),
        ("Connection", "upgrade, HTTP2-Settings"),
        ("Max-Forwards", "0"),
    )
    yield from (("Content-Encoding", value) for value in ("gzip", "br", "zstd", "deflate, gzip"))


def dumps(value: Any) -> bytes:
    """Return JSON as Python writes it, NaN and all."""
    return json.dumps(value).encode()
