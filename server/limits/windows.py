"""How many requests of a client there were lately, counted in this process."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

MOST_CLIENTS = 50_000
"""Most clients that are remembered, a few hundred bytes each; who was not seen for longest is forgotten."""


@dataclass(frozen=True)
class Quota:
    """How many requests a client has in a time."""

    name: str
    """Name in headers and metrics."""
    limit: int
    """Requests."""
    seconds: int
    """In this time."""


@dataclass(frozen=True)
class Taken:
    """Whether a request was within the quota, and what is left of it."""

    allowed: bool
    """Whether it was; what was not is not counted."""
    remaining: int
    """Requests that are left."""
    reset: int
    """Seconds until the window ends."""
    retry: int
    """Seconds until a request is within the quota again; 0 where one is now."""


class Windows(Protocol):
    """Counts requests."""

    async def take(self, client: str, quota: Quota) -> Taken:
        """Count a request of a client."""

    async def close(self) -> None:
        """Let go of what is held open."""


def weigh(quota: Quota, previous: float, current: float, left: float, *, allowed: bool) -> Taken:
    """Return what counts mean, by a sliding window: of the window before, as much counts as has not gone by.

    Args:
        quota: the quota.
        previous: requests in the window before.
        current: requests in this one.
        left: seconds until this one ends.
        allowed: whether the last one was within the quota.
    """
    used = previous * left / quota.seconds + current
    retry = 0 if allowed else max(1, math.ceil(_until_room(quota, previous, current, left)))
    return Taken(allowed, max(0, math.floor(quota.limit - used)), max(1, math.ceil(left)), retry)


def _until_room(quota: Quota, previous: float, current: float, left: float) -> float:
    room = quota.limit - 1
    if current <= room and previous:
        return left - quota.seconds * (room - current) / previous
    return left + quota.seconds * (1 - room / current)


@dataclass(slots=True)
class _Count:
    window: int
    previous: int
    current: int


class MemoryWindows:
    """Counts in memory: without a lock, since only the event loop counts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nobody yet; `clock` tells seconds."""
        self._clock = clock
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()

    async def take(self, client: str, quota: Quota) -> Taken:
        """Count a request of a client."""
        window, gone = divmod(self._clock(), quota.seconds)
        count = self._count(client, quota.name, int(window))
        left = quota.seconds - gone
        allowed = count.previous * left / quota.seconds + count.current + 1 <= quota.limit
        count.current += allowed
        return weigh(quota, count.previous, count.current, left, allowed=allowed)

    async def close(self) -> None:
        """Let go of nothing: nothing is held open."""

    def _count(self, client: str, name: str, window: int) -> _Count:
        counts, key = self._counts, (client, name)
        count = counts.get(key)
        if count is None:
            count = counts[key] = _Count(window, 0, 0)
            if len(counts) > MOST_CLIENTS:
                counts.popitem(last=False)
        elif count.window != window:
            count.previous = count.current if count.window == window - 1 else 0
            count.window, count.current = window, 0
            counts.move_to_end(key)
        return count
