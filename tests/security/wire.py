"""HTTP by hand: requests that no library would send, over connections that are kept."""

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

TIMEOUT = 60


@dataclass(frozen=True)
class Attack:
    """One hostile request."""

    kind: str
    """What it looks for."""
    target: str
    """Path and query, as they go over the wire."""
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    version: str = "1.1"

    def __str__(self) -> str:
        body = f" {self.body[:120]!r}" if self.body else ""
        return f"[{self.kind}] {self.method} {self.target[:300]} {dict(self.headers)}{body}"[:600]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Wire:
    """One connection, opened again where the server closed it."""

    def __init__(self, base: str) -> None:
        where = urlsplit(base)
        self._where = str(where.hostname), int(where.port or 80)
        self._host = where.netloc
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def ask(self, attack: Attack) -> Answer:
        """Send a request; return the answer. A connection that was closed while it lay idle is opened again."""
        headers = {"Host": self._host, **attack.headers}
        if attack.body:
            headers = {"Content-Length": str(len(attack.body)), **headers}
        lines = [
            f"{attack.method} {attack.target} HTTP/{attack.version}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        data = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + attack.body
        kept = self._socket is not None
        try:
            return self._exchange(data, attack.method)
        except (ConnectionError, http.client.BadStatusLine):
            self.close()
            if not kept:
                raise
            return self._exchange(data, attack.method)

    def send_raw(self, data: bytes) -> bytes:
        """Send bytes over a connection of their own; return all that comes until the server hangs up or waits."""
        with socket.create_connection(self._where, timeout=5) as connection:
            connection.sendall(data)
            received = bytearray()
            try:
                while piece := connection.recv(65536):
                    received += piece
            except (TimeoutError, ConnectionResetError):
                pass
            return bytes(received)

    def _exchange(self, data: bytes, method: str) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(self._where, timeout=TIMEOUT)
        try:
            self._socket.sendall(data)
        except ConnectionError:
            # It may have answered before it read all: that is what the client then sees.
            if not self._socket:
                raise
        response = http.client.HTTPResponse(self._socket, method=method)
        response.begin()
        answer = Answer(response.status, response.headers, response.read())
        if response.will_close:
            self.close()
        return answer
