"""Answers that a browser may keep: a strong ETag from what is known before anything is read, and 304."""

import hashlib
import re
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any

from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.raster.errors import InvalidRequestError
from server.raster.limits import MAX_COVER_SCALE
from server.raster.source import sources_of

CACHE_CONTROL = "public, max-age=600"
"""Ten minutes without a question, then a question that costs no reading."""

_SOFTWARE = tuple(version(name) for name in ("worldstrat", "titiler.core", "rio-tiler"))
_CRS_PARAMETERS = ("crs", "coord_crs", "dst_crs")
_CRS_CODE = re.compile(r"([A-Za-z]+:[A-Za-z0-9]+|https?://www\.opengis\.net/def/crs/[A-Za-z]+/[0-9.]+/[A-Za-z0-9]+)")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class RasterRoute(APIRoute):
    """A route that refuses what titiler would take and should not."""

    def get_route_handler(self) -> Handler:
        """Return the handler with the check before it."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            check_crs(request)
            check_cover_scale(request)
            return await answer(request)

        return handle


class ItemRoute(RasterRoute):
    """A route of an item: GET answers carry an ETag, and 304 is answered without reading a pixel."""

    def get_route_handler(self) -> Handler:
        """Return the handler with the ETag around it."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if request.method != "GET":
                return await answer(request)
            etag = await run_in_threadpool(create_etag, request)
            headers = {"ETag": etag, "Cache-Control": CACHE_CONTROL}
            if etag in _known(request):
                return Response(status_code=304, headers=headers)
            response = await answer(request)
            response.headers.update(headers)
            return response

        return handle


def check_crs(request: Request) -> None:
    """Refuse coordinate systems that GDAL would fetch from an address or read from a file.

    Raises:
        InvalidRequestError: one is not a plain code.
    """
    for name in _CRS_PARAMETERS:
        for value in request.query_params.getlist(name):
            if not _CRS_CODE.fullmatch(value):
                raise InvalidRequestError(f"{name}={value[:60]!r} is no code of coordinates, such as EPSG:4326.")


def check_cover_scale(request: Request) -> None:
    """Refuse coverage by a geometry that would fill the memory.

    Raises:
        InvalidRequestError: it is finer than it has to be.
    """
    value = request.query_params.get("cover_scale", "1")
    if value.isdecimal() and int(value) > MAX_COVER_SCALE:
        raise InvalidRequestError(f"cover_scale is at most {MAX_COVER_SCALE}, not {value[:20]}.")


def create_etag(request: Request) -> str:
    """Return the tag of an answer: it changes with the item, its collection's renders, the URL and the software.

    Raises:
        ItemNotFoundError: there is no such item.
    """
    path = request.path_params
    record = sources_of(request).records.get(path["collection_id"], path["item_id"])
    # The whole URL: some answers hold links, which follow the address that was asked.
    facts = "\n".join((record.version, str(request.url), request.headers.get("accept", ""), *_SOFTWARE))
    return f'"{hashlib.sha256(facts.encode()).hexdigest()[:32]}"'


def _known(request: Request) -> set[str]:
    tags = request.headers.get("if-none-match", "").split(",")
    return {tag.strip().removeprefix("W/") for tag in tags}
