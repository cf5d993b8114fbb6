"""What a check of the catalog may find, as values."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal[
    "missing item",
    "changed item",
    "unknown item",
    "invalid item",
    "missing object",
    "wrong size",
    "wrong content",
    "foreign object",
]


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was meant."""

    kind: Kind
    """What kind of thing."""
    aoi: str
    """Name of the AOI; empty where no AOI is behind it."""
    collection: str
    """Id of the collection."""
    item: str
    """Id of the item, or of the collection where an asset of its own is meant."""
    href: str
    """Canonical href of the object; empty where the item itself is meant."""
    reason: str
    """What is wrong, and what that may come from."""

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON has it."""
        return asdict(self)
