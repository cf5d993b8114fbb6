"""Items of older versions of our extension, made those of this one without looking at their rasters."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from catalog.extension import SCHEMA_URI

Item = dict[str, Any]
Revision = Callable[[Item], Item | None]
"""Makes an item of one version of the extension one of the next; None where only its files can tell what is new."""

PREFIX: Final = "https://worldstrat.github.io/stac/"
"""What the identifiers of all versions of the extension begin with."""
REVISIONS: Final[dict[str, tuple[str, Revision]]] = {}
"""By the identifier of a version: that of the next, and what leads there. Version 1.0.0 is the first."""


def version_of(item: Mapping[str, Any]) -> str | None:
    """Return the version of the extension that an item follows, as its identifier; None where it follows none."""
    return next((uri for uri in item.get("stac_extensions", ()) if uri.startswith(PREFIX)), None)


def revised(item: Item) -> Item | None:
    """Return an item as one of this version; None where it has to be ingested again."""
    while (found := version_of(item)) != SCHEMA_URI:
        if found not in REVISIONS:
            return None
        following, revise = REVISIONS[found]
        changed = revise(item)
        if changed is None:
            return None
        uris = [following if uri == found else uri for uri in item["stac_extensions"]]
        item = changed | {"stac_extensions": uris}
    return item
