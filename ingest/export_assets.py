"""What becomes of an asset's href in a static catalog: kept, rewritten, or the object itself beside the item."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol
from urllib.parse import quote, unquote, urlsplit

from catalog.errors import ObjectStoreError
from catalog.objects import SHA2_256, ObjectStore
from ingest.errors import ExportError

Mode = Literal["none", "copy", "link"]
_CHUNK = 1 << 20


class Placing(Protocol):
    """Gives assets their place."""

    def place(self, asset: Mapping[str, Any], folder: Path) -> tuple[str, int]:
        """Return the href of an asset as an item in `folder` names it, and the bytes that were written for it."""


@dataclass(frozen=True)
class Kept:
    """Objects stay where they are; their hrefs stay, or begin with an address that publishes them."""

    store: ObjectStore
    """The store."""
    url: str | None = None
    """Address that stands for the store's own."""

    def place(self, asset: Mapping[str, Any], folder: Path) -> tuple[str, int]:  # noqa: ARG002 - of the protocol
        """Return the href; nothing is written."""
        href = str(asset["href"])
        key = self.store.key(href)
        return (href if self.url is None or key is None else f"{self.url.rstrip('/')}/{quote(key)}"), 0


@dataclass(frozen=True)
class Copied:
    """Objects are copied beside their items."""

    store: ObjectStore
    """The store."""

    def place(self, asset: Mapping[str, Any], folder: Path) -> tuple[str, int]:
        """Copy an object, unless it is there already with the bytes that the item tells.

        Raises:
            ObjectStoreError: the store lacks it, or holds other bytes than the item tells.
        """
        key = self.store.key(str(asset["href"]))
        if key is None:
            return str(asset["href"]), 0
        path, checksum = folder / PurePosixPath(key).name, asset.get("file:checksum")
        if checksum is not None and path.is_file() and _checksum(path) == checksum:
            return f"./{quote(path.name)}", 0
        data = self.store.get(key)
        if checksum is not None and SHA2_256 + hashlib.sha256(data).hexdigest() != checksum:
            raise ObjectStoreError(f"{asset['href']} does not hold what its item tells. `worldstrat verify` says more.")
        write_whole(path, data)
        return f"./{quote(path.name)}", len(data)


@dataclass(frozen=True)
class Linked:
    """Objects in a store of files get a second name beside their items, which takes no space."""

    store: ObjectStore
    """The store."""

    def place(self, asset: Mapping[str, Any], folder: Path) -> tuple[str, int]:
        """Link an object: hard where that is possible, else by its path.

        Raises:
            ObjectStoreError: the store lacks it.
        """
        href = str(asset["href"])
        key = self.store.key(href)
        if key is None:
            return href, 0
        source = Path(unquote(urlsplit(self.store.url).path), key)  # keys are as they are, also with a # or %
        path = folder / source.name
        if not source.is_file():
            raise ObjectStoreError(f"No object {href}. `worldstrat verify` says what else is lacking.")
        if not (path.exists() and path.samefile(source)):
            path.unlink(missing_ok=True)
            try:
                os.link(source, path)
            except OSError:
                path.symlink_to(source)
        return f"./{quote(path.name)}", 0


def placing(mode: Mode, store: ObjectStore, url: str | None) -> Placing:
    """Return what places assets.

    Raises:
        ExportError: the options contradict each other, or the store.
    """
    if mode != "none" and url is not None:
        raise ExportError(f"--asset-url {url} names assets that stay where they are: it goes with --assets none only.")
    if mode == "link" and not store.url.startswith("file://"):
        raise ExportError(f"--assets link needs a store of files, and {store.url} is none: use --assets copy.")
    if mode == "none":
        return Kept(store, url)
    return Copied(store) if mode == "copy" else Linked(store)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file at once or not at all, also when the process is killed."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as part:
        try:
            part.write(data)
        except BaseException:
            Path(part.name).unlink()
            raise
    Path(part.name).chmod(0o644)
    Path(part.name).replace(path)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return SHA2_256 + hashlib.file_digest(file, "sha256").hexdigest()
