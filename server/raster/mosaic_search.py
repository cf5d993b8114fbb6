"""Which items a mosaic shows: those of a collection and the conditions of a URL, of a registered search, of a name."""

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import unquote_plus

from fastapi import Path
from psycopg_pool import ConnectionPool
from pydantic import ValidationError
from starlette.requests import Request
from titiler.pgstac import model
from titiler.pgstac.dependencies import CollectionIdParams
from titiler.pgstac.errors import MosaicNotFoundError

from catalog.mosaics import CLEAREST_FIRST
from server.access.caller import hidden_of
from server.errors import InvalidSearchError, in_words
from server.raster.cache import LoadingCache
from server.raster.errors import InvalidRequestError
from server.raster.limits import MAX_ZOOM
from server.raster.mosaic_catalog import EARTH, Catalog
from server.raster.record import ABSENT_SECONDS, RECORD_SECONDS
from server.stac.bounds import flat_bounds
from server.stac.complexity import limit_json
from server.stac.filters import read_filter

MAX_SEARCHES = 1000
"""Most registered searches remembered."""

MAX_ORDER = 16
"""Most fields that items are put in order by."""
CONDITIONS = frozenset({"ids", "bbox", "datetime", "query", "sortby", "filter", "filter-lang"})
"""Parameters of a URL that narrow a collection: what addresses of its tiles must repeat."""

_SQL_SEARCH = "SELECT search, metadata, lastused, usecount FROM pgstac.searches WHERE hash = %s"
_SORT = re.compile(r"([+-]?)(.*)")
_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class MosaicSearch:
    """The items of a mosaic, in the words of a STAC search."""

    id: str
    """Name of the mosaic, its collection, or the hash that pgSTAC registered it by."""
    document: str
    """The search as JSON; equal searches are equal texts."""
    metadata: model.Metadata
    """What is said of it beside its conditions."""
    render: str | None = None
    """Render that paints it where the caller does not choose."""
    lastused: datetime = _NEVER
    """When it was registered or registered again."""
    usecount: int = 0
    """How often."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """The parameters of the URL that narrowed it."""
    hidden: frozenset[str] = frozenset()
    """Collections that do not exist for the caller, whatever the search says."""

    @property
    def collections(self) -> list[str]:
        """Collections of the items; empty for all."""
        return list(json.loads(self.document).get("collections") or [])

    @property
    def key(self) -> str:
        """Equal for searches that find the same items in the same order."""
        return hashlib.sha256("\n".join((self.document, *sorted(self.hidden))).encode()).hexdigest()

    def described(self) -> model.Search:
        """Return it as titiler-pgstac describes searches."""
        return model.Search(
            hash=self.id,
            search=json.loads(self.document),
            lastused=self.lastused,
            usecount=self.usecount,
            metadata=self.metadata.model_dump(exclude_none=True),
        )


class SearchRegister:
    """Searches that were registered, read once a minute at most."""

    def __init__(self, pool: Callable[[], ConnectionPool]) -> None:
        """Create an empty cache; `pool` gives the database's connections once the application runs."""
        self._pool = pool
        self._searches: LoadingCache[str, MosaicSearch | None] = LoadingCache(
            MAX_SEARCHES, seconds=lambda search: RECORD_SECONDS if search else ABSENT_SECONDS
        )

    def get(self, search_id: str) -> MosaicSearch:
        """Return a registered search.

        Raises:
            MosaicNotFoundError: there is none of this hash.
        """
        search = self._searches.get(search_id, lambda: self._load(search_id))
        if search is None:
            raise MosaicNotFoundError(f"There is no registered search {search_id!r}.")
        return search

    def _load(self, search_id: str) -> MosaicSearch | None:
        with self._pool().connection() as connection:
            row = connection.execute(_SQL_SEARCH, (search_id,)).fetchone()
        if not row:
            return None
        search, metadata, lastused, usecount = row
        given = model.Metadata(**{"type": "search", **(metadata or {})})
        return MosaicSearch(search_id, _text(search), given, lastused=lastused, usecount=usecount)


def search_of_collection(catalog: Catalog, collection_id: str, conditions: Mapping[str, Any]) -> MosaicSearch:
    """Return the search of a collection and of what a URL says; nothing is written for it.

    Args:
        catalog: the catalog.
        collection_id: the collection.
        conditions: the parameters of the URL by titiler-pgstac's names, None where it says nothing.

    Raises:
        MosaicNotFoundError: there is no such collection.
        InvalidRequestError: a condition cannot be read.
    """
    facts = catalog.collections.get(collection_id)
    if facts is None:
        raise MosaicNotFoundError(f"There is no collection {collection_id!r}.")
    given = {name: value for name, value in conditions.items() if value}
    search: dict[str, Any] = {"collections": [collection_id], "sortby": _order(given.get("sortby", CLEAREST_FIRST))}
    if "ids" in given:
        search["ids"] = given["ids"].split(",")
    if "bbox" in given:
        search["bbox"] = flat_bounds([float(number) for number in given["bbox"].split(",")])
    if "datetime" in given:
        search["datetime"] = given["datetime"]
    if "query" in given:
        search["query"] = json.loads(unquote_plus(given["query"]))
    if "filter_expr" in given:
        search |= {"filter": read_filter(given["filter_expr"], given.get("filter_lang")), "filter-lang": "cql2-json"}
    metadata = model.Metadata(
        name=f"Mosaic for '{collection_id}' Collection",
        bounds=search.get("bbox") or facts.bounds,
        assets=list(facts.assets),
    )
    return MosaicSearch(collection_id, _checked(search), metadata)


def search_of_name(catalog: Catalog, name: str) -> MosaicSearch:
    """Return the search of a mosaic that is stored in the catalog.

    Raises:
        MosaicNotFoundError: there is no mosaic of this name.
    """
    stored = catalog.mosaics.get(name)
    if stored is None:
        known = ", ".join(catalog.mosaics) or "none"
        raise MosaicNotFoundError(f"The catalog stores no mosaic {name!r}; it has {known}.")
    search = {"collections": stored["collections"], "sortby": _order(stored.get("sortby", CLEAREST_FIRST))}
    if "filter" in stored:
        search |= {"filter": stored["filter"], "filter-lang": "cql2-json"}
    boxes = [catalog.collections[each].bounds for each in stored["collections"] if each in catalog.collections]
    west, south, east, north = zip(*boxes or [EARTH], strict=True)
    bounds = min(west), min(south), max(east), max(north)
    metadata = model.Metadata(name=stored.get("title", name), bounds=bounds)
    return MosaicSearch(name, _checked(search), metadata, stored.get("render"))


def catalog_of(request: Request) -> Catalog:
    """Return the catalog as far as it exists for the caller."""
    catalog: Catalog = request.app.state.mosaics.catalog.get()
    return catalog.without(hidden_of(request))


def _named_search(
    request: Request, name: Annotated[str, Path(max_length=64, description="Mosaic, such as `best`.")]
) -> MosaicSearch:
    return replace(search_of_name(catalog_of(request), name), hidden=hidden_of(request))


def _registered_search(
    request: Request, search_id: Annotated[str, Path(description="Hash that `/raster/searches/register` answered.")]
) -> MosaicSearch:
    found: MosaicSearch = request.app.state.mosaics.searches.get(search_id)
    return replace(found, hidden=hidden_of(request))


def _collection_search(**arguments: Any) -> MosaicSearch:
    request, collection_id = arguments.pop("request"), arguments.pop("collection_id")
    search = search_of_collection(catalog_of(request), collection_id, arguments)
    conditions = {name: value for name, value in request.query_params.items() if name in CONDITIONS}
    return replace(search, conditions=conditions, hidden=hidden_of(request))


def _parameters_of_titiler() -> inspect.Signature:
    """Return the parameters of titiler-pgstac's dependency on a collection, with our order of items."""
    signature = inspect.signature(CollectionIdParams)
    parameters = [
        parameter.replace(default=CLEAREST_FIRST) if parameter.name == "sortby" else parameter
        for parameter in signature.parameters.values()
    ]
    return signature.replace(parameters=parameters, return_annotation=MosaicSearch)


_collection_search.__signature__ = _parameters_of_titiler()  # type: ignore[attr-defined]

named_search = _named_search
"""Dependency: the mosaic that a path names."""
registered_search = _registered_search
"""Dependency: the registered search that a path names."""
collection_search = _collection_search
"""Dependency: the collection that a path names, and the conditions of the URL."""


def search_to_register(body: model.RegisterMosaic) -> tuple[model.PgSTACSearch, model.Metadata]:
    """Return the search to register, clearest items first unless it has an order.

    Raises:
        InvalidSearchError: its filter is nested too deeply, or its box is none.
        InvalidRequestError: another part of it is nested too deeply, or it names too many fields to order by.
    """
    limit_json(body.filter_expr)
    try:
        limit_json([body.query, body.metadata.defaults, body.metadata.model_extra, body.model_extra])
        search = body.model_dump(exclude_none=True, exclude={"metadata"}, by_alias=True)
    except (InvalidSearchError, ValueError) as error:  # the latter is pydantic's, about geometries within geometries
        raise InvalidRequestError("The search is nested too deeply.") from error
    check_order(search.setdefault("sortby", _order(CLEAREST_FIRST)))
    if any(not 0 <= zoom <= MAX_ZOOM for zoom in (body.metadata.minzoom, body.metadata.maxzoom) if zoom is not None):
        raise InvalidRequestError(f"Zooms lie between 0 and {MAX_ZOOM}.")
    if body.bbox:
        search["bbox"] = flat_bounds(body.bbox)
    if body.metadata.bounds:
        body.metadata.bounds = flat_bounds(body.metadata.bounds)
    return model.PgSTACSearch(**search), body.metadata


def _order(sortby: str) -> list[dict[str, str]]:
    """Return `+a,-b` as a STAC search writes it.

    Raises:
        InvalidRequestError: it names too many fields.
    """
    parts = [match.groups() for part in sortby.split(",") if (match := _SORT.match(part.strip()))]
    fields = [{"field": name.strip(), "direction": "desc" if sign == "-" else "asc"} for sign, name in parts if name]
    check_order(fields)
    return fields


def check_order(fields: Sequence[Any]) -> None:
    """Refuse more fields than the database puts items in order by.

    Raises:
        InvalidRequestError: there are more.
    """
    if len(fields) > MAX_ORDER:
        raise InvalidRequestError(f"Items are put in order by at most {MAX_ORDER} fields, not {len(fields)}.")


def _checked(search: dict[str, Any]) -> str:
    try:
        checked = model.PgSTACSearch.model_validate(search)
    except ValidationError as error:
        raise InvalidRequestError(in_words(error.errors())) from error
    return _text(checked.model_dump(mode="json", by_alias=True, exclude_none=True))


def _text(search: Mapping[str, Any]) -> str:
    return json.dumps(search, sort_keys=True)
