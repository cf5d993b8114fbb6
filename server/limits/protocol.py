"""Clients that are slow on purpose: a connection that does not get on is closed, below the application.

uvicorn closes idle connections, but waits for ever for the rest of a request, reads headers of any length, and keeps
what a client does not take.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

REQUEST_SECONDS: Final = 30.0
"""How long a client may take to send a request, its body included."""
MOST_HEAD: Final = 65_536
"""Most bytes of the first line and the headers of a request."""
STALL_SECONDS: Final = 30.0
"""How often it is looked whether a client takes its answer."""
LINGER_SECONDS: Final = 2.0
"""How long what a refused client still sends is taken and thrown away: who is cut off while sending reads no answer."""
LEAST_TAKEN: Final = 30_000
"""Fewest bytes that it takes in that time: a kilobyte a second."""

_REQUEST, _STALL, _LINGER = "request", "stall", "linger"  # what is waited for


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a time for requests, a size of their heads, and a least speed of answers."""

    request_seconds = REQUEST_SECONDS
    stall_seconds = STALL_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Create the protocol of one connection."""
        super().__init__(*arguments, **options)
        self._head = 0
        self._in_head = True
        self._in_request = False
        self._shared = False
        self._refused = False
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """End every wait."""
        for name in tuple(self._timers):
            self._stop(name)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; the first part of a further one begins a further wait."""
        if self._refused:
            return
        if not self._in_request and _REQUEST not in self._timers:
            self._expect()
        self._shared = False
        super().data_received(data)
        # Bytes that came with the rest of the request before are not counted: nobody knows how many are whose.
        if self._in_head and not self._shared:
            self._head += len(data)
            if self._head > MOST_HEAD:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin to wait, where the request came together with the rest of the one before."""
        self._in_request = True
        if _REQUEST not in self._timers:
            self._expect()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the wait: the request is there."""
        self._in_request, self._shared = False, True
        self._stop(_REQUEST)
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Begin to look whether the client takes what is sent."""
        super().pause_writing()
        self._look()

    def resume_writing(self) -> None:
        """It does."""
        self._stop(_STALL)
        super().resume_writing()

    def _expect(self) -> None:
        self._head, self._in_head = 0, True
        late = HTTPStatus.REQUEST_TIMEOUT
        self._timers[_REQUEST] = self.loop.call_later(self.request_seconds, self._refuse, late)

    def _look(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._timers[_STALL] = self.loop.call_later(self.stall_seconds, self._abort_unless_taken, left)

    def _abort_unless_taken(self, before: int) -> None:
        if before - self.transport.get_write_buffer_size() < LEAST_TAKEN:
            self.transport.abort()
        else:
            self._look()

    def _refuse(self, status: HTTPStatus) -> None:
        """Close the connection, with a status where no answer has begun."""
        if self.transport.is_closing() or self._refused:
            return
        self._refused = True
        self._stop(_REQUEST)
        if self._in_head or self.cycle is None or not self.cycle.response_started:
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
            self._timers[_LINGER] = self.loop.call_later(LINGER_SECONDS, self.transport.close)
        else:
            self.transport.close()

    def _stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
