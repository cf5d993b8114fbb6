import threading
import time

import pytest

from server.raster.cache import LoadingCache


def test_a_value_is_loaded_once() -> None:
    cache: LoadingCache[str, int] = LoadingCache(10)
    assert [cache.get("a", lambda: 1), cache.get("a", lambda: 2)] == [1, 1]


def test_threads_that_ask_at_once_wait_for_one_load() -> None:
    cache: LoadingCache[str, object] = LoadingCache(10)
    loads: list[object] = []
    found: list[object] = []
    start = threading.Barrier(8)

    def load() -> object:
        time.sleep(0.05)
        loads.append(object())
        return loads[-1]

    def ask() -> None:
        start.wait()
        found.append(cache.get("a", load))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert found == loads * 8


def test_the_least_recently_used_goes_when_the_weight_is_too_much() -> None:
    cache: LoadingCache[str, bytes] = LoadingCache(10, weigh=len)
    for key in ("a", "b"):
        cache.get(key, lambda: b"12345")
    cache.get("a", lambda: b"")
    cache.get("c", lambda: b"123")
    assert cache.weight == 8
    assert cache.get("a", lambda: b"again") == b"12345"
    assert cache.get("b", lambda: b"again") == b"again"


def test_what_is_too_heavy_is_given_but_not_kept() -> None:
    cache: LoadingCache[str, bytes] = LoadingCache(3, weigh=len)
    assert cache.get("a", lambda: b"12345") == b"12345"
    assert cache.weight == 0


def test_a_value_is_good_for_its_time() -> None:
    cache: LoadingCache[str, str] = LoadingCache(9, seconds=lambda value: 0.02 if value == "short" else 60)
    cache.get("a", lambda: "short")
    cache.get("b", lambda: "long")
    time.sleep(0.03)
    assert cache.get("a", lambda: "new") == "new"
    assert cache.get("b", lambda: "new") == "long"


def test_a_failure_is_told_to_all_and_not_kept() -> None:
    cache: LoadingCache[str, int] = LoadingCache(10)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1 // 0)
    assert cache.get("a", lambda: 1) == 1
    cache.clear()
    assert cache.weight == 0


def test_what_is_being_loaded_while_everything_is_forgotten_is_not_kept() -> None:
    cache: LoadingCache[str, int] = LoadingCache(10)

    def load() -> int:
        cache.clear()
        return 1

    assert cache.get("a", load) == 1
    assert cache.kept("a") is None
    assert cache.weight == 0
