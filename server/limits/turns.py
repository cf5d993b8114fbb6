"""Back-pressure: a few costly requests at a time, a bounded number waits for a bounded time."""

import asyncio

from server.errors import ServerError
from server.limits.costs import Turn
from server.limits.settings import LimitSettings


class NoTurnError(ServerError):
    """As many requests wait as may, or nobody was done in time."""


class Turnstile:
    """Lets a few requests work at a time. Who waits holds no thread and no connection."""

    def __init__(self, name: str, at_once: int, queue: int, seconds: float) -> None:
        """Create it.

        Args:
            name: what passes, in words.
            at_once: requests that work at a time.
            queue: requests that may wait.
            seconds: for how long.
        """
        self.name = name
        self.waiting = 0
        self.working = 0
        self._queue = queue
        self._seconds = seconds
        self._places = asyncio.Semaphore(at_once)

    async def enter(self) -> None:
        """Wait for a turn; who has one gives it back by `leave`.

        Raises:
            NoTurnError: as many wait as may, or nobody was done in time.
        """
        if self._places.locked():
            await self._wait()
        else:
            await self._places.acquire()
        self.working += 1

    def leave(self) -> None:
        """Give a turn back."""
        self.working -= 1
        self._places.release()

    async def _wait(self) -> None:
        if self.waiting >= self._queue:
            raise NoTurnError(f"{self.waiting} {self.name} requests wait already. Try again in a moment.")
        self.waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._places.acquire()
        except TimeoutError as error:
            msg = f"No turn for a {self.name} request came up within {self._seconds:g} s. Try again in a moment."
            raise NoTurnError(msg) from error
        finally:
            self.waiting -= 1


Turnstiles = dict[Turn, Turnstile]


def create_turnstiles(settings: LimitSettings) -> Turnstiles:
    """Return the turnstiles of a process."""
    return {
        "tile": Turnstile("tile", settings.tiles_at_once, settings.tiles_queue, settings.wait),
        "upscaled": Turnstile("super-resolved tile", settings.upscaled_at_once, settings.upscaled_queue, settings.wait),
        "heavy": Turnstile("costly", settings.heavy_at_once, settings.heavy_queue, settings.wait),
    }
