"""Items held against what was meant, against their schemas, and against the objects that they name."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from catalog.constants import COLLECTIONS
from catalog.errors import InvalidItemError
from catalog.fingerprint import item_hash
from catalog.stored import Item, StoredItems
from ingest.findings import Finding
from ingest.object_audit import Named, ObjectAuditor, named_objects

AOI: Final = "worldstrat:aoi"
"""Property that names an item's AOI."""
_UNKNOWN: Final = (
    "no finished ingest made it: it was put there by hand, or by a run that was killed before it noted its AOI, "
    "which the next ingest puts right"
)


@dataclass(frozen=True)
class Meant:
    """What an item should be."""

    aoi: str | None
    """Name of its AOI; None where no ingest knows the item."""
    hash: str | None
    """Its content hash; None where nobody noted it."""


Batch = Mapping[str, Mapping[str, Meant]]
"""Items that should be there, by collection and id."""


def batch_of(states: Iterable[tuple[str, Mapping[str, Mapping[str, str | None]]]]) -> Batch:
    """Return the items of some AOIs: names, each with hashes by collection and id as the AOI's state has them."""
    batch: dict[str, dict[str, Meant]] = {}
    for aoi, items in states:
        for collection, hashes in items.items():
            batch.setdefault(collection, {}).update({item: Meant(aoi, value) for item, value in hashes.items()})
    return batch


class Auditor:
    """Checks items a batch at a time, so that memory does not grow with the catalog."""

    def __init__(self, stored: StoredItems, objects: ObjectAuditor, check: Callable[[Item], None] | None) -> None:
        """Create it.

        Args:
            stored: the items of pgSTAC.
            objects: checks what they name.
            check: raises InvalidItemError where an item breaks a schema; no schemas where there is none.
        """
        self._stored = stored
        self._objects = objects
        self._check = check
        self.items = 0
        """Items that pgSTAC holds of those that were asked for."""

    def check(self, batch: Batch) -> Iterator[Finding]:
        """Yield what is wrong with the items of a batch and with their objects.

        Raises:
            ObjectStoreError: the store does not answer.
        """
        missing = {(collection, item): one for collection, items in batch.items() for item, one in items.items()}
        named: list[Named] = []
        for item in self._stored.some({collection: list(items) for collection, items in batch.items()}):
            meant = missing.pop((item["collection"], item["id"]))
            aoi = aoi_of(item) if meant.aoi is None else meant.aoi
            yield from self._check_item(item, meant, aoi)
            named += named_objects(item, item["collection"], aoi)
        for (collection, item_id), one in missing.items():
            yield Finding("missing item", one.aoi or "", collection, item_id, "", "it was ingested; pgSTAC has lost it")
        yield from self._objects.check(named)

    def _check_item(self, item: Item, meant: Meant, aoi: str) -> Iterator[Finding]:
        self.items += 1
        place = aoi, item["collection"], item["id"], ""
        if meant.aoi is None and item["collection"] in COLLECTIONS:
            yield Finding("unknown item", *place, _UNKNOWN)
        if meant.hash is not None and item_hash(item) != meant.hash:
            yield Finding("changed item", *place, "it is not as it was ingested: something has changed it since")
        if self._check is not None:
            try:
                self._check(item)
            except InvalidItemError as error:
                yield Finding("invalid item", *place, str(error))


def aoi_of(item: Item) -> str:
    """Return the name of the AOI that an item shows; empty where it says none."""
    return str(item["properties"].get(AOI, ""))
