"""The items that a search's conditions select, for statements of our own; pgSTAC writes the condition."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote_plus

import asyncpg
import orjson
from pydantic import ValidationError
from stac_fastapi.pgstac.core import clean_search_args
from starlette.requests import Request

from server.access.caller import exclude_sql, hidden_of
from server.errors import NO_CONDITION, InvalidSearchError, in_words
from server.stac.filters import read_filter
from server.stac.plan import Plans
from server.stac.search import WorldStratSearch

CONDITIONS = {"collections", "ids", "bbox", "intersects", "datetime", "filter_expr", "filter_lang", "q"}
"""Fields of a search that choose items, rather than how they are shown."""

_TEXT = {
    "intersects": "intersects",
    "datetime": "datetime",
    "fields": "fields",
    "sortby": "sortby",
}
"""Parameters that stac-fastapi-pgstac has to read, by the names that it calls them."""

ALIASES = {"filter_expr": "filter", "filter_lang": "filter-lang", "filter_crs": "filter-crs"}
"""Names of parameters that are no names in Python."""

MOST_ROWS = 500
"""Rows of an answer that is remembered until the catalog changes."""

Compose = Callable[[str], str]
"""Makes a statement over `items` of an SQL condition."""


Search = TypeVar("Search", bound=WorldStratSearch)


def parse_search(model: type[Search], asked: Mapping[str, Any]) -> Search:
    """Return a search of the parameters of a URL.

    Args:
        model: the search that a body would be.
        asked: the parameters, None where the URL says nothing.

    Raises:
        InvalidSearchError: a value has no meaning.
    """
    said = {name: value for name, value in asked.items() if value is not None}
    text = {_TEXT[name]: said.pop(name) for name in _TEXT if name in said}
    language = said.pop("filter_lang", None)
    if "filter_expr" in said:
        said |= {"filter": read_filter(said.pop("filter_expr"), language), "filter_lang": "cql2-json"}
    if "query" in said:
        said["query"] = orjson.loads(unquote_plus(said["query"]))
    clean = clean_search_args(said, **text)
    try:
        return model(**{ALIASES.get(name, name): value for name, value in clean.items()})
    except ValidationError as error:
        raise InvalidSearchError(in_words(error.errors())) from error


async def select(
    request: Request, search: WorldStratSearch, compose: Compose, *arguments: Any, remember: bool = False
) -> list[Any]:
    """Return the rows of a statement over the items that `search` selects.

    What the caller said reaches PostgreSQL as parameters only: the conditions as one JSON document, of which pgSTAC's
    own compiler makes the condition that its search would use.

    Args:
        request: gives the connection.
        search: its conditions count, its page and fields do not.
        compose: makes the statement of the condition.
        arguments: parameters of the statement.
        remember: whether equal requests are answered alike until the catalog changes; for answers of short rows.

    Raises:
        InvalidSearchError: a geometry, or a condition, can't be read.
    """
    conditions = search.model_dump_json(include=CONDITIONS, exclude_none=True, by_alias=True)
    try:
        async with request.app.state.get_connection(request, "r") as connection:
            condition = await connection.fetchval("SELECT stac_search_to_where($1::text::jsonb)", conditions)
            statement = compose(exclude_sql(condition, hidden_of(request)))
            if remember:
                return await _recall(request.app.state.plans, connection, statement, arguments)
            return list(await connection.fetch(statement, *arguments))
    except asyncpg.PostgresSyntaxError as error:
        raise InvalidSearchError(NO_CONDITION) from error
    except asyncpg.InternalServerError as error:
        # PostGIS has this one code for every geometry that it can't read.
        if not search.is_spatial:
            raise
        raise InvalidSearchError(f"The geometry can't be searched: {error}.") from error


async def _recall(plans: Plans, connection: Any, statement: str, arguments: Sequence[Any]) -> list[Any]:
    """Ask once for all equal requests, as long as nothing in the database changes."""
    version = await plans.refresh(connection)
    key = f"rows {hashlib.sha256(repr((statement, arguments)).encode()).hexdigest()}"
    rows: list[Any] | None = plans.get(key)
    if rows is None:
        rows = list(await connection.fetch(statement, *arguments))
        if len(rows) <= MOST_ROWS:
            plans.keep(version, key, rows)
    return rows
