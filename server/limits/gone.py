"""Clients that hang up: their work is cancelled, in the queue and between two steps."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from anyio import CancelScope, NoEventLoopError, from_thread
from starlette.types import Message, Receive, Send

PATIENCE: Final = 0.05
"""Seconds after which a request's client is watched: most answers are there before."""

_GONE: Message = {"type": "http.disconnect"}


def stop_if_gone() -> None:
    """End the work of this thread where nobody waits for it any more; long work calls it between two steps.

    Raises:
        asyncio.CancelledError: the client has hung up.
    """
    try:
        from_thread.check_cancelled()
    except NoEventLoopError:
        return  # no thread of a request: a test, a command


class Client:
    """The client of one request. The body must have been read: what it still says is that it goes."""

    def __init__(self, receive: Receive, send: Send, first: Message) -> None:
        """Know the client.

        Args:
            receive: what it says.
            send: where its answer goes.
            first: the request's body.
        """
        self._receive = receive
        self._send = send
        self._first: Message | None = first
        self._gone = asyncio.Event()
        self._answered = False
        self._watcher: asyncio.Task[None] | None = None
        self._work = CancelScope()

    async def serve(self, work: Callable[[Receive, Send], Awaitable[None]]) -> bool:
        """Do its work, or as much of it as the client waits for; return whether that was all."""
        timer = asyncio.get_running_loop().call_later(PATIENCE, self._watch)
        try:
            with self._work:
                await work(self.receive, self.send)
        finally:
            timer.cancel()
            if self._watcher:
                self._watcher.cancel()
        return not self._work.cancelled_caught

    async def receive(self) -> Message:
        """Return the body, then nothing until the client goes."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        self._watch()
        await self._gone.wait()
        return _GONE

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        # After the last one the server says that the client went, wherever it is.
        self._answered = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)

    def _watch(self) -> None:
        if self._watcher is None:
            self._watcher = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()
        if not self._answered:
            self._work.cancel()
