"""A page as the answer to a search: an ItemCollection written piece by piece, with links to the pages around it."""

import hashlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

import orjson
from stac_fastapi.pgstac.models.links import ItemCollectionLinks, PagingLinks, SearchLinks
from starlette.responses import Response, StreamingResponse

from server.access.caller import hidden_of
from server.stac.page import AT_ONCE, Page

GEOJSON = "application/geo+json"
_SOFTWARE = version("worldstrat")


async def answer_page(page: Page) -> Response:
    """Return a page as an ItemCollection, or 304 where the client has it.

    Nothing of a large page is held but the items that are being written. Answers to GET carry an ETag: it changes with
    anything in the database, so that equal tags mean equal answers.
    """
    headers = {"Vary": "Accept"}
    if page.request.method == "GET":
        headers |= {"ETag": create_etag(page), "Cache-Control": "no-cache"}
        if headers["ETag"] in page.request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
    pieces = _write(page, await create_links(page))
    if len(page.rows) > AT_ONCE:
        # The first is made before the answer begins: what goes wrong there can still be told.
        return StreamingResponse(_continue(await anext(pieces), pieces), headers=headers, media_type=GEOJSON)
    return Response(b"".join([piece async for piece in pieces]), headers=headers, media_type=GEOJSON)


def create_etag(page: Page) -> str:
    """Return the tag of a page. It is a weak one, for the same items may come compressed in several ways."""
    seen = ",".join(sorted(hidden_of(page.request)))
    facts = "\n".join((page.version, str(page.request.url), page.request.headers.get("accept", ""), seen, _SOFTWARE))
    return f'W/"{hashlib.sha256(facts.encode()).hexdigest()[:32]}"'


async def create_links(page: Page) -> list[dict[str, Any]]:
    """Return links to this page, to those around it, and to what it belongs to."""
    request = page.request
    around = await PagingLinks(request=request, next=page.next, prev=page.prev).get_links()
    collection_id = request.path_params.get("collection_id")
    if collection_id is None:
        links: list[dict[str, Any]] = await SearchLinks(request=request).get_links(extra_links=around)
    else:
        links = await ItemCollectionLinks(request=request, collection_id=collection_id).get_links(extra_links=around)
    return links


async def _write(page: Page, links: list[dict[str, Any]]) -> AsyncIterator[bytes]:
    written = 0
    start = b'{"type":"FeatureCollection","links":%b,"numberMatched":%d,"features":[' % (
        orjson.dumps(links),
        page.matched,
    )
    async for bodies in page.bodies():
        if bodies:
            yield start + b",".join(bodies)
            written += len(bodies)
            start = b","
    # What was deleted since the page was found is neither written nor counted.
    yield (b"" if written else start) + b'],"numberReturned":%d}' % written


async def _continue(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
