"""What titiler's own parameters take and should not: refused before its endpoints see it."""

import math
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from server.raster.errors import InvalidRequestError
from server.raster.expression import parse_expression
from server.raster.limits import MAX_COVER_SCALE, MAX_SIZE, MAX_TILESIZE, MAX_ZOOM
from server.stac.complexity import limit_depth, limit_filter

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_CRS_PARAMETERS = ("crs", "coord_crs", "dst_crs")
_CRS_CODE = re.compile(r"([A-Za-z]+:[A-Za-z0-9]+|https?://www\.opengis\.net/def/crs/[A-Za-z]+/[0-9.]+/[A-Za-z0-9]+)")
_LARGEST = {
    "cover_scale": MAX_COVER_SCALE,
    "width": MAX_SIZE,
    "height": MAX_SIZE,
    "tilesize": MAX_TILESIZE,
    "minzoom": MAX_ZOOM,
    "maxzoom": MAX_ZOOM,
}
_SMALLEST = {"minzoom": 0, "maxzoom": 0}
_ZOOMS = re.compile(r"[^:]+::(\d{1,2}),(\d{1,2})")


class RasterRoute(APIRoute):
    """A route with these checks before it."""

    def get_route_handler(self) -> Handler:
        """Return the handler."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            check_crs(request)
            check_numbers(request)
            check_filter(request)
            check_expression(request)
            return await answer(request)

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


def check_numbers(request: Request) -> None:
    """Refuse sizes and zooms that would fill the memory or take for ever.

    Raises:
        InvalidRequestError: one is too large, or a zoom below 0.
    """
    for name, largest in _LARGEST.items():
        for value in request.query_params.getlist(name):
            if _number(value) > largest:
                raise InvalidRequestError(f"{name} is at most {largest}, not {value[:20]}.")
            if _number(value) < _SMALLEST.get(name, -math.inf):
                raise InvalidRequestError(f"{name} is at least {_SMALLEST[name]}, not {value[:20]}.")
    for value in request.query_params.getlist("zooms"):
        found = _ZOOMS.fullmatch(value)
        if not found or max(map(int, found.groups())) > MAX_ZOOM:
            raise InvalidRequestError(f"zooms={value[:60]!r} is not as WebMercatorQuad::0,{MAX_ZOOM}.")


def check_filter(request: Request) -> None:
    """Refuse filters that would keep the parser busy, or end the process.

    Raises:
        InvalidSearchError: one is too intricate.
    """
    for value in request.query_params.getlist("filter"):
        limit_filter(value)
    for value in request.query_params.getlist("query"):
        limit_depth(value)


def check_expression(request: Request) -> None:
    """Refuse to hand out addresses of tiles with an expression that no tile would be made of.

    Raises:
        InvalidExpressionError: it is none.
    """
    if request.url.path.endswith("/tilejson.json"):
        for value in filter(None, request.query_params.getlist("expression")):
            parse_expression(value)


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0  # what is no number is refused where it is read
