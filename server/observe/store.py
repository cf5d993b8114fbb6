"""Requests to the object store: counted, timed and traced."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from catalog.errors import ObjectNotFoundError
from server.observe.metrics import STORE_REQUESTS, STORE_SECONDS
from server.observe.traces import span


@contextmanager
def store_request(operation: str) -> Iterator[None]:
    """Count, time and trace one request; that an object is not there is an answer too."""
    begin = time.perf_counter()
    outcome = "failed"
    try:
        with span(f"store {operation}"):
            yield
        outcome = "ok"
    except (ObjectNotFoundError, FileNotFoundError):
        outcome = "missing"
        raise
    finally:
        STORE_SECONDS.labels(operation).observe(time.perf_counter() - begin)
        STORE_REQUESTS.labels(operation, outcome).inc()
