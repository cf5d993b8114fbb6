"""What a search means in SQL: pgSTAC's own compiler says it, and is asked once while the catalog stays as it is."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from server.access.caller import exclude_sql
from server.errors import NO_CONDITION, InvalidSearchError
from server.stac.search import WorldStratSearch

MOST_PLANS = 1000
"""Searches that are remembered."""
LONGEST_CONDITION = 16_384
"""Characters of a condition that is remembered; a large geometry is read anew."""

# What a statement sees depends on this alone, on a primary and on a replica: as long as it stays the same, so do
# the queryables, the collections and every count.
_VERSION = "SELECT pg_current_snapshot()::text || coalesce(pg_last_wal_replay_lsn()::text, '')"
_COMPILE = """
SELECT stac_search_to_where(search) AS condition,
       sort_sqlorderby(search, coalesce(token.prev, false), '{collection,id}', of) AS ordering,
       CASE WHEN token.prev IS NOT NULL THEN get_token_filter(search->'sortby', token.item, token.prev, false, of) END
           AS beyond,
       token.prev AS backwards
FROM (SELECT $1::text::jsonb AS search) AS given,
     LATERAL (SELECT to_text_array(search->'collections') AS of) AS named,
     LATERAL get_token_record(search->>'token') AS token
"""
_PAGE_ONLY = {"limit", "fields", "conf"}


@dataclass(frozen=True)
class Plan:
    """A search as SQL over `items`."""

    condition: str
    """What an item has to fulfil, wherever the page begins."""
    ordering: str
    """The order in which the page's rows are read."""
    beyond: str | None
    """What the rows of a page after, or before, another have to fulfil too."""
    backwards: bool | None
    """Whether that page comes before the other; None where there is no other."""
    matched: int | None = None
    """How many items fulfil the condition."""


class Plans:
    """Plans and other facts of one catalog, forgotten as soon as anything in its database changes."""

    def __init__(self) -> None:
        self._version = ""
        self._facts: OrderedDict[str, Any] = OrderedDict()

    async def refresh(self, connection: Any) -> str:
        """Forget what a change made stale; return the version of the database's content."""
        version: str = await connection.fetchval(_VERSION)
        if version != self._version:
            self._version = version
            self._facts.clear()
        return version

    def get(self, key: str) -> Any:
        """Return what is remembered, None where nothing is."""
        if key in self._facts:
            self._facts.move_to_end(key)
        return self._facts.get(key)

    def keep(self, version: str, key: str, fact: Any) -> None:
        """Remember what was found; what was looked for in an older state of the database is not kept."""
        if version != self._version:
            return
        self._facts[key] = fact
        while len(self._facts) > MOST_PLANS:
            self._facts.popitem(last=False)


async def plan_search(
    connection: Any, plans: Plans, search: WorldStratSearch, hidden: frozenset[str] = frozenset()
) -> tuple[Plan, str]:
    """Return a search as SQL with the number of items that it matches, and the version of what it matched them in.

    What the caller said reaches PostgreSQL as one parameter; the condition and the order are pgSTAC's.

    Args:
        connection: to the database.
        plans: what is remembered.
        search: the search.
        hidden: collections that do not exist for the caller.

    Raises:
        asyncpg.PostgresError: pgSTAC can't make sense of the search.
        InvalidSearchError: it can, and PostgreSQL can't make sense of that.
    """
    said = search.model_dump_json(exclude=_PAGE_ONLY, exclude_none=True, by_alias=True)
    key = hashlib.sha256("\n".join((said, *sorted(hidden))).encode()).hexdigest()
    version = await plans.refresh(connection)
    plan: Plan | None = plans.get(key)
    if plan is None:
        _check_token(search.token, hidden)
        plan = Plan(**await connection.fetchrow(_COMPILE, said))
        plan = replace(plan, condition=exclude_sql(plan.condition, hidden))
        try:
            plan = replace(plan, matched=await _count(connection, plans, version, plan.condition))
        except asyncpg.PostgresSyntaxError as error:
            raise InvalidSearchError(NO_CONDITION) from error
        if len(plan.condition) <= LONGEST_CONDITION:
            plans.keep(version, key, plan)
    return plan, version


def _check_token(token: str | None, hidden: frozenset[str]) -> None:
    """Say of a page's token that names a hidden item what pgSTAC says of one that names none."""
    named = (token or "").lower().split(":")[1:2]
    if any(name.encode().hex() in named for name in hidden):
        raise asyncpg.RaiseError(f"Could not find item using token: {token}")


async def _count(connection: Any, plans: Plans, version: str, condition: str) -> int:
    """Count once for all pages of a search."""
    key = f"count {hashlib.sha256(condition.encode()).hexdigest()}"
    matched: int | None = plans.get(key)
    if matched is None:
        matched = int(await connection.fetchval(f"SELECT count(*) FROM items WHERE {condition}"))  # noqa: S608 - pgSTAC's
        plans.keep(version, key, matched)
    return matched
