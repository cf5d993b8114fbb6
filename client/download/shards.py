"""WebDataset: tar files of some hundred items each, to be read one after the other while training."""

import io
import json
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from client.download.layout import Downloaded
from client.download.manifest import Entry, Written, write_whole

SHARD_ITEMS: Final = 64
"""Items of one tar file: some ten to hundred megabytes."""
_SAMPLES: Final = "samples"
"""Fact of an entry: how many items its shard holds."""


class ShardLayout:
    """`shard-000000.tar` and so on; an item is `<id>.json` and `<id>.<asset>.tif`, one after another."""

    name = "webdataset"

    def __init__(self, folder: Path, items: int = SHARD_ITEMS) -> None:
        self._folder = folder
        self._items = items
        self._waiting: list[Downloaded] = []

    def add(self, downloaded: Downloaded) -> Sequence[Entry]:
        """Keep an item until there are enough for a file."""
        self._waiting.append(downloaded)
        return self.close() if len(self._waiting) >= self._items else ()

    def close(self) -> Sequence[Entry]:
        """Write the items that wait."""
        if not self._waiting:
            return ()
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            for one in sorted(self._waiting, key=lambda one: str(one.item["id"])):
                name = _sample(one.item["id"])
                _add(tar, f"{name}.json", json.dumps(one.item, ensure_ascii=False).encode())
                for key, content in one.contents.items():
                    suffix = PurePosixPath(urlsplit(one.item["assets"][key]["href"]).path).suffix
                    _add(tar, f"{name}.{key}{suffix}", content)
        file = self._write(self._next(), out.getvalue())
        entries = [one.entry([file], {_SAMPLES: len(self._waiting)}) for one in self._waiting]
        self._waiting.clear()
        return entries

    def complete(self, entries: Iterable[Entry]) -> Sequence[Entry]:
        """Leave each item in one shard: what came again, or was not noted before Ctrl-C, is in an older one too."""
        shards: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            for file in entry.files:
                shards[file.path].append(entry)
        for path in self._folder.glob("shard-*.tar"):
            if path.name not in shards:
                path.unlink()
        thinned = [members for members in shards.values() if len(members) < members[0].facts.get(_SAMPLES, 0)]
        return [entry for members in thinned for entry in self._keep(members)]

    def _keep(self, members: Sequence[Entry]) -> Sequence[Entry]:
        """Write a shard again with these of its items alone."""
        path, out = self._folder / members[0].files[0].path, io.BytesIO()
        if not all(file.is_there(self._folder) for file in members[0].files):
            return ()  # touched since: its items come again when they are asked for
        names = {_sample(entry.item) for entry in members}
        with tarfile.open(path) as old, tarfile.open(fileobj=out, mode="w") as new:
            for info in old:
                if info.name.partition(".")[0] in names:
                    new.addfile(info, old.extractfile(info))
        file = self._write(path, out.getvalue())
        return [replace(entry, files=(file,), facts={_SAMPLES: len(members)}) for entry in members]

    def _write(self, path: Path, content: bytes) -> Written:
        write_whole(path, content)
        return Written.of(self._folder, path, content)

    def _next(self) -> Path:
        number = len(list(self._folder.glob("shard-*.tar")))
        while (path := self._folder / f"shard-{number:06d}.tar").exists():
            number += 1
        return path


def _sample(item_id: str) -> str:
    """Return the name of an item's sample, which a dot would end."""
    return item_id.replace(".", "_")


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
