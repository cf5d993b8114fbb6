"""Items as the JSON that was written of them last time, compressed, for as long as their rows stay the same."""

from collections import OrderedDict
from typing import NamedTuple

import cramjam  # type: ignore[import-untyped]


class Row(NamedTuple):
    """One state of a row: PostgreSQL never changes it, but writes another."""

    collection: str
    id: str
    place: tuple[int, tuple[int, int], int]
    """Its table, where in there it lies, and which transaction wrote it."""


class RenderedItems:
    """Least recently used items up to a number of bytes; for one event loop."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, Row], tuple[int, bytes]] = OrderedDict()
        self._size = 0

    def get(self, kind: str, row: Row) -> bytes | None:
        """Return the JSON of a row as one kind of request is shown it, None where it is not kept."""
        key = (kind, row)
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        length, packed = self._kept[key]
        return bytes(cramjam.lz4.decompress_block(packed, output_len=length))

    def keep(self, kind: str, row: Row, body: bytes) -> None:
        """Keep the JSON of a row; what was not asked for longest makes room."""
        packed = bytes(cramjam.lz4.compress_block(body, store_size=False))
        self._drop((kind, row))
        self._kept[kind, row] = (len(body), packed)
        self._size += _weigh(packed)
        while self._size > self._capacity:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, Row]) -> None:
        known = self._kept.pop(key, None)
        self._size -= _weigh(known[1]) if known else 0


def _weigh(packed: bytes) -> int:
    # The strings and objects of a key take about this much.
    return len(packed) + 500
