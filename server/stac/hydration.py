"""Whole items of what pgSTAC stores of them, by pgSTAC's own rules, without its database doing it item by item."""

from typing import Any

import orjson
from hydraters import hydrate

from server.stac.plan import Plans

Item = dict[str, Any]

_TAG = "pgstac:base_item"
"""Where an item names the state of its collection that it was stored against."""
# As content_hydrate() chooses it.
_BASE_ITEM = r"""
SELECT coalesce(
    CASE WHEN $2::text IS NULL OR $2 ~ '^\s*\d{1,9}\s*$' THEN collection_base_item($1, $2::int) END,
    (SELECT base_item FROM collections WHERE id = $1)
)::text
"""


async def load_base_item(connection: Any, plans: Plans, collection: str, tag: str | None) -> Item:
    """Return what the items of a collection have in common, from the memory of `plans` where it is there."""
    key = f"base {collection} {tag}"
    base: Item | None = plans.get(key)
    if base is None:
        version = await plans.refresh(connection)
        text = await connection.fetchval(_BASE_ITEM, collection, tag)
        base = {name: value for name, value in orjson.loads(text or "{}").items() if value is not None}
        plans.keep(version, key, base)
    return base


async def hydrate_row(connection: Any, plans: Plans, row: Any) -> Item:
    """Return the item of a row.

    Args:
        connection: asked for what the collection's items have in common, once.
        plans: remembers that.
        row: `id`, `collection`, and as JSON text `geometry` (or None) and `content`.
    """
    stored: Item = {
        "type": "Feature",
        "id": row["id"],
        "collection": row["collection"],
        "geometry": orjson.loads(row["geometry"]) if row["geometry"] else None,
        **orjson.loads(row["content"]),
    }
    tag = stored.pop(_TAG, None)
    base = await load_base_item(connection, plans, row["collection"], None if tag is None else str(tag))
    item: Item = hydrate(base, stored, strip_unmatched_markers=True)
    return item
