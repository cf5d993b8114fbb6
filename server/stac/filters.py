"""Filters of a URL: CQL2 as text or JSON, read without stac-fastapi's schema check, which takes 0.1 s and more each."""

from typing import Any

import orjson
from cql2 import Expr

from server.errors import InvalidSearchError
from server.stac.complexity import limit_filter, limit_json

_NUMERIC = frozenset("+-*/%^") | {"div"}


def read_filter(text: str, language: str | None) -> Any:
    """Return a filter as CQL2 JSON; what its parts mean is pgSTAC's to judge, as for a filter of a body.

    Args:
        text: the filter.
        language: `cql2-text`, else it is JSON.

    Raises:
        InvalidSearchError: it is too intricate, can't be parsed, or says neither yes nor no of an item.
    """
    limit_filter(text)
    try:
        parsed = Expr(text if language == "cql2-text" else orjson.loads(text)).to_json()
    except Exception as error:  # cql2 has no class of errors
        raise InvalidSearchError(f"Invalid filter: {error}") from error
    limit_json(parsed)
    if not isinstance(parsed, bool) and not (isinstance(parsed, dict) and parsed.get("op", "+") not in _NUMERIC):
        raise InvalidSearchError(f"Invalid filter: {text[:100]!r} is no condition, such as `gsd < 5`.")
    return parsed
