"""What the reader of super-resolved items opens."""

from collections.abc import Mapping
from dataclasses import dataclass

from server.raster.reader import ItemSource
from server.sr.record import Recipe


@dataclass(frozen=True)
class UpscaledSource(ItemSource):
    """A super-resolved item and what it was made of."""

    original: ItemSource
    """The item at 10 m."""
    recipe: Recipe
    """What was made of it."""
    asked: Mapping[str, str]
    """The query that named it, for links to more of the same."""
