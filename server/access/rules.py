"""The one table: what each endpoint takes. The first line that fits counts; an endpoint without one ends the start."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Mount

from server.access.caller import JOBS, READ, WRITE
from server.access.errors import UnclassifiedRouteError
from server.access.settings import AccessSettings

Need = Literal["nothing", "reading", "listing", "registering", "computing", "writing"]
"""What an endpoint is about; `scope_of` says what that takes."""

_GET, _POST = ("GET", "HEAD"), ("POST",)

# A `*` is a segment of the path or a part of one, `**` any number of them.
RULES: tuple[tuple[tuple[str, ...], str, Need], ...] = (
    (_GET, "/", "nothing"),
    (_GET, "/docs", "nothing"),
    (_GET, "/openapi.json", "nothing"),
    (_GET, "/app/**", "nothing"),
    (_GET, "/vendor/**", "nothing"),
    (_GET, "/schemas/**", "nothing"),
    (_GET, "/healthz", "nothing"),
    (_GET, "/readyz", "nothing"),
    (_GET, "/metrics", "nothing"),
    (_GET, "/stac/_mgmt/*", "nothing"),
    (_GET, "/access/terms", "nothing"),
    (_POST, "/access/terms", "nothing"),
    (_GET, "/access/**", "reading"),
    (_POST, "/raster/collections/*/items/*/sr/cog", "writing"),
    (_POST, "/raster/searches/register", "registering"),
    (_GET, "/raster/searches/", "listing"),
    (_GET, "/raster/searches/list", "listing"),
    (_GET, "/raster/collections/*/items/*/sr/cog", "computing"),
    (_GET, "/raster/collections/*/aois/*/sr/cog", "computing"),
    (_GET, "/raster/collections/*/aois/*/stack.*", "computing"),
    (_GET, "/raster/collections/*/aois/*/animation.*", "computing"),
    (_GET, "/assets/**", "reading"),
    (_GET, "/raster/**", "reading"),
    (_GET, "/stac", "reading"),
    (_GET, "/stac/**", "reading"),
    # Bodies that ask, and change nothing.
    (_POST, "/stac/search", "reading"),
    (_POST, "/stac/sample", "reading"),
    (_POST, "/stac/aggregate", "reading"),
    (_POST, "/stac/collections/*/aggregate", "reading"),
    (_POST, "/raster/**/statistics", "reading"),
    (_POST, "/raster/**/feature", "reading"),
    (_POST, "/raster/**/feature.*", "reading"),
    (_POST, "/raster/**/feature/*", "reading"),
    (_POST, "/raster/**/timeseries", "reading"),
)

_NAMED = re.compile(r"/(?:stac|raster)/collections/([^/]+)(?:/.*)?|/assets/([^/]+)/.*", re.DOTALL)


@dataclass(frozen=True)
class _Rule:
    methods: tuple[str, ...]
    path: re.Pattern[str]
    need: Need


def need_of(method: str, path: str) -> Need | None:
    """Return what a request is about, None where no endpoint of ours would answer it."""
    return next((rule.need for rule in _compiled() if method in rule.methods and rule.path.fullmatch(path)), None)


def scope_of(need: Need | None, settings: AccessSettings, hidden: frozenset[str]) -> str | None:
    """Return the scope that a request takes, None where anybody may send it.

    Args:
        need: what it is about.
        settings: what the operator decided.
        hidden: collections that its sender does not see.
    """
    if need == "writing" or (need == "registering" and settings.access_register == "token"):
        return WRITE
    if need == "computing" and settings.access_jobs == "token":
        return JOBS
    # Searches that others registered may name, or describe, what is hidden: only who sees all may list them.
    if need == "listing" and hidden:
        return settings.private_collections[min(hidden)]
    return READ if need not in {None, "nothing"} and settings.access_read == "token" else None


def collection_named_by(path: str) -> str | None:
    """Return the collection that a path is about."""
    found = _NAMED.fullmatch(path)
    return found and (found[1] or found[2])


def renamed(path: str, name: str) -> str:
    """Return a path that names a collection, with another name in its place."""
    found = _NAMED.fullmatch(path)
    if found is None:
        return path
    start, end = found.span(1 if found[1] else 2)
    return f"{path[:start]}{name}{path[end:]}"


def check_routes(routes: Sequence[BaseRoute]) -> None:
    """Refuse an application with an endpoint that nobody has classified.

    Raises:
        UnclassifiedRouteError: some have no line in the table.
    """
    missing = [f"{method} {path}" for method, path in endpoints(routes) if need_of(method, path) is None]
    if missing:
        raise UnclassifiedRouteError(f"server/access/rules.py says nothing of {', '.join(missing)}.")


def endpoints(routes: Sequence[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Yield the method and the path of each endpoint; a parameter counts as a segment like any other."""
    for route in iter_route_contexts(routes):
        path = route.path or repr(route.route)
        if isinstance(route.route, Mount):
            yield "GET", f"{path}/file"
            continue
        for method in sorted(route.methods or {"?"}):
            yield method, path


@cache
def _compiled() -> tuple[_Rule, ...]:
    return tuple(_Rule(methods, _pattern(path), need) for methods, path, need in RULES)


def _pattern(path: str) -> re.Pattern[str]:
    parts = (".*" if part == "**" else "[^/]+" if part == "*" else re.escape(part) for part in re.split(r"(\*+)", path))
    return re.compile("".join(parts), re.DOTALL)
