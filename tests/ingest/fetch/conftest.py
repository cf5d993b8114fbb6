"""A real HTTP server on this machine's loopback that does what servers do on bad days."""

import hashlib
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from ingest.fetch.download import Pace
from ingest.fetch.published import PublishedFile
from ingest.fetch.run import Fetched, Options, fetch

BLOCK = 64 << 10
PACE = Pace(block=BLOCK, pause=0.0005, save=0.05)
_CHUNK = 8 << 10


@dataclass
class Behaviour:
    """How the server behaves; a test changes it."""

    ranges: bool = True
    etag: bool = True
    drops: random.Random | None = None
    """Where connections are dropped, if any."""
    lie: str = ""
    """`shifted`: other bytes than asked for, and it says so; `unsaid`: all of them, as if they were the ones."""
    refuse: Callable[[int], tuple[int, dict[str, str]] | None] = lambda _: None
    """Status and headers that it answers its n-th request with, instead of the file."""
    answered: Callable[[int], None] = lambda _: None
    """Is called before the n-th request is answered."""
    pause: float = 0.0
    """Seconds between two chunks."""


@dataclass
class Mirror:
    """The server, and what it was asked."""

    url: str
    files: dict[str, bytes]
    behaviour: Behaviour = field(default_factory=Behaviour)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0
    answering: int = 0
    most_answering: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with self.lock:
            self.answering += 1
            self.most_answering = max(self.most_answering, self.answering)
        try:
            yield
        finally:
            with self.lock:
                self.answering -= 1

    def published(self, name: str, **changes: object) -> PublishedFile:
        data = self.files[name]
        facts = {"part": "metadata", "md5": hashlib.md5(data).hexdigest(), "size": len(data)}  # noqa: S324
        return PublishedFile(name, **(facts | changes))


def seeded(number: int) -> random.Random:
    return random.Random(number)  # noqa: S311 - bytes and breaks, no secrets


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    draw = seeded(5)
    files = {"metadata.csv": draw.randbytes(3_000), "hr_dataset.zip": draw.randbytes(20 * BLOCK + 123)}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.mirror = Mirror(f"http://127.0.0.1:{server.server_port}/files", files)  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.mirror  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


@pytest.fixture
def quiet() -> Console:
    return Console(quiet=True)


@pytest.fixture
def get(mirror: Mirror, tmp_path: Path, quiet: Console) -> Callable[..., list[Fetched]]:
    """Fetch files of the mirror to `tmp_path / "out"`."""

    def run(*files: PublishedFile, connections: int = 4, console: Console = quiet) -> list[Fetched]:
        wanted = files or tuple(mirror.published(name) for name in mirror.files)
        return fetch(Options(tmp_path / "out", wanted, mirror.url, connections, PACE), console)

    return run


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        mirror: Mirror = self.server.mirror  # type: ignore[attr-defined]
        with mirror.lock:
            mirror.requests.append((self.path, self.headers.get("Range")))
            number = len(mirror.requests)
        try:
            mirror.behaviour.answered(number)
            refused = mirror.behaviour.refuse(number)
            if refused:
                self._head(refused[0], refused[1] | {"Content-Length": "0"})
            else:
                self._answer(mirror, mirror.files.get(self.path.removeprefix("/files/")))
        except OSError:
            self.close_connection = True

    def _answer(self, mirror: Mirror, data: bytes | None) -> None:
        if data is None:
            self._head(404, {"Content-Length": "0"})
            return
        how = mirror.behaviour
        etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        name, validator = ("ETag", etag) if how.etag else ("Last-Modified", "Mon, 02 Jun 2025 10:00:00 GMT")
        headers = {name: validator}
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if how.ranges and asked and self.headers.get("If-Range", validator) == validator:
            first, last = int(asked[1]), min(int(asked[2]), len(data) - 1)
            if how.lie == "shifted" and first:
                first += 1
            if how.lie != "unsaid":
                headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
                data = data[first : last + 1]
            self._head(206, headers | {"Content-Length": str(len(data))})
        else:
            self._head(200, headers | {"Content-Length": str(len(data))})
        self._send(mirror, data)

    def _send(self, mirror: Mirror, data: bytes) -> None:
        end = len(data)
        if mirror.behaviour.drops is not None and len(data) > 1:
            end = mirror.behaviour.drops.randrange(2 * len(data))
        chunks = [data[start : min(start + _CHUNK, end)] for start in range(0, min(end, len(data)), _CHUNK)]
        with mirror.at_work():
            for chunk in chunks[:-1]:
                self._write(mirror, chunk)
                time.sleep(mirror.behaviour.pause)
        # With its last bytes the caller may already ask for more.
        for chunk in chunks[-1:]:
            self._write(mirror, chunk)
        if end < len(data):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _write(self, mirror: Mirror, chunk: bytes) -> None:
        self.wfile.write(chunk)
        with mirror.lock:
            mirror.sent += len(chunk)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
