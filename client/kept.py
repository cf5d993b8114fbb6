"""Files of a catalog in a folder, each under its checksum: they come when they are asked for, and stay."""

import hashlib
import os
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx

from client.download.choice import Wanted
from client.download.run import TIMEOUT
from client.download.transfer import Transfer
from client.key import KeyAuth

_THREADS: Final = 8


class KeptFiles:
    """A folder of files that several processes may share; each makes its own connections."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is connected yet."""
        self.folder = folder
        self._line: _Line | None = None
        self._checked: set[str] = set()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Leave connections behind: another process makes its own."""
        return {"folder": self.folder, "_line": None, "_checked": set(self._checked)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Be the same in another process."""
        self.__dict__.update(state, _lock=threading.Lock())

    def path(self, wanted: Wanted) -> Path:
        """Return where a file is, once it is there."""
        name = _name(wanted)
        return self.folder / name[:2] / f"{name}.tif"

    def ask(self, files: Sequence[Wanted]) -> list[Future[None]]:
        """Ask for the files that are not in the folder, and go on; each result tells that one has come, or why not."""
        missing = [one for one in files if not self._is_there(one)]
        if not missing:
            return []
        line = self._here()
        return [line.pool.submit(self._get, line.transfer, one) for one in missing]

    def close(self) -> None:
        """Close the connections; they are made again when they are needed."""
        with self._lock:
            line, self._line = self._line, None
        if line and line.pid == os.getpid():
            line.close()

    def _get(self, transfer: Transfer, wanted: Wanted) -> None:
        _keep(self.path(wanted), transfer.get(wanted))
        self._checked.add(_name(wanted))

    def _here(self) -> "_Line":
        """Return the connections of this process: a forked one must not use those of its parent."""
        with self._lock:
            if self._line is None or self._line.pid != os.getpid():
                self._line = _Line()
            return self._line

    def _is_there(self, wanted: Wanted) -> bool:
        """Tell whether a file is in the folder; the first time it is read and compared with its checksum."""
        name, path = _name(wanted), self.path(wanted)
        if not path.is_file():
            return False
        if name in self._checked or not wanted.sha256 or _sha256(path) == wanted.sha256:
            self._checked.add(name)
            return True
        return False


class _Line:
    """The connections of one process, and the threads that use them."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="samples")
        self._http = httpx.Client(timeout=TIMEOUT, follow_redirects=True, auth=KeyAuth())
        self.transfer = Transfer(self._http)

    def close(self) -> None:
        """Give up what waits, and close the connections."""
        self.pool.shutdown(cancel_futures=True)
        self._http.close()


def _name(wanted: Wanted) -> str:
    """Return the name of a file in the folder: its checksum, so that other bytes have another name."""
    return wanted.sha256 or hashlib.sha256(wanted.href.encode()).hexdigest()


def _keep(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, whoever writes it at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as out:
        out.write(content)
    Path(out.name).replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
