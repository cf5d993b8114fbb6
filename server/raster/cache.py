"""A bounded cache that loads a value once, however many threads ask for it at the same time."""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from server.limits.gone import stop_if_gone

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_LOOK: Final = 0.25  # seconds after which who waits for another's load looks whether its own client is still there


@dataclass(frozen=True)
class _Entry(Generic[V]):
    value: V
    weight: int
    expires: float


class LoadingCache(Generic[K, V]):
    """Least recently used values up to a total weight, each for a limited time.

    A map asks for thirty tiles of one item at once: the first thread loads, the others wait for the same value. What
    fails to load is not kept. Where the client of the one who loads hangs up, another loads.
    """

    def __init__(
        self,
        capacity: int,
        weigh: Callable[[V], int] = lambda _: 1,
        seconds: Callable[[V], float] = lambda _: float("inf"),
    ) -> None:
        """Create an empty cache.

        Args:
            capacity: most weight that is kept.
            weigh: weight of a value; one each unless given.
            seconds: how long a value is good for; for ever unless given.
        """
        self._capacity = capacity
        self._weigh = weigh
        self._seconds = seconds
        self._lock = threading.Lock()
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._flights: dict[K, Future[V]] = {}
        self._weight = 0
        self._cleared = 0

    @property
    def weight(self) -> int:
        """Weight of all that is kept."""
        return self._weight

    def kept(self, key: K) -> V | None:
        """Return the value of `key` where it is kept, without waiting for anything."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.expires <= time.monotonic():
                return None
            self._entries.move_to_end(key)
            return entry.value

    def get(self, key: K, load: Callable[[], V]) -> V:
        """Return the value of `key`, from `load` where it is not kept; raises what `load` raises."""
        while True:
            with self._lock:
                entry = self._entries.get(key)
                if entry is not None and entry.expires > time.monotonic():
                    self._entries.move_to_end(key)
                    return entry.value
                flight = self._flights.get(key)
                mine = flight is None
                if flight is None:
                    flight = self._flights[key] = Future()
            if mine:
                return self._load(key, load, flight)
            while not wait((flight,), _LOOK).done:
                stop_if_gone()
            if not isinstance(flight.exception(), asyncio.CancelledError):
                return flight.result()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._weight = 0
            self._cleared += 1

    def _load(self, key: K, load: Callable[[], V], flight: "Future[V]") -> V:
        cleared = self._cleared
        try:
            value = load()
        except BaseException as error:
            with self._lock:
                del self._flights[key]
            flight.set_exception(error)
            raise
        with self._lock:
            del self._flights[key]
            if cleared == self._cleared:  # else it may be older than what was to be forgotten
                self._keep(key, value)
        flight.set_result(value)
        return value

    def _keep(self, key: K, value: V) -> None:
        self._forget(key)
        weight = self._weigh(value)
        if weight > self._capacity:
            return
        self._entries[key] = _Entry(value, weight, time.monotonic() + self._seconds(value))
        self._weight += weight
        while self._weight > self._capacity:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: K) -> None:
        entry = self._entries.pop(key, None)
        self._weight -= entry.weight if entry else 0
