"""Who asks, and what that hides: facts that a request carries from the door to the last query."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.requests import HTTPConnection

READ, WRITE, JOBS = "read", "write", "jobs"
SCOPES = (READ, WRITE, JOBS)
"""What a key or a token may allow: see private collections, change the catalog, ask for costly work. Operators may name
others for single collections."""

SNAPSHOT = ".parquet"
"""Suffix of the objects that hold a collection's items with their links, which may lead into other collections."""


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    name: str | None = None
    """`key:NAME` or `oidc:SUBJECT`; None for anybody. Limits are counted and logs are written by it."""
    scopes: frozenset[str] = frozenset()
    """What they may do beyond reading what is public."""


ANYBODY = Caller()
"""A caller who shows nothing."""


def hidden_from(caller: Caller, private: Mapping[str, str]) -> frozenset[str]:
    """Return the collections that do not exist for a caller.

    Args:
        caller: who asks.
        private: the scope that each private collection takes.
    """
    return frozenset(collection for collection, scope in private.items() if scope not in caller.scopes)


def hidden_of(request: HTTPConnection) -> frozenset[str]:
    """Return the collections that do not exist for whoever sent a request: nothing of theirs may enter the answer.

    Raises:
        AttributeError: the request did not come through the door, so nobody knows what it may see.
    """
    hidden: frozenset[str] = request.state.hidden
    return hidden


def caller_of(request: HTTPConnection) -> Caller:
    """Return who sent a request."""
    caller: Caller = request.state.caller
    return caller


def exclude_sql(condition: str, hidden: Iterable[str]) -> str:
    """Return an SQL condition over `items` that the items of hidden collections never fulfil.

    Args:
        condition: the condition.
        hidden: collections, whose names the settings allow only letters, digits, dots, hyphens and underscores.
    """
    names = ", ".join(f"'{name}'" for name in sorted(hidden))
    return f"({condition}) AND collection NOT IN ({names})" if names else condition
