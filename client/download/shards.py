"""WebDataset: tar files of some hundred items each, to be read one after the other while training."""

import io
import json
import tarfile
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from client.download.layout import Downloaded
from client.download.manifest import Entry, Written, write_whole

SHARD_ITEMS: Final = 64
"""Items of one tar file: some ten to hundred megabytes."""


class ShardLayout:
    """`shard-000000.tar` and so on; an item is `<id>.json` and `<id>.<asset>.tif`, one after another."""

    name = "webdataset"

    def __init__(self, folder: Path, items: int = SHARD_ITEMS) -> None:
        self._folder = folder
        self._items = items
        self._waiting: list[Downloaded] = []
        self._lock = threading.Lock()

    def add(self, downloaded: Downloaded) -> Sequence[Entry]:
        """Keep an item until there are enough for a file."""
        with self._lock:
            self._waiting.append(downloaded)
            return self._write() if len(self._waiting) >= self._items else ()

    def close(self) -> Sequence[Entry]:
        """Write the items that are left."""
        with self._lock:
            return self._write() if self._waiting else ()

    def complete(self, entries: Iterable[Entry]) -> None:
        """Write nothing more: every file stands for itself."""

    def _write(self) -> list[Entry]:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            for one in sorted(self._waiting, key=lambda one: str(one.item["id"])):
                # A dot ends the name of a sample.
                name = str(one.item["id"]).replace(".", "_")
                _add(tar, f"{name}.json", json.dumps(one.item, ensure_ascii=False).encode())
                for key, content in one.contents.items():
                    suffix = PurePosixPath(urlsplit(one.item["assets"][key]["href"]).path).suffix
                    _add(tar, f"{name}.{key}{suffix}", content)
        path = self._next()
        content = out.getvalue()
        write_whole(path, content)
        file = Written.of(self._folder, path, content)
        entries = [one.entry([file], {}) for one in self._waiting]
        self._waiting.clear()
        return entries

    def _next(self) -> Path:
        number = len(list(self._folder.glob("shard-*.tar")))
        while (path := self._folder / f"shard-{number:06d}.tar").exists():
            number += 1
        return path


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
