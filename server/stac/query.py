"""The query extension in terms of CQL2: pgSTAC knows its comparisons only, and none of it beside a filter."""

import re
from collections.abc import Callable
from typing import Any

from server.errors import InvalidSearchError

_COMPARISONS = {"eq": "=", "neq": "<>", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_PATTERNS: dict[str, Callable[[str], str]] = {
    "startsWith": "{}%".format,
    "endsWith": "%{}".format,
    "contains": "%{}%".format,
}


def fold_query(search: dict[str, Any]) -> dict[str, Any]:
    """Return a search whose `query` has become a part of its `filter`.

    Raises:
        InvalidSearchError: the query is none, or uses an operator that the extension does not have.
    """
    query = search.get("query")
    if not query:
        return search
    if not isinstance(query, dict) or not all(isinstance(operators, dict) for operators in query.values()):
        raise InvalidSearchError('A query is written as {"property": {"operator": value}}.')
    conditions = [_condition(name, op, value) for name, operators in query.items() for op, value in operators.items()]
    rest = {name: value for name, value in search.items() if name not in {"query", "filter", "filter_expr"}}
    if given := search.get("filter") or search.get("filter_expr"):
        conditions.append(given)
    return rest | {"filter": {"op": "and", "args": conditions} if len(conditions) > 1 else conditions[0]}


def _condition(name: str, op: str, value: Any) -> dict[str, Any]:
    said = {"property": name}
    if op in _COMPARISONS:
        return {"op": _COMPARISONS[op], "args": [said, value]}
    if op == "in" and isinstance(value, list):
        return {"op": "in", "args": [said, value]}
    if op in _PATTERNS and isinstance(value, str):
        return {"op": "like", "args": [said, _PATTERNS[op](re.sub(r"([\\%_])", r"\\\1", value))]}
    known = ", ".join((*_COMPARISONS, *_PATTERNS, "in"))
    raise InvalidSearchError(f"{name[:50]} cannot be compared by {op[:50]!r} with such a value; operators are {known}.")
