"""The store is left alone for a moment where it is away; a request that makes no sense says nothing of that."""

import threading
import time
from typing import Any

import pytest

from catalog.errors import ObjectNotFoundError, ObjectStoreError
from catalog.settings import StoreSettings
from server import store as module
from server.store import FAILURES, Breaker, ServedStore, StoreAwayError, of_requests


def _fail(breaker: Breaker, error: type[Exception] = ObjectStoreError, **options: Any) -> None:
    with pytest.raises(error), breaker.passing(**options):
        raise error("no")


def test_after_a_few_failures_in_a_row_nobody_asks_for_a_moment_then_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.3)
    breaker = Breaker()
    for _ in range(FAILURES):
        _fail(breaker)
    with pytest.raises(StoreAwayError), breaker.passing():
        raise AssertionError("nobody comes here")
    time.sleep(0.35)
    # The first one tries, the others wait for what it finds.
    with breaker.passing(), pytest.raises(StoreAwayError), breaker.passing():
        raise AssertionError("nobody comes here")
    with breaker.passing():
        pass


def test_an_answer_between_failures_says_that_the_store_is_there() -> None:
    breaker = Breaker()
    for _ in range(3):
        for _ in range(FAILURES - 1):
            _fail(breaker)
        _fail(breaker, ObjectNotFoundError)  # an answer, too
    with breaker.passing():
        pass


def test_requests_that_make_no_sense_do_not_close_the_store_to_others() -> None:
    breaker = Breaker()
    for _ in range(3 * FAILURES):
        _fail(breaker, counts=False)
    with breaker.passing():
        pass


def test_an_absent_store_is_told_at_once_when_it_is_known_to_be_away() -> None:
    settings = StoreSettings(
        url="s3://bucket", endpoint_url="http://127.0.0.1:9", access_key_id="a", secret_access_key="b"
    )
    store, told = ServedStore(settings, of_requests(2)), []

    def get() -> None:
        try:
            store.get("key")
        except ObjectStoreError as error:
            told.append(type(error))

    for _ in range(FAILURES):
        get()
    threads = [threading.Thread(target=get) for _ in range(20)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told[FAILURES:] == [StoreAwayError] * 20
    assert time.monotonic() - begun < 1
