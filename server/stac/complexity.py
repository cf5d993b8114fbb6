"""How intricate a filter may be.

The parser of CQL2 takes exponential time on a few dozen open parentheses, and ends the process on some thousands.
"""

import re
from typing import Any

from server.errors import InvalidSearchError

MAX_LENGTH = 8000
"""Characters of a filter in a URL."""
MAX_PARENTHESES = 10
"""Depth of parentheses: each one more doubles the time in which the parser finds out that one is missing."""
MAX_OPERATORS = 50
"""NOT and arithmetic operators together: each costs milliseconds to validate, the more the deeper."""
MAX_DEPTH = 40
"""Depth of a filter as JSON; a condition takes two levels."""

_TOKENS = re.compile(
    r"""'(?:[^']|'')*'|"[^"]*"   # text and names: may hold anything
    |\b(?P<geometry>(?:multi)?(?:point|linestring|polygon)|geometrycollection)\s*z?\s*(?=\()
    |(?P<operator>\bnot\b|[-+*/%^])
    |[(),]""",
    re.IGNORECASE | re.VERBOSE,
)


def limit_filter(text: str | None) -> None:
    """Refuse a filter of a URL, as text or JSON, that would keep the server busy.

    Raises:
        InvalidSearchError: it is too long or too intricate, or a parenthesis has no partner.
    """
    if not text:
        return
    if len(text) > MAX_LENGTH:
        raise InvalidSearchError(f"Invalid filter: it has {len(text)} characters, of {MAX_LENGTH} at most.")
    if text.lstrip().startswith("{"):
        limit_depth(text)
        return
    _limit_text(text)


def limit_depth(text: str) -> None:
    """Refuse JSON text that is nested too deeply.

    Raises:
        InvalidSearchError: it is.
    """
    _limit_depth(_bracket_depth(text))


def limit_json(value: Any, what: str = "filter") -> None:
    """Refuse a filter of a body, or another part of it, that is nested too deeply.

    Raises:
        InvalidSearchError: it is.
    """
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        nested = [part for part in level if isinstance(part, dict | list)]
        level = [child for part in nested for child in (part.values() if isinstance(part, dict) else part)]
        depth += bool(nested)
    _limit_depth(depth, what)


def _limit_depth(depth: int, what: str = "filter") -> None:
    if depth > MAX_DEPTH:
        raise InvalidSearchError(f"Invalid {what}: it is nested more than {MAX_DEPTH} levels deep.")


def _bracket_depth(text: str) -> int:
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _limit_text(text: str) -> None:
    depth = operators = 0
    # Depth around the geometry that a token stands in, and signs of the position that it stands in.
    geometry: int | None = None
    signs = 0
    for token in _TOKENS.finditer(text):
        if token["geometry"] and geometry is None:
            geometry = depth
        signs = signs + 1 if token["operator"] else 0
        # A position has at most three signs; with more of them the parser takes a geometry for arithmetic.
        operators += bool(token["operator"] and (geometry is None or signs > 3))  # noqa: PLR2004
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if token[0] == ")" and depth == geometry:
            geometry = None
        if not 0 <= depth <= MAX_PARENTHESES:
            break
    if depth > MAX_PARENTHESES:
        raise InvalidSearchError(f"Invalid filter: more than {MAX_PARENTHESES} parentheses stand in each other.")
    if depth:
        raise InvalidSearchError("Invalid filter: a parenthesis has no partner.")
    if operators > MAX_OPERATORS:
        raise InvalidSearchError(f"Invalid filter: it has {operators} operators, of {MAX_OPERATORS} at most.")
