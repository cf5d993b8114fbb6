"""What is known for seconds: a small cache for one event loop."""

import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Values for a limited time, of which the oldest make room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, tuple[V, float]] = OrderedDict()

    def get(self, key: K) -> tuple[V] | None:
        """Return what is known of a key, in a tuple since nothing may be known too; None where that is forgotten."""
        found = self._kept.get(key)
        return (found[0],) if found and time.monotonic() < found[1] else None

    def keep(self, key: K, value: V, seconds: float) -> None:
        """Remember a value for some seconds."""
        self._kept.pop(key, None)
        self._kept[key] = (value, time.monotonic() + seconds)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
