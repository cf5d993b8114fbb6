"""ETags and labels of super-resolved answers: all say that they are synthetic, and whose invention they are."""

from starlette.requests import Request
from starlette.responses import Response

from server.raster.freshness import ItemRoute
from server.raster.guards import Handler
from server.raster.record import ItemRecord
from server.raster.source import sources_of
from server.sr.product import provenance
from server.sr.record import Recipe, derive
from server.sr.room import room_of

HEADER = "WorldStrat"
"""Prefix of the headers that label an answer: `WorldStrat-Synthetic: true`, `WorldStrat-Model: …`."""


class UpscaledRoute(ItemRoute):
    """A route of a super-resolved item."""

    def version(self, request: Request) -> str:
        """Return what changes with the item, the model, or the renders of the collection."""
        model = room_of(request).shelf.get(request.query_params.get("model"))
        return derive(self.record(request), Recipe(model)).version

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
            if recipe := getattr(request.state, "recipe", None):
                told = provenance(self.record(request), recipe)
                response.headers.update({f"{HEADER}-{name.title()}": value for name, value in told.items()})
            return response

        return handle
