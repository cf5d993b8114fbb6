"""Validators of others, offline: schemas come from this machine, everything else from the server under test."""

import copy
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import requests
from requests.adapters import HTTPAdapter

from catalog.constants import COLLECTION_L2A


@pytest.fixture(scope="session")
def schemas(shared: Path) -> dict[str, bytes]:
    """STAC's core schemas as pystac bundles them, and the published ones of the extensions, by their addresses."""
    bundled = resources.files("pystac") / "validation/jsonschemas"
    core = (bundled / "stac-spec/v1.1.0", bundled / "geojson")
    found = {
        # One of the published schemas misspells its own address.
        json.loads(path.read_text("utf-8"))["$id"].rstrip("#").replace("commonjson", "common.json"): path.read_bytes()
        for folder in core
        for path in folder.iterdir()
        if path.name.endswith(".json")
    }
    index = json.loads((shared / "schemas/index.json").read_text("utf-8"))
    return found | {uri: (shared / "schemas" / path).read_bytes() for uri, path in index.items()}


@pytest.fixture
def offline(schemas: dict[str, bytes]) -> Iterator[set[str]]:
    """Answer every request for a schema from this machine, and refuse any to another host; yields what was refused."""
    send = HTTPAdapter.send
    refused: set[str] = set()

    def answer(self: HTTPAdapter, request: requests.PreparedRequest, **options: object) -> requests.Response:
        url = str(request.url).split("#")[0]
        if url in schemas:
            response = requests.Response()
            response.status_code, response._content, response.url, response.request = 200, schemas[url], url, request
            return response
        if urlsplit(url).hostname != "127.0.0.1":
            refused.add(url)
            raise requests.ConnectionError(f"{url} lies elsewhere", request=request)
        return send(self, request, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HTTPAdapter, "send", answer)
        yield refused


@pytest.fixture(scope="session")
def http(live_server: str) -> Iterator[httpx.Client]:
    """A client of the server of the small dataset, which is another process."""
    with httpx.Client(base_url=live_server, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def document(http: httpx.Client) -> dict[str, Any]:
    """The server's OpenAPI document, whose path parameters name what there is.

    Random names of items would only ever be answered 404; and what else is sent is known to be wrong.
    """
    found: dict[str, Any] = http.get("/openapi.json").raise_for_status().json()
    values = _existing(http)
    for operation in (each for methods in found["paths"].values() for each in methods.values()):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path" and parameter["name"] in values:
                known = values[parameter["name"]]
                if isinstance(known[0], str):
                    parameter["schema"]["enum"] = known
                else:
                    parameter["example"] = known[0]  # other numbers are as right, while other names are wrong
    return found


def _existing(http: httpx.Client) -> dict[str, list[Any]]:
    """Return values of path parameters: of one item and what belongs to it, and of one search."""
    query = {"collections": COLLECTION_L2A, "limit": 1}
    (item,) = http.get("/stac/search", params=query).raise_for_status().json()["features"]
    search = http.post("/raster/searches/register", json={"collections": [COLLECTION_L2A]}).raise_for_status()
    west, south, east, north = item["bbox"]
    asset = next(each["href"] for each in item["assets"].values())
    return {
        "collection_id": [COLLECTION_L2A],
        "item_id": [item["id"]],
        "aoi": [item["properties"]["worldstrat:aoi"]],
        "name": ["best"],
        "search_id": [search.json()["id"]],
        "key": [asset.split("/assets/")[1]],
        "z": [0],
        "x": [0],
        "y": [0],
        "minx": [west],
        "miny": [south],
        "maxx": [east],
        "maxy": [north],
        "lon": [(west + east) / 2],
        "lat": [(south + north) / 2],
    }


@pytest.fixture(scope="session")
def lean_document(document: dict[str, Any], http: httpx.Client) -> dict[str, Any]:
    """That document with each optional parameter, and each kind of body, at the first endpoint that takes it alone.

    A hundred endpoints share most of them. Where a body has been varied before, a feature stands in its place.
    """
    lean = copy.deepcopy(document)
    feature = {"schema": {"enum": [_feature(http)]}}
    seen: set[str] = set()
    for operation in (each for methods in lean["paths"].values() for each in methods.values()):
        new = {json.dumps(each, sort_keys=True): each for each in operation.get("parameters", ())}
        operation["parameters"] = [each for text, each in new.items() if each.get("required") or text not in seen]
        seen |= new.keys()
        body = json.dumps(operation.get("requestBody"))
        if body in seen and "Feature" in body:
            operation["requestBody"]["content"]["application/json"] = feature
        seen.add(body)
    return lean


def _feature(http: httpx.Client) -> dict[str, Any]:
    """Return the footprint of the item, as a feature."""
    query = {"collections": COLLECTION_L2A, "limit": 1, "fields": "geometry"}
    (item,) = http.get("/stac/search", params=query).raise_for_status().json()["features"]
    return {"type": "Feature", "properties": {}, "geometry": item["geometry"]}
