"""What a request costs, told by its path before anything is known of it."""

import re
from dataclasses import dataclass
from typing import Literal

from starlette.types import Scope

Rate = Literal["tile", "asset", "search", "heavy"]
Turn = Literal["tile", "upscaled", "heavy"]


@dataclass(frozen=True)
class Cost:
    """What is counted of a request, and what it waits for."""

    rate: Rate | None
    """The quota it is taken from; None where it costs nothing worth counting."""
    turn: Turn | None
    """Whose turn it waits for; None where it is not costly."""


FREE = Cost(None, None)
COSTS: dict[str, Cost] = {
    "asset": Cost("asset", None),
    "upscaled": Cost("tile", "upscaled"),
    "tile": Cost("tile", "tile"),
    "heavy": Cost("heavy", "heavy"),
    "search": Cost("search", None),
}
"""Costs by the kind of path."""

_LIGHT = r"(?:tilejson\.json|info(?:\.geojson)?|renders|assets|WMTSCapabilities\.xml|legend[\w.]*)"
_KIND = re.compile(
    r"/(?:"
    r"(?P<asset>assets/)"
    r"|(?P<upscaled>raster/.*/sr/(?:tiles/|preview))"
    r"|(?P<tile>raster/.*/(?:tiles/|preview))"
    rf"|(?P<heavy>raster/.*/sr/(?!.*{_LIGHT}$)"
    r"|raster/.*/(?:statistics|histogram|compare|outputs\.zip|stack\.|animation\.|timeseries|bbox/|feature|cog$)"
    r"|stac/(?:.*/)?(?:aggregate|sample)$)"
    r"|(?P<search>(?:raster|stac)(?:/|$))"
    r")"
)


def cost_of(scope: Scope) -> Cost:
    """Return what a request costs: nothing for pages, their files, and questions of how the server is."""
    if scope["method"] == "OPTIONS":
        return FREE
    found = _KIND.match(scope["path"].removeprefix(scope.get("root_path", "")))
    return COSTS[found.lastgroup or ""] if found else FREE
