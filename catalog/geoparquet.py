"""Items as stac-geoparquet, a batch at a time: the file's columns are found first, so that no item loses a member."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from catalog.errors import SnapshotError

BATCH: Final = 250
"""Items that are in memory at a time."""

_LEAVES: Final = frozenset({str, int, float, bool})

Item = dict[str, Any]
Items = Callable[[], Iterator[Item]]
"""Gives the same items in the same order each time it is called."""


@dataclass
class Shape:
    """Which members JSON values have had, and of which types.

    rustac makes the columns of a file from the first items that it is given: what later ones have beyond these is
    lost without a word. So the first have to be those that together have everything.
    """

    kinds: set[type] = field(default_factory=set)
    """Types of the values; null says nothing."""
    members: dict[str, "Shape"] = field(default_factory=dict)
    """Shapes of an object's members."""
    elements: "Shape | None" = None
    """Shape of an array's elements."""

    def learn(self, value: Any) -> bool:
        """Take in a value; return whether it has anything that none before it had."""
        if value is None:
            return False
        new = type(value) not in self.kinds
        self.kinds.add(type(value))
        if isinstance(value, dict):
            for name, member in value.items():
                if (shape := self.members.get(name)) is None:
                    shape = self.members[name] = Shape()
                if type(member) not in _LEAVES or type(member) not in shape.kinds:
                    new |= shape.learn(member)
        elif isinstance(value, list | tuple):
            self.elements = self.elements or Shape()
            for element in value:
                if type(element) not in _LEAVES or type(element) not in self.elements.kinds:
                    new |= self.elements.learn(element)
        return new


@dataclass(frozen=True)
class Table:
    """A GeoParquet file that was written."""

    rows: int
    """Items."""
    columns: list[str]
    """Names of the columns, sorted."""


def write_geoparquet(path: Path, items: Items, collection: Mapping[str, Any] | None = None) -> Table | None:
    """Write items, so many that not all of them need fit in memory; no file where there are none.

    The items are gone through twice: to find out what they have, then to write them. The first rows are those that
    showed something new. The same items give the same bytes.

    Args:
        path: of the file.
        items: what to write.
        collection: the items' collection, for the file's metadata.

    Raises:
        SnapshotError: items contradict each other in the type of a member.
    """
    shape = Shape()
    first = {item["id"]: item for item in items() if shape.learn(item)}
    if not first:
        return None
    rest = (item for item in items() if item["id"] not in first)
    rows = asyncio.run(_write(path, list(first.values()), rest, collection))
    outside = {"properties"} & shape.members.keys()
    names = shape.members.keys() - outside | shape.members["properties"].members.keys()
    return Table(rows, sorted(names))


async def _write(path: Path, first: list[Item], rest: Iterator[Item], collection: Mapping[str, Any] | None) -> int:
    # A tenth of a second that most commands never need.
    import rustac  # noqa: PLC0415

    rows = len(first)
    try:
        writer = await rustac.GeoparquetWriter.open(first, str(path))
        if collection is not None:
            writer.add_collection(dict(collection))
        for batch in _batches(rest):
            await writer.write(batch)
            rows += len(batch)
        await writer.finish()
    except rustac.RustacError as error:
        raise SnapshotError(f"The items do not fit into one table: {error}.") from error
    return rows


def _batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
