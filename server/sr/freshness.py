"""ETags and labels of super-resolved answers: all say that they are synthetic, and whose invention they are."""

from typing import Any
from urllib.parse import quote

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from server.raster.cache import LoadingCache
from server.raster.freshness import ItemRoute
from server.raster.guards import Handler
from server.raster.record import ItemRecord
from server.raster.source import sources_of
from server.raster.tile_route import MAX_PLANS, TileRoute
from server.sr.errors import NotUpscalableError
from server.sr.params import recipe_of, upscaled_source
from server.sr.product import provenance
from server.sr.record import Recipe
from server.sr.room import kept_model_of, model_of
from server.sr.source import UpscaledSource
from superres.model import Model

HEADER = "WorldStrat"
"""Prefix of the headers that label an answer: `WorldStrat-Synthetic: true`, `WorldStrat-Model: …`."""

Labels = tuple[tuple[bytes, bytes], ...]


class UpscaledRoute(ItemRoute):
    """A route of a super-resolved item."""

    def version(self, request: Request) -> str:
        """Return what changes with the item, the model, or the renders of the collection."""
        return _version(self.record(request), model_of(request, request.query_params.get("model")))

    def record(self, request: Request) -> ItemRecord:
        """Return the item at 10 m that a request is about.

        Raises:
            ItemNotFoundError: there is no such item.
        """
        path = request.path_params
        return sources_of(request).records.get(path["collection_id"], path["item_id"])

    def get_route_handler(self) -> Handler:
        """Return the handler with the labels around it."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            response = await answer(request)
            if (labels := getattr(request.state, "labels", None)) is None:
                recipe = getattr(request.state, "recipe", None)
                labels = _labels(self.record(request), recipe) if recipe else ()
            response.raw_headers.extend(labels)
            return response

        return handle


class UpscaledTileRoute(UpscaledRoute, TileRoute):
    """A route of its tiles, which remembers queries and keeps finished tiles as that of items does."""

    kind = "super-resolved"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Remember nothing yet."""
        self.sources: LoadingCache[tuple[str, ...], tuple[UpscaledSource, Labels]] = LoadingCache(MAX_PLANS)
        super().__init__(*arguments, **options)

    def known(self, request: Request) -> tuple[str, UpscaledSource] | None:
        """Return the version that tags follow and what tiles are made of, where both are at hand: without waiting."""
        item, query = super().known(request), request.query_params
        model = kept_model_of(request, query.get("model"))
        # A remembered query was found sound.
        if item is None or model is None or self.plans.kept(request.url.query) is None:
            return None
        record = item[1].record
        key = record.collection, record.id, record.version, model.sha256, request.url.query

        def describe() -> tuple[UpscaledSource, Labels]:
            recipe = recipe_of(request, query.get("model"), **_chosen(query, "method", "clouds"))
            return upscaled_source(request, item[1], recipe, **_chosen(query, "layer")), _labels(record, recipe)

        try:
            source, request.state.labels = self.sources.get(key, describe)
        except NotUpscalableError:
            return None
        return _version(record, model), source


def _labels(item: ItemRecord, recipe: Recipe) -> Labels:
    """Return the headers that say what an answer was made of, as they are sent."""
    told = provenance(item, recipe).items()
    return tuple((f"{HEADER}-{name}".lower().encode("ascii"), _ascii(value).encode("ascii")) for name, value in told)


def _ascii(text: str) -> str:
    """Return a text as a header may hold it: what is not ASCII as in a URL."""
    return "".join(letter if letter.isascii() else quote(letter) for letter in text)


def _version(item: ItemRecord, model: Model) -> str:
    return f"{item.version}-{model.sha256}"


def _chosen(query: QueryParams, *names: str) -> dict[str, Any]:
    return {name: query[name] for name in names if name in query}
