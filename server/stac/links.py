"""Links from the STAC API to the rest of the server."""

from typing import Any


def item_links(base_url: str, item: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the links of an item to its tiles; none where the `fields` extension took away its id."""
    return []


def collection_links(base_url: str, collection_id: str) -> list[dict[str, Any]]:
    """Return the links of a collection to its tiles."""
    return []
