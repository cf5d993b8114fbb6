"""A small STAC API over a folder, run as a process: search with pages, and files by ranges.

Usage: stac_server.py FOLDER PORT; FOLDER holds `items.json`, a list of items whose hrefs are relative to FOLDER.
"""

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn
from shapely.geometry import shape
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

PAGE = 3
CORE = "https://api.stacspec.org/v1.0.0"
FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])
BASE = f"http://127.0.0.1:{PORT}"


def items() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / "items.json").read_text())
    for item in found:
        item["links"] = [{"rel": "self", "href": f"{BASE}/collections/{item['collection']}/items/{item['id']}"}]
        for asset in filter(None, item["assets"].values()):
            asset["href"] = f"{BASE}/files/{asset['href']}"
    return found


async def landing(_: Request) -> Response:
    links = [
        {"rel": "self", "href": BASE},
        {"rel": "root", "href": BASE},
        {"rel": "data", "href": f"{BASE}/collections"},
        {"rel": "search", "href": f"{BASE}/search", "type": "application/geo+json", "method": "POST"},
    ]
    conforms = [f"{CORE}/{name}" for name in ("core", "collections", "item-search", "ogcapi-features")]
    catalog = {"type": "Catalog", "id": "small", "stac_version": "1.0.0", "description": "small"}
    return JSONResponse({**catalog, "links": links, "conformsTo": conforms})


async def collections(_: Request) -> Response:
    extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}}
    shared = {"type": "Collection", "stac_version": "1.0.0", "description": "x", "license": "other", "extent": extent}
    names = sorted({item["collection"] for item in items()})
    return JSONResponse({"collections": [{**shared, "id": name, "links": []} for name in names], "links": []})


async def search(request: Request) -> Response:
    body = await request.json()
    start, _, end = body["datetime"].partition("/")
    area, offset = shape(body["intersects"]), int(body.get("token", 0))
    found = [
        item
        for item in items()
        if item["collection"] in body["collections"]
        and start <= item["properties"]["datetime"] <= end
        and shape(item["geometry"]).intersects(area)
    ]
    following = {**body, "token": offset + PAGE}
    links = [{"rel": "next", "href": f"{BASE}/search", "method": "POST", "body": following}]
    page = {"type": "FeatureCollection", "features": found[offset : offset + PAGE]}
    return JSONResponse({**page, "links": links if offset + PAGE < len(found) else []})


async def file(request: Request) -> Response:
    path = FOLDER / request.path_params["path"]
    return FileResponse(path) if path.is_file() else Response(status_code=404)


application = Starlette(
    routes=[
        Route("/", landing),
        Route("/collections", collections),
        Route("/search", search, methods=["POST"]),
        Route("/files/{path:path}", file, methods=["GET", "HEAD"]),
    ]
)

if __name__ == "__main__":
    uvicorn.run(application, host="127.0.0.1", port=PORT, log_level="warning")
