"""Answers to searches in other formats than JSON, by `f=` or by the header Accept."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, params
from stac_fastapi.api.routes import Scope
from stac_fastapi.pgstac.models.links import PagingLinks
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from server.errors import NotAcceptableError
from server.stac.answer import create_etag
from server.stac.geoparquet import MAX_ROWS, write_geoparquet
from server.stac.page import Page, open_page
from server.stac.search import WorldStratSearch
from server.stac.table import write_csv

MAX_ITEMS = 10_000
"""Items of one answer that is written as it is read."""
NEXT_TOKEN = "Worldstrat-Next-Token"  # noqa: S105 - a header
"""Header that tells the `token` of the next page where no link can: the search is a body."""

FormatName = Literal["json", "csv", "geojsonseq", "ndjson", "geoparquet"]


async def _write_sequence(page: Page) -> AsyncIterator[bytes]:
    """Yield items as RFC 8142 wants them: each between a record separator and a line's end."""
    async for bodies in page.bodies():
        yield b"".join(b"\x1e%b\n" % body for body in bodies)


async def _write_lines(page: Page) -> AsyncIterator[bytes]:
    """Yield items one a line."""
    async for bodies in page.bodies():
        yield b"".join(b"%b\n" % body for body in bodies)


@dataclass(frozen=True)
class Format:
    """One way to write what a search found."""

    media_types: tuple[str, ...]
    """Names in a header Accept; the first is that of the answer."""
    suffix: str = ""
    """Of the file that a browser keeps."""
    most: int = MAX_ITEMS
    """Items of one answer."""
    write: Callable[[Page], AsyncIterator[bytes]] | None = None
    """Makes the answer; None for JSON, which is made elsewhere."""


FORMATS: dict[FormatName, Format] = {
    "json": Format(("application/geo+json", "application/json")),
    "csv": Format(("text/csv",), "csv", write=write_csv),
    "geojsonseq": Format(("application/geo+json-seq",), "geojsons", write=_write_sequence),
    "ndjson": Format(
        ("application/x-ndjson", "application/ndjson", "application/jsonl"), "geojsonl", write=_write_lines
    ),
    "geoparquet": Format(
        ("application/vnd.apache.parquet", "application/x-parquet", "application/parquet"),
        "parquet",
        MAX_ROWS,
        write_geoparquet,
    ),
}
"""Every format by the name that `f` gives it."""

Asked = Annotated[
    FormatName | None,
    Query(
        description="Format of the answer; it wins over the header Accept. All but `json` hold everything that was "
        f"found, or `limit` items: at most {MAX_ITEMS:,}, in GeoParquet {MAX_ROWS:,}. Where there are more, the header "
        f"Link (to a body: {NEXT_TOKEN}) leads on."
    ),
]


async def negotiate(request: Request, f: Asked = None) -> None:
    """Note in which format a request wants its answer.

    Raises:
        NotAcceptableError: the header Accept names formats, and none that there is.
    """
    name = f or _accepted(request.headers.get("accept", ""))
    request.state.format = FORMATS[name]


_ROUTES = (("/stac/search", "GET"), ("/stac/search", "POST"), ("/stac/collections/{collection_id}/items", "GET"))
"""Those that answer in several formats."""
FORMAT_DEPENDENCIES: list[tuple[list[Scope], list[params.Depends]]] = [
    ([{"path": path, "method": method} for path, method in _ROUTES], [Depends(negotiate)])
]
"""What makes them read `f`, as stac-fastapi takes it."""


def describe_formats(document: dict[str, Any]) -> None:
    """Add to an OpenAPI document, in place, what the formats answer."""
    for path, method in _ROUTES:
        responses = document["paths"][path][method.lower()]["responses"]
        for each in FORMATS.values():
            text = {"schema": {"type": "string", "format": "binary"}}
            responses["200"].setdefault("content", {}).setdefault(each.media_types[0], text)
        responses["200"]["description"] = "What was found, in the format that was asked for."
        responses["406"] = {"description": "The header Accept takes none of the formats that there are."}
        responses.setdefault("404", {"description": "Nothing was found, and GeoParquet can't say so."})
        if method == "GET":
            responses["304"] = {"description": "The client's copy, named by `If-None-Match`, is still good."}


async def answer_formatted(request: Request, search: WorldStratSearch) -> Response | None:
    """Return the answer to a search in the format that was asked for, None where that is JSON."""
    wanted: Format = getattr(request.state, "format", FORMATS["json"])
    if wanted.write is None:
        return None
    # The models of searches say 10 where nobody said anything: right for pages, not for files.
    asked = search.limit if _says_limit(request, search) else None
    search.limit = min(asked or wanted.most, wanted.most)
    page = await open_page(request, search)
    headers = await _headers(page, wanted)
    if request.method == "GET" and headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    pieces = wanted.write(page)
    # The first is made before the answer begins: what goes wrong there can still be told.
    first = await anext(pieces, b"")
    return StreamingResponse(_continue(first, pieces), headers=headers, media_type=wanted.media_types[0])


def _accepted(header: str) -> FormatName:
    """Return the format that a header Accept likes best; JSON where it takes anything."""
    ranges = [_read_range(part) for part in header.split(",") if part.strip()]
    if not ranges:
        return "json"
    names = {media_type: name for name, each in FORMATS.items() for media_type in each.media_types}
    for media_type, quality in sorted(ranges, key=lambda each: -each[1]):
        if quality <= 0:
            continue
        if media_type in {"*/*", "application/*"}:
            return "json"
        if media_type in names:
            return names[media_type]
        if media_type == "text/*":
            return "csv"
    raise NotAcceptableError(f"Of {header[:100]!r} there is nothing; there are {', '.join(names)}.")


def _read_range(part: str) -> tuple[str, float]:
    media_type, *parameters = (each.strip().lower() for each in part.split(";"))
    quality = next((each.removeprefix("q=") for each in parameters if each.startswith("q=")), "1")
    try:
        return media_type, float(quality)
    except ValueError:
        return media_type, 0.0


def _says_limit(request: Request, search: WorldStratSearch) -> bool:
    return "limit" in request.query_params if request.method == "GET" else "limit" in search.model_fields_set


async def _headers(page: Page, wanted: Format) -> dict[str, str]:
    request = page.request
    name = f"worldstrat-{'items' if 'collection_id' in request.path_params else 'search'}.{wanted.suffix}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "OGC-NumberMatched": str(page.matched),
        "OGC-NumberReturned": str(len(page.rows)),
        "Vary": "Accept",
        "Cache-Control": "no-cache",
    }
    if request.method == "GET":
        headers["ETag"] = create_etag(page)
    if page.next and request.method == "GET":
        links = await PagingLinks(request=request, next=page.next, prev=None).get_links()
        href = next(link["href"] for link in links if link["rel"] == "next")
        headers["Link"] = f'<{href}>; rel="next"'
    elif page.next:
        headers[NEXT_TOKEN] = f"next:{page.next}"
    return headers


async def _continue(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
