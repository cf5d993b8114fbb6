"""A page of a search: which items are on it, and the items themselves, a few at a time.

`open_page` is the way from a search to items for everything that answers with them; `stream_items` where nothing but
the items is wanted.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

import asyncpg
import orjson
from starlette.requests import Request

from server.access.caller import hidden_of
from server.errors import InvalidSearchError
from server.stac.hydration import Item, hydrate_row
from server.stac.plan import Plan, Plans, plan_search
from server.stac.publish import Shown
from server.stac.rendered import RenderedItems, Row
from server.stac.search import WorldStratSearch

Finished = TypeVar("Finished")

AT_ONCE = 100
"""Items that are read, and held, together."""

_ROW = "collection, id, tableoid, ctid, xmin"
_READ = """
SELECT id, collection, ST_AsGeoJSON(geometry, 20) AS geometry, jsonb_send(content) AS content FROM items
WHERE collection = $1 AND id = ANY($2)
"""
_FIND = f"SELECT {_ROW} FROM items WHERE collection = $1 AND id = $2"  # noqa: S608 - a constant


@dataclass(frozen=True)
class Page:
    """The items of one page, found and not yet read."""

    request: Request
    shown: Shown
    version: str
    """State of the database that the page was found in."""
    matched: int
    """How many items the whole search matches."""
    rows: tuple[Row, ...]
    """The page's items in order."""
    next: str | None
    """What `token` has to be for the next page, None on the last."""
    prev: str | None
    """The same for the page before."""

    async def items(self) -> AsyncIterator[Item]:
        """Yield the page's items as a search shows them; one that was deleted meanwhile is left out.

        No more than `AT_ONCE` are held at a time, and no connection between two reads: a slow client keeps none.
        """
        for rows in self._portions():
            found = await _read(self.request, rows, self.shown.publish)
            for row in rows:
                if row in found:
                    yield found[row]

    async def bodies(self) -> AsyncIterator[list[bytes]]:
        """Yield the same items as JSON, at most `AT_ONCE` at a time; whole ones are remembered as they are written."""
        for rows in self._portions():
            yield await render(self.request, self.shown, rows)

    def _portions(self) -> list[tuple[Row, ...]]:
        return [self.rows[start : start + AT_ONCE] for start in range(0, len(self.rows), AT_ONCE)]


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
        async with connect(request) as connection:
            plan, version = await plan_search(connection, plans, search, hidden_of(request))
            found = await connection.fetch(_select(plan), limit + 1)
    except asyncpg.InternalServerError as error:
        # PostGIS has this one code for every geometry that it can't read.
        if not search.is_spatial:
            raise
        raise InvalidSearchError(f"The geometry can't be searched: {error}.") from error
    rows, following, preceding = cut(plan, [_row(each) for each in found], limit)
    shown = Shown.of(request, getattr(search, "fields", None))
    return Page(request, shown, version, plan.matched or 0, tuple(rows), following, preceding)


async def stream_items(request: Request, search: WorldStratSearch) -> AsyncIterator[Item]:
    """Yield the items of one page of a search, whole or as its `fields` have them, with our links and URLs.

    See `open_page` for the arguments and errors, which come before the first item.
    """
    page = await open_page(request, search)
    async for item in page.items():
        yield item


async def find_item(request: Request, collection: str, item_id: str) -> Row | None:
    """Return the row of one item, None where there is none."""
    async with connect(request) as connection:
        found = await connection.fetchrow(_FIND, collection, item_id)
    return _row(found) if found else None


async def read_items(request: Request, shown: Shown, keys: Sequence[tuple[str, str]]) -> list[Item]:
    """Return the items of these collections and ids, in this order; one that is not there is left out."""
    rows = [Row(*key, (0, (0, 0), 0)) for key in keys]
    items: list[Item] = []
    for start in range(0, len(rows), AT_ONCE):
        found = await _read(request, rows[start : start + AT_ONCE], shown.publish)
        items += [found[row] for row in rows[start : start + AT_ONCE] if row in found]
    return items


async def render(request: Request, shown: Shown, rows: Sequence[Row]) -> list[bytes]:
    """Return items as JSON, as a search shows them; one that was deleted meanwhile is left out."""
    kept: RenderedItems = request.app.state.rendered
    bodies = {row: kept.get(shown.kind, row) for row in rows} if shown.whole else dict.fromkeys(rows)
    missing = [row for row, body in bodies.items() if body is None]
    if missing:
        written = await _read(request, missing, lambda item: orjson.dumps(shown.publish(item)), to_read=shown.whole)
        bodies |= written
        for row, body in written.items() if shown.whole else ():
            kept.keep(shown.kind, row, body)
    return [body for body in bodies.values() if body is not None]


def cut(plan: Plan, found: Sequence[Row], limit: int) -> tuple[list[Row], str | None, str | None]:
    """Return the rows of a page and the tokens of the next and the previous one.

    Args:
        plan: says where the page begins.
        found: what was found, one more than the page holds where there are more.
        limit: how many the page holds.
    """
    more = len(found) > limit
    page = list(found[:limit])
    if plan.backwards:
        page.reverse()
    has_next = plan.backwards is True or more
    has_prev = plan.backwards is False or (plan.backwards is True and more)
    return page, _token(page[-1]) if page and has_next else None, _token(page[0]) if page and has_prev else None


def connect(request: Request) -> AbstractAsyncContextManager[Any]:
    """Return a connection of the pool for as long as the context lasts."""
    connection: AbstractAsyncContextManager[Any] = request.app.state.get_connection(request, "r")
    return connection


def _token(row: Row) -> str:
    """Return what pgSTAC's page_token() would."""
    return f"{row.collection.encode().hex()}:{row.id.encode().hex()}"


def _select(plan: Plan) -> str:
    beyond = f" AND {plan.beyond}" if plan.beyond else ""
    # Of pgSTAC's compiler; what the caller said are quoted literals in it.
    return f"SELECT {_ROW} FROM items WHERE {plan.condition}{beyond} ORDER BY {plan.ordering} LIMIT $1"  # noqa: S608


def _row(found: Any) -> Row:
    collection, item_id, *place = found
    return Row(collection, item_id, tuple(place))


async def _read(
    request: Request, rows: Sequence[Row], finish: Callable[[Item], Finished], *, to_read: bool = False
) -> dict[Row, Finished]:
    """Return what `finish` makes of the whole items of rows; a replaced row gives what replaced it.

    Items are finished one by one: a hundred of them together are so many objects that Python's search for garbage
    takes longer than reading them.
    """
    plans: Plans = request.app.state.plans
    wanted = {(row.collection, row.id): row for row in rows}
    found = {}
    async with connect(request) as connection:
        for collection, group in groupby(sorted(rows), key=attrgetter("collection")):
            for stored in await connection.fetch(_READ, collection, [row.id for row in group]):
                row = wanted[stored["collection"], stored["id"]]
                found[row] = finish(await hydrate_row(connection, plans, stored, to_read=to_read))
    return found
