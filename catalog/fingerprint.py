"""The content of an item, and of a whole catalog, as one hash: equal where the same data went in, wherever it lies."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
import psycopg

from catalog.stored import StoredItems

MOMENTS: Final = frozenset({"created", "updated"})
"""Properties that time alone changes: the same files, ingested again tomorrow, make the same item."""
_MODULUS: Final = 2**256


def item_hash(item: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an item's canonical JSON, in hexadecimal.

    Canonical: members sorted by name, no white space, and a number written one way however it came (`5.0` is 5,
    `-0.0` is 0: PostgreSQL's JSON has no negative zero). Left out, since they say nothing of the content:

    * `created` and `updated`, which time alone changes;
    * the store's address before an object's key: the same object in a folder and in a bucket is the same. What follows
      the last `/{collection}/` of an href is its key, and holds the object's own hash;
    * the order of links, which no reader may rely on.

    All else counts, members that are null too: `worldstrat:split` null is not the same as no split at all.
    """
    properties = {name: value for name, value in item.get("properties", {}).items() if name not in MOMENTS}
    return _hash({**item, "properties": properties}, str(item.get("collection")))


def collection_hash(collection: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a collection's canonical JSON; what is left out of an item's is left out here."""
    return _hash(collection, str(collection.get("id")))


class CatalogSum:
    """The hash of a catalog while its items come, in whatever order."""

    def __init__(self) -> None:
        self._total = 0
        self.items = 0
        """Items that came."""

    def add(self, item: Mapping[str, Any]) -> None:
        """Take one item."""
        named = f"{item['collection']}\n{item['id']}\n{item_hash(item)}"
        self._total += int.from_bytes(hashlib.sha256(named.encode()).digest(), "big")
        self.items += 1

    def join(self, known: str) -> None:
        """Take the hash of other items, such as those of another collection."""
        self._total += int(known, 16)

    def hexdigest(self) -> str:
        """Return the hash of those that came, in hexadecimal."""
        return f"{self._total % _MODULUS:064x}"


def catalog_hash(connection: psycopg.Connection[Any], collections: Sequence[str] | None = None) -> str:
    """Return one hash over all items of a catalog, in hexadecimal.

    It is the sum of a hash per item, so that it depends neither on an order (databases sort text differently) nor on
    how many items there are: a catalog of millions is read as a stream.

    Args:
        connection: to the catalog.
        collections: ids of the collections that count; all where none are given.
    """
    total = CatalogSum()
    for item in StoredItems(connection).every(collections):
        total.add(item)
    return total.hexdigest()


def _hash(document: Mapping[str, Any], collection: str) -> str:
    """Return the hash of an item, or of a collection, whose objects lie below `{collection}/`."""
    key_of = _key_of(collection)
    content = {
        **document,
        "assets": {name: _asset(asset, key_of) for name, asset in document.get("assets", {}).items()},
        "links": sorted((_plain(link) for link in document.get("links", ())), key=_link_order),
    }
    return hashlib.sha256(orjson.dumps(_plain(content), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _key_of(collection: str) -> Callable[[str], str]:
    """Return what makes of an href its key in whatever store; an href of another kind stays as it is."""
    mark = f"/{collection}/"

    def key_of(href: str) -> str:
        _, found, rest = href.rpartition(mark)
        return f"{found}{rest}"

    return key_of


def _asset(asset: Mapping[str, Any], key_of: Callable[[str], str]) -> dict[str, Any]:
    return {**asset, "href": key_of(asset["href"])} if isinstance(asset.get("href"), str) else dict(asset)


def _plain(value: Any) -> Any:
    """Return JSON with every number in its one form."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value


def _link_order(link: Mapping[str, Any]) -> tuple[str, str]:
    return str(link.get("rel")), str(link.get("href"))
