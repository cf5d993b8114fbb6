"""The object store as requests use it: with their patience, and left alone for a moment where it is away."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from catalog.errors import ObjectNotFoundError, ObjectStoreError
from catalog.objects import ObjectMeta, ObjectStore, Patience
from catalog.settings import StoreSettings
from server.observe.metrics import STORE_BYTES
from server.observe.store import store_request

FAILURES: Final = 3
"""Failures one after the other after which the store is taken to be away."""
PAUSE: Final = 2.0
"""Seconds for which nobody asks a store that is away; then one request tries."""


def of_requests(seconds: float) -> Patience:
    """Return the patience of a request that waits so long for the store.

    Whole objects may take longer, as long as bytes come: a client on a slow line reads a large one for minutes.
    """
    return Patience(connect=min(seconds, 2.0), silence=seconds, whole=600.0, retries=1, trying=seconds / 2)


class StoreAwayError(ObjectStoreError):
    """The store failed a moment ago, so it was not asked."""


class Breaker:
    """Lets requests to the store pass, unless the last few failed: then they fail at once, for a moment.

    Else each of them would wait out its patience in one of the few threads, until none is left for those who need
    nothing from the store.
    """

    def __init__(self) -> None:
        """Begin with a store that is there."""
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_until = 0.0

    @contextmanager
    def passing(self, *, counts: bool = True) -> Iterator[None]:
        """Do one request to the store.

        Args:
            counts: its failure says that the store may be away, rather than that the request made no sense.

        Raises:
            StoreAwayError: it is away, and somebody else tries whether it is back.
        """
        self._enter()
        try:
            yield
        except ObjectNotFoundError:
            self._answered()
            raise
        except ObjectStoreError:
            if counts:
                self._failed()
            raise
        self._answered()

    def _enter(self) -> None:
        with self._lock:
            if self._failures < FAILURES:
                return
            now = time.monotonic()
            if now < self._closed_until:
                raise StoreAwayError("The object store does not answer. Try again in a moment.")
            self._closed_until = now + PAUSE  # this one tries, the others wait for what it finds

    def _answered(self) -> None:
        with self._lock:
            self._failures = 0

    def _failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._closed_until = time.monotonic() + PAUSE


class ServedStore(ObjectStore):
    """The store of one server; who reads `raw` by himself does it within `breaker.passing()`."""

    def __init__(self, settings: StoreSettings, patience: Patience) -> None:
        super().__init__(settings, patience)
        self.breaker = Breaker()

    def get(self, key: str) -> bytes:
        """Return the whole object; see `ObjectStore.get`."""
        with self.breaker.passing(), store_request("get"):
            data = super().get(key)
        STORE_BYTES.labels("get").inc(len(data))
        return data

    def put(self, key: str, data: bytes, media_type: str) -> ObjectMeta:
        """Store an object; see `ObjectStore.put`."""
        with self.breaker.passing(), store_request("put"):
            meta = super().put(key, data, media_type)
        STORE_BYTES.labels("put").inc(len(data))
        return meta
