"""Links between the items of one AOI that came in different runs: as if they had come in one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pystac

from catalog.constants import COLLECTION_SPOT, LEVEL_COLLECTIONS
from catalog.item import link_related

Item = dict[str, Any]

_AOI: Final = "worldstrat:aoi"
_ORDER: Final = [*LEVEL_COLLECTIONS.values(), COLLECTION_SPOT]
"""Collections in the order in which a worker makes the items of an AOI."""


def join(made: Iterable[Item], kept: Iterable[Item]) -> tuple[list[Item], list[Item]]:
    """Link the items that a run made with those of the same AOIs that the catalog keeps of earlier runs.

    Args:
        made: items about to be loaded, of any number of AOIs; each linked with the others of its AOI.
        kept: items of the same AOIs that are in the catalog and are not made again.

    Returns:
        the items that were made, and those of the kept ones whose links have changed.
    """
    new, old = _by_aoi(made), _by_aoi(kept)
    renewed: list[Item] = []
    for aoi, held in old.items():
        linked = _linked([*new.get(aoi, ()), *held])
        known = {_key(item): item for item in held}
        new[aoi] = [item for item in linked if _key(item) not in known]
        renewed += [item for item in linked if item != known.get(_key(item), item)]
    return [item for items in new.values() for item in items], renewed


def _linked(items: Sequence[Item]) -> list[Item]:
    """Return the items of one AOI, linked as its worker would have linked them."""
    ordered = sorted(items, key=lambda item: (_ORDER.index(item["collection"]), item["id"]))
    alone = [{**item, "links": [link for link in item["links"] if link["rel"] != "related"]} for item in ordered]
    bare = [pystac.Item.from_dict(item) for item in alone]
    link_related(bare)
    for item, linked in zip(alone, bare, strict=True):
        related = [link.to_dict(transform_href=False) for link in linked.links if link.rel == "related"]
        item["links"] = [*item["links"], *related]
    return alone


def _by_aoi(items: Iterable[Item]) -> dict[str, list[Item]]:
    grouped: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        grouped[item["properties"][_AOI]].append(item)
    return grouped


def _key(item: Item) -> tuple[str, str]:
    return item["collection"], item["id"]
