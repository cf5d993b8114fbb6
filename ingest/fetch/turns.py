"""Who may ask the server now: so many requests at once, the file named first goes first; and when to ask again."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from typing import Final

from ingest.errors import FetchError

TRIES: Final = 12
"""Failures in a row, without a byte between them, before a file is given up: about four minutes."""
_LONGEST: Final = 30.0
_LONGEST_ASKED: Final = 900.0


class Turns:
    """At most so many requests at once."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = count
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()

    @asynccontextmanager
    async def turn(self, rank: int) -> AsyncIterator[None]:
        """Wait for a turn; lower ranks come first."""
        await self._acquire(rank)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, rank: int) -> None:
        if self._free:
            self._free -= 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (rank, next(self._arrivals), future))
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():  # it was its turn already
                self._release()
            raise

    def _release(self) -> None:
        while self._waiting:
            future = heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)
                return
        self._free += 1


class UnansweredError(Exception):
    """A request brought less than was asked; the same may work later."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Patience:
    """Waits longer and longer between failures in a row."""

    def __init__(self, pause: float, tell: Callable[[str], None]) -> None:
        self._pause = pause
        self._tell = tell
        self._failures = 0

    def restore(self) -> None:
        """Begin again with short waits: bytes came."""
        self._failures = 0

    async def wait(self, name: str, reason: UnansweredError) -> None:
        """Sleep before the next try.

        Args:
            name: file that was asked for.
            reason: what came of it.

        Raises:
            FetchError: it has been tried often enough.
        """
        self._failures += 1
        asked = reason.retry_after
        if self._failures >= TRIES or (asked or 0) > _LONGEST_ASKED:
            later = f" (the server wants us back in {asked:.0f} s)" if asked else ""
            raise FetchError(f"{name}: {reason}{later}. What came is kept: the same command goes on from there.")
        seconds = asked if asked is not None else min(_LONGEST, self._pause * 2 ** (self._failures - 1))
        seconds += random.uniform(0, self._pause)  # noqa: S311 - so that connections do not all return at once
        if self._failures > 1 or asked:
            self._tell(f"{name}: {reason}; trying again in {seconds:.0f} s")
        await asyncio.sleep(seconds)
