"""A proxy before an S3 server, on 127.0.0.1, that can be slow, silent, broken or away."""

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, Self

LOOPBACK = "127.0.0.1"
_METHODS = (b"GET ", b"HEAD ", b"PUT ", b"POST ", b"DELETE ")
_PIECE = 1 << 16
_LEAST = 512  # bytes of a body that is damaged: below that it is a list or an error, no object


@dataclass(frozen=True)
class Weather:
    """How the store behaves."""

    delay: float = 0.0
    """Seconds before each request."""
    status: int | None = None
    """What each request is answered with, instead of asking the store."""
    silent: bool = False
    """Requests are taken and never answered."""
    damage: Literal["cut", "flip"] | None = None
    """Bodies of answers end in the middle, or have a wrong byte."""
    away: bool = False
    """Nobody listens."""


FAIR = Weather()


class Proxy:
    """Passes on what clients and store say to each other, as the weather allows. Runs in a thread of its own."""

    def __init__(self, upstream: int) -> None:
        """Create it; `upstream` is the store's port."""
        self.weather = FAIR
        self.requests = 0
        """Requests so far."""
        with closing(socket.create_server((LOOPBACK, 0))) as probe:
            self.port: int = probe.getsockname()[1]
        self._upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="store proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        """Close everything."""
        self._call(self._away())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def having(self, weather: Weather) -> Iterator[None]:
        """Have this weather for the time of a block."""
        self._call(self._turn(weather))
        try:
            yield
        finally:
            self._call(self._turn(FAIR))

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port, reuse_address=True)

    async def _turn(self, weather: Weather) -> None:
        before, self.weather = self.weather, weather
        if weather.away or before.silent:
            await self._away()
        if not weather.away and self._server is None:
            await self._listen()

    async def _away(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                answers, asked = await asyncio.open_connection(LOOPBACK, self._upstream)
                back = asyncio.ensure_future(self._answer(answers, writer))
                try:
                    await self._ask(reader, asked, writer)
                finally:
                    back.cancel()
                    asked.transport.abort()
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _ask(
        self, reader: asyncio.StreamReader, store: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        """Pass on requests; in some weather none reaches the store."""
        while data := await reader.read(_PIECE):
            if data.startswith(_METHODS):
                self.requests += 1
                if self.weather.silent:
                    continue
                await asyncio.sleep(self.weather.delay)
                if self.weather.status is not None:
                    client.write(b"HTTP/1.1 %d Fault\r\nContent-Length: 0\r\n\r\n" % self.weather.status)
                    continue
            store.write(data)
            await store.drain()

    async def _answer(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Pass on answers; in some weather not as they are."""
        with suppress(OSError):
            while data := await reader.read(_PIECE):
                start = data.find(b"\r\n\r\n") + 4 if data.startswith(b"HTTP/1.") else 0
                middle = (start + len(data)) // 2
                if self.weather.damage is not None and len(data) - start > _LEAST:
                    if self.weather.damage == "cut":
                        client.write(data[:middle])
                        await client.drain()
                        break
                    data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
                client.write(data)
                await client.drain()
        client.close()
