"""Objects held against what items say of them: there, of the right size, of the right content."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from catalog.errors import ObjectNotFoundError
from catalog.objects import ObjectStore
from ingest.findings import Finding, Kind

PARALLEL_READS: Final = 8
"""Objects that are read, or folders that are listed, at once."""
_FOLDER: Final = 2
"""Segments of a key that name the folder of its AOI."""


@dataclass(frozen=True)
class Named:
    """An object that an item, or a collection, names."""

    aoi: str
    """Name of the AOI; empty where none is behind it."""
    collection: str
    """Id of the collection."""
    item: str
    """Id of the item, or of the collection."""
    href: str
    """Canonical href of the object."""
    size: int | None
    """Bytes, where the item says so."""
    checksum: str | None
    """Multihash, where the item says so."""

    def found(self, kind: Kind, reason: str) -> Finding:
        """Return a finding about this object."""
        return Finding(kind, self.aoi, self.collection, self.item, self.href, reason)


def named_objects(document: Mapping[str, Any], collection: str, aoi: str) -> list[Named]:
    """Return the objects that the assets of an item, or of a collection, name."""
    return [
        Named(aoi, collection, document["id"], asset["href"], asset.get("file:size"), asset.get("file:checksum"))
        for asset in document.get("assets", {}).values()
        if "href" in asset
    ]


class ObjectAuditor(AbstractContextManager["ObjectAuditor"]):
    """Checks objects, several at a time."""

    def __init__(self, store: ObjectStore, *, quick: bool) -> None:
        """Create it.

        Args:
            store: where the objects are.
            quick: look at their sizes alone, instead of reading every byte.
        """
        self._store = store
        self._quick = quick
        self._pool = ThreadPoolExecutor(PARALLEL_READS, thread_name_prefix="audit")
        self.objects = 0
        """Objects looked for."""
        self.bytes = 0
        """Bytes of the objects that are there."""

    def __enter__(self) -> Self:
        """Return the auditor itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End its threads."""
        self._pool.shutdown(cancel_futures=True)

    def check(self, named: Sequence[Named]) -> Iterator[Finding]:
        """Yield what is wrong with some objects.

        Raises:
            ObjectStoreError: the store does not answer.
        """
        self.objects += len(named)
        ours: dict[str, list[Named]] = {}
        for one in named:
            key = self._store.key(one.href)
            if key is None:
                yield one.found("foreign object", f"it does not lie in {self._store.url}, so nobody can check it")
            else:
                ours.setdefault(key, []).append(one)
        sizes = self._sizes(ours)
        self.bytes += sum(sizes.get(key, 0) for key in ours)
        there = [(key, one) for key, several in ours.items() for one in several if key in sizes]
        for key, several in ours.items():
            for one in several:
                yield from _compare_size(one, sizes.get(key))
        if not self._quick:
            same = [(key, one) for key, one in there if one.size in {None, sizes[key]}]
            yield from filter(None, self._pool.map(lambda pair: self._compare_content(*pair), same))

    def _sizes(self, keys: Mapping[str, Any]) -> dict[str, int]:
        """Return the sizes of objects, by key, from listings: a request for an AOI instead of one for each object."""
        folders = {"/".join(key.split("/")[:_FOLDER]) for key in keys}
        listed = self._pool.map(self._store.list, folders)
        return {meta.key: meta.size for folder in listed for meta in folder if meta.key in keys}

    def _compare_content(self, key: str, one: Named) -> Finding | None:
        if one.checksum is None:
            return None
        try:
            _, checksum = self._store.measure(key)
        except ObjectNotFoundError:
            return one.found("missing object", "the store listed it and has it no more")
        return None if checksum == one.checksum else one.found("wrong content", "its SHA-256 is not what the item says")


def _compare_size(one: Named, size: int | None) -> Iterator[Finding]:
    if size is None:
        yield one.found("missing object", "the store has no such object")
    elif one.size is not None and size != one.size:
        yield one.found("wrong size", f"the store has {size:,} bytes, the item says {one.size:,}")
