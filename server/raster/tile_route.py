"""Tiles of items and composites: TiTiler's own endpoint, called with what FastAPI made of the same query before.

A map asks for hundreds of tiles with one query. FastAPI resolves the dozen dependencies of TiTiler's endpoint for each
of them, every one in a thread of its own: that takes longer than the pixels. Here they are resolved for the first tile
of a query and remembered; the others go straight to the endpoint, in one thread.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from titiler.core.resources.enums import ImageType

from server.observe.metrics import TILES
from server.raster.cache import LoadingCache
from server.raster.factories import TILE_SCHEMES
from server.raster.freshness import ItemRoute, caching_headers, is_known
from server.raster.guards import Handler
from server.raster.reader import ItemSource
from server.raster.source import sources_of

MAX_PLANS = 1024
"""Most queries that are remembered, of each route."""
MAX_QUERY = 2000
"""Longest query that is."""

_PLACE = ("z", "x", "y")
_OWN = frozenset({*_PLACE, "tileMatrixSetId", "format", "src_path"})  # of the endpoint's arguments, what a path says
_DIGITS = 10
_FORMATS = {image_format.value: image_format for image_format in ImageType}


@dataclass(frozen=True)
class Plan:
    """What FastAPI and TiTiler made of a query."""

    options: dict[str, Any]
    """Arguments of the endpoint."""
    key: tuple[tuple[str, str], ...]
    """The same for queries that differ in their order alone."""


class TileRoute(ItemRoute):
    """A route of tiles of an item that remembers queries and keeps finished tiles.

    Subclasses say by `version` and `known` what else tiles are made of.
    """

    kind = "item"
    """What the tiles are of, for those who count them."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Wrap TiTiler's endpoint so that it notes the arguments with which it is called."""
        self.plans: LoadingCache[str, Plan] = LoadingCache(MAX_PLANS)
        self.make: Callable[..., Response] = inspect.unwrap(endpoint)
        super().__init__(path, _noting(self.make, self.plans), **options)

    def get_route_handler(self) -> Handler:
        """Return the handler that answers what it can by itself, and asks FastAPI for the rest."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            known = self.known(request)
            if request.method != "GET" or known is None:
                return await answer(request)
            version, source = known
            headers = caching_headers(request, version)
            if is_known(headers, request):
                TILES.labels(self.kind, "unchanged").inc()
                return Response(status_code=304, headers=headers)
            plan, place = self.plans.kept(request.url.query), _read_path(request.path_params)
            if plan is None or place is None:
                return await answer(request)
            tile = await self._tile(request, source, plan, place)
            return Response(tile.body, headers={**tile.headers, **headers})

        return handle

    def known(self, request: Request) -> tuple[str, ItemSource] | None:
        """Return the version that tags follow and what tiles are made of, where both are at hand: without waiting."""
        path, sources = request.path_params, sources_of(request)
        record = sources.records.kept(path["collection_id"], path["item_id"])
        return (record.version, ItemSource(record, sources.chips)) if record else None

    async def _tile(self, request: Request, source: ItemSource, plan: Plan, place: dict[str, Any]) -> Response:
        """Return a finished tile, or make it: once, however many ask for it."""
        tiles = sources_of(request).tiles
        key = source.record.version, *place.values(), plan.key
        tile = tiles.kept(key)
        TILES.labels(self.kind, "cold" if tile is None else "warm").inc()
        if tile is not None:
            return tile
        return await run_in_threadpool(tiles.get, key, lambda: self.make(src_path=source, **place, **plan.options))


def _noting(endpoint: Callable[..., Response], plans: LoadingCache[str, Plan]) -> Callable[..., Response]:
    """Return the endpoint with a note of its arguments; it takes the request, too."""
    given = inspect.signature(endpoint)

    @functools.wraps(endpoint)
    def noted(request: Request, **arguments: Any) -> Response:
        query = request.url.query
        if len(query) <= MAX_QUERY:
            options = {name: value for name, value in arguments.items() if name not in _OWN}
            key = tuple(sorted(request.query_params.multi_items(), key=lambda pair: pair[0]))
            plans.get(query, lambda: Plan(options, key))
        return endpoint(**arguments)

    own = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)
    keyword = [value.replace(kind=inspect.Parameter.KEYWORD_ONLY) for value in given.parameters.values()]
    noted.__signature__ = given.replace(parameters=[own, *keyword])  # type: ignore[attr-defined]
    return noted


def _read_path(path: dict[str, Any]) -> dict[str, Any] | None:
    """Return the arguments that a path holds, None where FastAPI should look at it and say what is wrong."""
    scheme, suffix = path["tileMatrixSetId"], path.get("format")
    numbers = [path[name] for name in _PLACE]
    plain = all(number.isascii() and number.isdigit() and len(number) <= _DIGITS for number in numbers)
    if not plain or scheme not in TILE_SCHEMES or (suffix is not None and suffix not in _FORMATS):
        return None
    place = dict(zip(_PLACE, map(int, numbers), strict=True))
    return {**place, "tileMatrixSetId": scheme, "format": _FORMATS[suffix] if suffix else None}
