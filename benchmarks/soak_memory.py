"""Memory of processes over time: does it grow?"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import linear_regression, median
from typing import Self

from soak_server import resident

SETTLING = 0.25
"""Part of a process's life in which its caches fill."""
MOST_GROWTH = 1.10
"""Most that the last quarter of its life may hold, as a multiple of the quarter after settling."""
LEAST_SAMPLES = 12
"""Samples from which on anything can be said."""


@dataclass(frozen=True)
class Growth:
    """How a process's memory went."""

    first: float
    """Bytes in the middle of the quarter after settling."""
    last: float
    """Bytes in the middle of the last quarter."""
    slope: float
    """Bytes a minute after settling."""
    minutes: float
    """How long it was watched."""

    @property
    def ratio(self) -> float:
        """Last by first."""
        return self.last / self.first

    @property
    def is_flat(self) -> bool:
        """Whether the memory did not grow."""
        return self.ratio <= MOST_GROWTH


@dataclass
class Memory:
    """Samples of all processes that there were."""

    pids: Callable[[], Sequence[int]]
    """Gives the processes that run now."""
    every: float = 5.0
    """Seconds between two samples."""
    samples: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    """Moment and bytes, by process."""

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Watch no longer."""
        self._end.set()
        self._thread.join()

    def oldest(self) -> Growth | None:
        """Return how the process went that was watched longest, None where that was too short to tell."""
        longest = max(self.samples.values(), key=len, default=[])
        return growth(longest)

    def _watch(self) -> None:
        while not self._end.is_set():
            now = time.monotonic()
            for pid in self.pids():
                if held := resident(pid):
                    self.samples.setdefault(pid, []).append((now, held))
            self._end.wait(self.every)


def growth(samples: Sequence[tuple[float, int]]) -> Growth | None:
    """Return how a process's memory went, None where there are too few samples (moment, bytes) to tell."""
    if len(samples) < LEAST_SAMPLES:
        return None
    settled = samples[int(len(samples) * SETTLING) :]
    third = max(1, len(settled) // 3)
    minutes = [moment / 60 for moment, _ in settled]
    held = [float(size) for _, size in settled]
    slope = linear_regression(minutes, held).slope
    return Growth(median(held[:third]), median(held[-third:]), slope, (samples[-1][0] - samples[0][0]) / 60)
