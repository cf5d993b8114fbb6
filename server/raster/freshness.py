"""Answers that a browser may keep: a strong ETag from what is known before anything is read, and 304."""

import hashlib
from collections.abc import Mapping
from importlib.metadata import version

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.access.caller import hidden_of
from server.raster.guards import Handler, RasterRoute
from server.raster.source import sources_of

CACHE_CONTROL = "public, max-age=600"
"""Ten minutes without a question, then a question that costs no reading."""

_SOFTWARE = tuple(version(name) for name in ("worldstrat", "titiler.core", "rio-tiler"))


class ItemRoute(RasterRoute):
    """A route of an item: GET answers carry an ETag, and 304 is answered without reading a pixel."""

    def get_route_handler(self) -> Handler:
        """Return the handler with the ETag around it."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if request.method != "GET":
                return await answer(request)
            headers = caching_headers(request, await run_in_threadpool(self.version, request))
            if is_known(headers, request):
                return Response(status_code=304, headers=headers)
            response = await answer(request)
            response.headers.update(headers)
            return response

        return handle

    def version(self, request: Request) -> str:
        """Return what changes with the item and its collection's renders.

        Raises:
            ItemNotFoundError: there is no such item.
        """
        path = request.path_params
        return sources_of(request).records.get(path["collection_id"], path["item_id"]).version


def caching_headers(request: Request, version: str) -> dict[str, str]:
    """Return the headers by which an answer may be kept.

    Its tag changes with what is asked about, the URL and the software.

    Args:
        request: the request.
        version: changes with what is asked about.
    """
    # The whole URL: some answers hold links, which follow the address that was asked.
    seen = ",".join(sorted(hidden_of(request)))
    facts = "\n".join((version, str(request.url), request.headers.get("accept", ""), seen, *_SOFTWARE))
    return {"ETag": f'"{hashlib.sha256(facts.encode()).hexdigest()[:32]}"', "Cache-Control": CACHE_CONTROL}


def is_known(headers: Mapping[str, str], request: Request) -> bool:
    """Tell whether the client has the answer of these headers already."""
    tags = request.headers.get("if-none-match", "").split(",")
    return headers["ETag"] in {tag.strip().removeprefix("W/") for tag in tags}
