"""Whole items of what pgSTAC stores of them, by pgSTAC's own rules, without its database doing it item by item."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from hydraters import hydrate

from server.stac.plan import Plans

Item = dict[str, Any]

_TAG = "pgstac:base_item"
"""Where an item names the state of its collection that it was stored against."""
_ABSENT = "𒍟※"
"""What is stored for a member that the collection's items have and this one has not."""
_ABSENT_BYTES = _ABSENT.encode()
# As content_hydrate() chooses it.
_BASE_ITEM = r"""
SELECT coalesce(
    CASE WHEN $2::text IS NULL OR $2 ~ '^\s*\d{1,9}\s*$' THEN collection_base_item($1, $2::int) END,
    (SELECT base_item FROM collections WHERE id = $1)
)::text
"""


@dataclass(frozen=True)
class BaseItem:
    """What the items of a collection have in common, which pgSTAC leaves out of each."""

    members: Item

    def complete(self, stored: Item) -> Item:
        """Return the whole item of what is stored of it; it shares nothing with others."""
        item: Item = hydrate(self.members, stored, strip_unmatched_markers=True)
        return item

    def complete_to_read(self, stored: Item, absent: int) -> Item:
        """Return the same for `orjson.dumps` alone, in a tenth of the time: it shares parts, some of them text already.

        Args:
            stored: what is stored.
            absent: how many members it marks as absent.
        """
        assets = stored.get("assets")
        if not isinstance(assets, dict) or not isinstance(self.members.get("assets"), dict):
            return self.complete(stored)
        rest = {name: value for name, value in self.members.items() if name != "assets"}
        merging = _Merging()
        whole = merging.merge(rest, {name: value for name, value in stored.items() if name != "assets"})
        whole["assets"] = self._complete_assets(assets, merging)
        # A mark that found no partner is for the library to judge.
        return whole if merging.absent == absent else self.complete(stored)

    def _complete_assets(self, stored: Item, merging: "_Merging") -> Item:
        common = self.members["assets"]
        assets: Item = {name: self._texts[name] for name in common if name not in stored}
        for name, asset in stored.items():
            base = common.get(name)
            if isinstance(base, dict) and isinstance(asset, dict):
                # Most assets hold what is theirs alone.
                apart = base.keys().isdisjoint(asset)
                assets[name] = self._texts[name] | asset if apart else merging.merge(base, asset)
            elif base is not None and asset == _ABSENT:
                merging.absent += 1
            else:
                assets[name] = asset
        return assets

    @cached_property
    def _texts(self) -> Item:
        """The common assets, each member written as JSON once."""
        return {
            name: {key: orjson.Fragment(orjson.dumps(value)) for key, value in asset.items()}
            if isinstance(asset, dict)
            else asset
            for name, asset in self.members["assets"].items()
        }


class _Merging:
    """pgSTAC's rules of joining what is common with what is stored, without a copy of either."""

    def __init__(self) -> None:
        self.absent = 0
        """How many members were marked as absent, and left out."""

    def merge(self, base: Item, stored: Item) -> Item:
        merged = base | stored
        for name in base.keys() & stored.keys():
            if stored[name] == _ABSENT:
                self.absent += 1
                del merged[name]
            else:
                merged[name] = self._join(base[name], stored[name])
        return merged

    def _join(self, base: Any, stored: Any) -> Any:
        if isinstance(base, dict) and isinstance(stored, dict):
            return self.merge(base, stored)
        if isinstance(base, list) and isinstance(stored, list) and len(base) == len(stored):
            pairs = zip(base, stored, strict=True)
            return [self.merge(b, s) if isinstance(b, dict) and isinstance(s, dict) else s for b, s in pairs]
        return stored


async def load_base_item(connection: Any, plans: Plans, collection: str, tag: str | None) -> BaseItem:
    """Return what the items of a collection have in common, from the memory of `plans` where it is there."""
    key = f"base {collection} {tag}"
    base: BaseItem | None = plans.get(key)
    if base is None:
        version = await plans.refresh(connection)
        text = await connection.fetchval(_BASE_ITEM, collection, tag)
        base = BaseItem({name: value for name, value in orjson.loads(text or "{}").items() if value is not None})
        plans.keep(version, key, base)
    return base


async def hydrate_row(connection: Any, plans: Plans, row: Any, *, to_read: bool = False) -> Item:
    """Return the item of a row.

    Args:
        connection: asked for what the collection's items have in common, once.
        plans: remembers that.
        row: `id`, `collection`, `geometry` as JSON text (or None), and `content` as `jsonb_send` gives it. Where
            PostgreSQL's driver made a text of it, the mark of what is absent would make that four times as long.
        to_read: the item is only written out as JSON; see `BaseItem.complete_to_read`.
    """
    content = row["content"][1:]  # without the version of jsonb's format
    geometry = row["geometry"] or "null"
    stored: Item = {
        "type": "Feature",
        "id": row["id"],
        "collection": row["collection"],
        "geometry": orjson.Fragment(geometry) if to_read else orjson.loads(geometry),
        **orjson.loads(content),
    }
    tag = stored.pop(_TAG, None)
    base = await load_base_item(connection, plans, row["collection"], None if tag is None else str(tag))
    return base.complete_to_read(stored, content.count(_ABSENT_BYTES)) if to_read else base.complete(stored)
