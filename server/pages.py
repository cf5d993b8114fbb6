"""The pages that people see: the landing page with its map, and the documentation of the API."""

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from server.settings import ServerSettings

BUILT_FOLDERS = ("app", "vendor")
"""What the web page's build leaves in `static/` beside index.html."""
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
"""No page of ours asks another host for anything, and no other site frames one."""

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_HASHED = re.compile(r"-[\w-]{8,}\.\w+$")
_BARE_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>WorldStrat</title>
<style>body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }}</style>
<h1>WorldStrat</h1>
<p>The server runs, but its map has not been built: <code>make page</code> builds it.</p>
<ul>
<li><a href="{base}stac">STAC API</a>: find images by place, date, land use, source and split</li>
<li><a href="{base}docs">Documentation</a> of every endpoint</li>
</ul>
</html>
"""


class BuiltFiles(StaticFiles):
    """Files of the web page's build: those with a hash in their name never change."""

    async def check_config(self) -> None:
        """Do without a check: a page that has not been built is a file not found, no failure of the server."""

    def file_response(self, full_path: Any, stat_result: Any, scope: Scope, status_code: int = 200) -> Response:
        """Return one file with the cache rule of its name."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        hashed = _HASHED.search(str(full_path)) is not None
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return response


def add_pages(app: FastAPI, settings: ServerSettings) -> None:
    """Add `/`, `/docs` and the files that they load."""

    @app.head("/", include_in_schema=False)
    @app.get("/", tags=["Pages"], summary="Landing page", response_model=None)
    async def landing_page(request: Request) -> Response:
        """Return the page with the map to a browser, links as JSON to everything else."""
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse(_landing_links(app, request.base_url), headers={"Vary": "Accept"})
        return _page(settings.static, request.base_url)

    page, policy = _documentation(app.title)

    @app.get("/docs", include_in_schema=False, name="swagger_ui_html")
    async def documentation() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    for folder in BUILT_FOLDERS:
        app.mount(f"/{folder}", BuiltFiles(directory=settings.static / folder, check_dir=False), name=folder)


def _documentation(title: str) -> tuple[str, str]:
    """Return the page of the API's documentation, and its policy: the one script within it is known by its hash.

    Its addresses are relative, so that nothing of a request stands in it.
    """
    page = bytes(
        get_swagger_ui_html(
            openapi_url="openapi.json",
            title=title,
            swagger_js_url="vendor/swagger-ui/swagger-ui-bundle.js",
            swagger_css_url="vendor/swagger-ui/swagger-ui.css",
            swagger_favicon_url="vendor/swagger-ui/favicon-32x32.png",
        ).body
    ).decode()
    hashes = (
        f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in _INLINE_SCRIPT.findall(page)
    )
    return page, f"{PAGE_POLICY}; script-src 'self' {' '.join(hashes)}"


def _page(static: Path, base_url: URL) -> Response:
    headers = {"Vary": "Accept", "Cache-Control": "no-cache"}
    index = static / "index.html"
    if index.is_file():
        # What it loads it says itself, in a meta element, which cannot say who may frame it.
        return FileResponse(index, headers=headers | {"Content-Security-Policy": "frame-ancestors 'self'"})
    headers["Content-Security-Policy"] = PAGE_POLICY
    return HTMLResponse(_BARE_PAGE.format(base=escape(str(base_url))), headers=headers)


def _landing_links(app: FastAPI, base_url: URL) -> dict[str, Any]:
    links = (
        ("self", "", "application/json", "This document"),
        ("data", "stac", "application/json", "STAC API"),
        ("service-desc", "openapi.json", "application/vnd.oai.openapi+json;version=3.0", "OpenAPI document"),
        ("service-doc", "docs", "text/html", "Documentation"),
        ("status", "readyz", "application/json", "Can requests be served?"),
    )
    return {
        "title": app.title,
        "description": app.description,
        "version": app.version,
        "links": [
            {"rel": rel, "href": f"{base_url}{path}", "type": media_type, "title": title}
            for rel, path, media_type, title in links
        ],
    }
