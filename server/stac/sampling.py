"""Samples of the catalog: so many items, balanced over classes, the same ones whenever the seed is the same."""

from typing import Annotated, Any, Literal, Self

import attr
from fastapi import APIRouter, FastAPI, Query
from pydantic import ConfigDict, model_validator
from stac_fastapi.api.models import GeoJSONResponse
from stac_fastapi.api.routes import create_async_endpoint
from stac_fastapi.extensions.fields.request import FieldsExtensionGetRequest, FieldsExtensionPostRequest
from stac_fastapi.extensions.filter.request import FilterExtensionGetRequest, FilterExtensionPostRequest
from stac_fastapi.pgstac.models.links import BaseLinks
from stac_fastapi.types.extension import ApiExtension
from stac_fastapi.types.search import BaseSearchGetRequest
from starlette.requests import Request
from starlette.responses import Response

from catalog.constants import COLLECTION_L2A, MAX_REVISIT
from server.errors import InvalidSearchError
from server.stac.client import WorldStratClient
from server.stac.draw import Balance, Drawn, compose, read
from server.stac.freetext import FreeTextGetRequest, FreeTextPostRequest
from server.stac.search import WorldStratSearch
from server.stac.selection import ALIASES, parse_search, select

MAX_ITEMS = 5000
"""Most items of one sample."""
MAX_SEED = 2**63 - 1

_WORDS = """\
Draws items at random, as training, testing or looking around need them.

The conditions are those of a search (without `collections`: Sentinel-2 L2A), with shorthands for the usual ones. Of
each place at most `per_aoi` items take part, the best revisits (closest in time to the SPOT image, clearest) first.
Places in no split, or in several, are left out unless `leaks=include`.

With `balance`, every class gives as many items as every other; where one has too few, the others make up for it.
`sample.classes` tells how many of each were `wanted`, `available` and `drawn`. Items that name no class are a class of
their own, with the key null.

The same seed draws the same items in the same order, as long as the catalog is the same; a sample of 100 is the
beginning of a sample of 500."""

Limit = Annotated[int, Query(ge=1, le=MAX_ITEMS, description="How many items to draw; fewer where there are no more.")]
Balanced = Annotated[Balance | None, Query(description="Property of which each value gives equally many items.")]
PerAoi = Annotated[
    int, Query(ge=1, le=4 * MAX_REVISIT, description="Most items of one place, the best revisits first.")
]
Split = Annotated[Literal["train", "val", "test"] | None, Query(description="Places of this split only.")]
MaxDelta = Annotated[
    int | None,
    Query(ge=0, le=10_000, description="Most days from the SPOT image, before or after; unknown is left out."),
]
MaxCloud = Annotated[
    float | None,
    Query(
        ge=0,
        le=100,
        description="Most clouds in per cent: of the place where it has a cloud mask, else of the whole product. "
        "Items that say neither are left out.",
    ),
]
Leaks = Annotated[
    Literal["exclude", "include"], Query(description="Whether places in no split, or in several, take part.")
]
Seed = Annotated[int, Query(ge=0, le=MAX_SEED, description="Number that decides the draw.")]


@attr.s
class SampleGetRequest(BaseSearchGetRequest, FilterExtensionGetRequest, FieldsExtensionGetRequest, FreeTextGetRequest):
    """What `GET /sample` takes."""

    limit: Limit = attr.ib(default=100)
    balance: Balanced = attr.ib(default=None)
    per_aoi: PerAoi = attr.ib(default=1)
    split: Split = attr.ib(default=None)
    max_delta: MaxDelta = attr.ib(default=None)
    max_cloud: MaxCloud = attr.ib(default=None)
    leaks: Leaks = attr.ib(default="exclude")
    seed: Seed = attr.ib(default=0)


class SampleSearch(WorldStratSearch, FilterExtensionPostRequest, FieldsExtensionPostRequest, FreeTextPostRequest):
    """What `POST /sample` takes; a parameter that it does not know is refused, for a typo would draw other items."""

    model_config = ConfigDict(extra="forbid")

    limit: Limit = 100
    balance: Balanced = None
    per_aoi: PerAoi = 1
    split: Split = None
    max_delta: MaxDelta = None
    max_cloud: MaxCloud = None
    leaks: Leaks = "exclude"
    seed: Seed = 0

    @model_validator(mode="after")
    def _is_one_search(self) -> Self:
        """Write the shorthands as the conditions that they stand for."""
        fields: Any = self
        fields.collections = fields.collections or [COLLECTION_L2A]
        conditions = [*([self.filter_expr] if self.filter_expr else []), *self._shorthands()]
        fields.filter_expr = {"op": "and", "args": conditions} if conditions else None
        return self

    def _shorthands(self) -> list[dict[str, Any]]:
        found = []
        if self.split is not None:
            found.append(_compare("=", "worldstrat:split", self.split))
        if self.max_delta is not None:
            found += [
                _compare(">=", "worldstrat:delta", -self.max_delta),
                _compare("<=", "worldstrat:delta", self.max_delta),
            ]
        if self.max_cloud is not None:
            unknown = _condition("isNull", {"property": "worldstrat:cloud_cover"})
            product = _condition("and", unknown, _compare("<=", "eo:cloud_cover", self.max_cloud))
            found.append(_condition("or", _compare("<=", "worldstrat:cloud_cover", self.max_cloud), product))
        if self.leaks == "exclude":
            # A place in several splits has none of its own: see the schema of our extension.
            found.append(_condition("not", _condition("isNull", {"property": "worldstrat:split"})))
        return found


_PARAMETERS = frozenset(ALIASES.get(each.name, each.name) for each in attr.fields(SampleGetRequest))


@attr.s
class SamplingClient:
    """Draws in the database, and shows what was drawn as a search does."""

    core: WorldStratClient = attr.ib(kw_only=True)

    async def sample(self, search: SampleSearch | None = None, **asked: Any) -> Response:
        """Return the sample of a body, or of the parameters of a URL.

        Raises:
            InvalidSearchError: a condition has no meaning, or nobody knows a parameter.
        """
        request: Request = asked.pop("request")
        if unknown := sorted(request.query_params.keys() - _PARAMETERS):
            raise InvalidSearchError(f"There is no parameter {unknown[0][:50]!r}; there are {', '.join(_PARAMETERS)}.")
        search = search or parse_search(SampleSearch, asked)
        (row,) = await select(
            request,
            search,
            lambda condition: compose(search.balance, condition),
            str(search.seed),
            search.per_aoi,
            search.limit,
        )
        drawn = read(row, search.limit)
        items = await self.core.get_items(drawn.keys, search.fields, request)
        return GeoJSONResponse(_answer(request, search, drawn, items))


def _answer(request: Request, search: SampleSearch, drawn: Drawn, items: list[dict[str, Any]]) -> dict[str, Any]:
    sample: dict[str, Any] = {
        "seed": search.seed,
        "wanted": search.limit,
        "available": drawn.available,
        "drawn": len(drawn.keys),
        "per_aoi": search.per_aoi,
        "leaks": search.leaks,
        "balance": search.balance,
    }
    if search.balance:
        sample["classes"] = list(drawn.classes)
    return {
        "type": "FeatureCollection",
        "features": items,
        "links": BaseLinks(request=request).create_links(),
        "numberMatched": drawn.matched,
        "numberReturned": len(items),
        "sample": sample,
    }


def _condition(op: str, *args: Any) -> dict[str, Any]:
    return {"op": op, "args": list(args)}


def _compare(op: str, name: str, value: str | float) -> dict[str, Any]:
    return _condition(op, {"property": name}, value)


@attr.s
class SamplingExtension(ApiExtension):
    """The route of the samples."""

    client: SamplingClient = attr.ib(kw_only=True)

    def register(self, app: FastAPI) -> None:
        """Add `GET /sample` and `POST /sample`."""
        router = APIRouter(prefix=app.state.router_prefix, tags=["Sampling"])
        for method, model in ("GET", SampleGetRequest), ("POST", SampleSearch):
            router.add_api_route(
                "/sample",
                create_async_endpoint(self.client.sample, model),
                name="Sample",
                summary="Draw a repeatable, balanced sample of items",
                description=_WORDS,
                methods=[method],
                response_class=GeoJSONResponse,
                response_description="An ItemCollection, and how it was drawn.",
            )
        app.include_router(router)


def create_sampling(core: WorldStratClient) -> SamplingExtension:
    """Return the extension; `core` shows the items."""
    return SamplingExtension(client=SamplingClient(core=core))
