"""What a layout of downloaded files is: one protocol, three of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from client.download.manifest import Entry, Written


@dataclass(frozen=True)
class Downloaded:
    """One item and the bytes of its files."""

    item: Mapping[str, Any]
    """The item as JSON."""
    contents: Mapping[str, bytes]
    """Bytes of its files, verified, by key of the asset."""
    sources: dict[str, str | None]
    """Checksums that the item gives of them."""
    bands: Mapping[str, tuple[str, ...]]
    """Names of the bands of crops, by key of the asset; nothing of whole files."""

    def entry(self, files: Sequence[Written], facts: dict[str, Any]) -> Entry:
        """Return what the manifest says of it."""
        return Entry(self.item["id"], self.item["collection"], self.sources, tuple(files), facts)


class Layout(Protocol):
    """Puts downloaded items into files; called from one thread."""

    name: str
    """Its name on the command line."""

    def add(self, downloaded: Downloaded) -> Sequence[Entry]:
        """Write an item; return the items that are complete with it."""

    def close(self) -> Sequence[Entry]:
        """Write what was waiting for more; return the items that are complete with it."""

    def complete(self, entries: Iterable[Entry]) -> Sequence[Entry]:
        """Write tables and catalogs of all that is in the folder; return the items whose files that changed."""
