"""Files that were found to be the published ones, remembered by size and time, so that nobody hashes 100 GB twice."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

_NAME: Final = ".worldstrat-fetch.json"
_CHUNK: Final = 1 << 22
Progress = Callable[[int], None]
"""Is told how many bytes more were read."""


class Verified:
    """What is known of the files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._known: dict[str, list[object]] = {}
        with suppress(OSError, ValueError):
            self._known = dict(json.loads(self._path.read_bytes()))

    def holds(self, path: Path, md5: str | None) -> bool:
        """Tell whether a file is untouched since it was found to have this sum."""
        return path.exists() and self._known.get(path.name) == _state(path, md5)

    def add(self, path: Path, md5: str | None) -> None:
        """Remember a file that was verified just now."""
        self._known[path.name] = _state(path, md5)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self._known, indent=1))
        temporary.replace(self._path)


def md5_of(path: Path, progress: Progress) -> str:
    """Return a file's MD5 sum, read in pieces."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            progress(len(chunk))
    return digest.hexdigest()


def _state(path: Path, md5: str | None) -> list[object]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, md5]
