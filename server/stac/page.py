"""A page of a search: which items are on it, and the items themselves, a few at a time.

`open_page` is the way from a search to items for everything that answers with them; `stream_items` where nothing but
the items is wanted.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import asyncpg
from starlette.requests import Request

from server.errors import InvalidSearchError
from server.stac.hydration import Item, hydrate_row
from server.stac.plan import Plan, Plans, plan_search
from server.stac.publish import Shown
from server.stac.search import WorldStratSearch

AT_ONCE = 100
"""Items that are read, and held, together."""

Key = tuple[str, str]
"""Collection and id of an item."""

_CONTENT = "ST_AsGeoJSON(geometry, 20) AS geometry, content::text AS content"
_READ = f"SELECT id, collection, {_CONTENT} FROM items WHERE collection = $1 AND id = ANY($2)"  # noqa: S608 - a constant


@dataclass(frozen=True)
class Page:
    """The items of one page, found and not yet read."""

    request: Request
    shown: Shown
    matched: int
    """How many items the whole search matches."""
    keys: tuple[Key, ...]
    """The page's items in order."""
    next: str | None
    """What `token` has to be for the next page, None on the last."""
    prev: str | None
    """The same for the page before."""

    async def items(self) -> AsyncIterator[Item]:
        """Yield the page's items as a search shows them; one that was deleted meanwhile is left out.

        No more than `AT_ONCE` are held at a time, and no connection between two reads: a slow client keeps none.
        """
        plans: Plans = self.request.app.state.plans
        for start in range(0, len(self.keys), AT_ONCE):
            keys = self.keys[start : start + AT_ONCE]
            async with _connect(self.request) as connection:
                rows = [row for each in _by_collection(keys) for row in await connection.fetch(_READ, *each)]
                found = {(row["collection"], row["id"]): await hydrate_row(connection, plans, row) for row in rows}
            for key in keys:
                if key in found:
                    yield self.shown.publish(found[key])


async def open_page(request: Request, search: WorldStratSearch) -> Page:
    """Find the items of one page of a search, and how many items match it.

    Args:
        request: gives the connection, and the address that links begin with.
        search: the whole search; its `limit` is taken as it is (10 without), so bound it before.

    Raises:
        InvalidSearchError: a geometry can't be read.
        asyncpg.PostgresError: pgSTAC can't make sense of the search; `server.errors` knows what that means.
    """
    plans: Plans = request.app.state.plans
    limit = search.limit or 10
    try:
        async with _connect(request) as connection:
            plan = await plan_search(connection, plans, search)
            rows = await connection.fetch(_select("collection, id", plan), limit + 1)
    except asyncpg.InternalServerError as error:
        # PostGIS has this one code for every geometry that it can't read.
        if not search.is_spatial:
            raise
        raise InvalidSearchError(f"The geometry can't be searched: {error}.") from error
    keys, following, preceding = cut(plan, [(row["collection"], row["id"]) for row in rows], limit)
    shown = Shown.of(request, getattr(search, "fields", None))
    return Page(request, shown, plan.matched or 0, tuple(keys), following, preceding)


async def stream_items(request: Request, search: WorldStratSearch) -> AsyncIterator[Item]:
    """Yield the items of one page of a search, whole or as its `fields` have them, with our links and URLs.

    See `open_page` for the arguments and errors, which come before the first item.
    """
    page = await open_page(request, search)
    async for item in page.items():
        yield item


def cut(plan: Plan, keys: Sequence[Key], limit: int) -> tuple[list[Key], str | None, str | None]:
    """Return the keys of a page and the tokens of the next and the previous one.

    Args:
        plan: says where the page begins.
        keys: what was found, one more than the page holds where there are more.
        limit: how many the page holds.
    """
    more = len(keys) > limit
    page = list(keys[:limit])
    if plan.backwards:
        page.reverse()
    has_next = plan.backwards is True or more
    has_prev = plan.backwards is False or (plan.backwards is True and more)
    return page, _token(page[-1]) if page and has_next else None, _token(page[0]) if page and has_prev else None


def _token(key: Key) -> str:
    """Return what pgSTAC's page_token() would."""
    return ":".join(part.encode().hex() for part in key)


def _select(columns: str, plan: Plan) -> str:
    beyond = f" AND {plan.beyond}" if plan.beyond else ""
    # Of pgSTAC's compiler; what the caller said are quoted literals in it.
    return f"SELECT {columns} FROM items WHERE {plan.condition}{beyond} ORDER BY {plan.ordering} LIMIT $1"  # noqa: S608


def _by_collection(keys: Sequence[Key]) -> list[tuple[str, list[str]]]:
    ordered = sorted(keys, key=itemgetter(0))
    return [(name, [item_id for _, item_id in group]) for name, group in groupby(ordered, key=itemgetter(0))]


def _connect(request: Request) -> AbstractAsyncContextManager[Any]:
    connection: AbstractAsyncContextManager[Any] = request.app.state.get_connection(request, "r")
    return connection
