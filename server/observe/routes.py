"""The name of what answered a request: its route as the documentation writes it, never the path that was asked."""

from starlette.types import Scope

NOTHING = "(nothing)"
"""Name of what no route answered."""
FILES = "(page)"
"""Name of the files of the web page."""


def route_of(scope: Scope) -> str:
    """Return the name of the route that a request came to; one of a few hundred, whatever is asked."""
    included = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(included, "path_format", None) or getattr(scope.get("route"), "path_format", None)
    if path:
        return str(path)
    return FILES if scope.get("app_root_path") is not None else NOTHING
