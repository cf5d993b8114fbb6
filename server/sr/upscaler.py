"""Who computes: one protocol, and the pool of this process behind it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from server.limits.gone import stop_if_gone
from server.observe.traces import span
from server.raster.errors import BusyError
from server.sr.chip import Chip
from server.sr.metrics import REFUSED
from server.sr.models import ModelShelf
from server.sr.settings import SuperResolutionSettings
from superres.inference import Upscaled, superresolve
from superres.model import Model

_LOOK: Final = 0.25  # seconds after which who waits looks whether its client is still there


class Upscaler(Protocol):
    """Makes 2.5 m of 10 m."""

    def upscale(self, chip: Chip, model: Model) -> Upscaled:
        """Super-resolve one item.

        Raises:
            BusyError: too many are waiting already.
            WorkerError: the worker failed.
        """


class Turns:
    """Lets a few work at a time; a bounded number waits."""

    def __init__(self, settings: SuperResolutionSettings, what: str) -> None:
        """Create them; `what` says what is waited for, in words."""
        self._settings = settings
        self._what = what
        self._places = threading.BoundedSemaphore(settings.workers + settings.queue)
        self._workers = threading.BoundedSemaphore(settings.workers)

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn and keep it.

        Raises:
            BusyError: too many are waiting already, or nobody was done in time.
        """
        if not self._places.acquire(blocking=False):
            REFUSED.inc()
            raise BusyError(f"{self._settings.queue} {self._what} already. Try again in a moment.")
        try:
            self._wait()
            try:
                yield
            finally:
                self._workers.release()
        finally:
            self._places.release()

    def _wait(self) -> None:
        end = time.monotonic() + self._settings.timeout
        while not self._workers.acquire(timeout=min(_LOOK, self._settings.timeout)):
            stop_if_gone()
            if time.monotonic() >= end:
                raise BusyError(f"No worker was free for {self._settings.timeout:g} s. Try again in a moment.")


class LocalUpscaler:
    """Computes in this process, a few items at a time; a bounded number of requests waits."""

    def __init__(self, shelf: ModelShelf, settings: SuperResolutionSettings) -> None:
        """Create it; a model is loaded when it is first used."""
        self._shelf = shelf
        self._turns = Turns(settings, "items wait to be super-resolved")

    def upscale(self, chip: Chip, model: Model) -> Upscaled:
        """Super-resolve one item; the errors are those of the protocol."""
        with self._turns.take(), span("superresolve", model=model.id):
            stop_if_gone()
            return superresolve(chip.reflectance, chip.valid, self._shelf.runtime(model), model)
