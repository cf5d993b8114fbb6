"""The object store away, slow, silent, broken, or holding other bytes than it was given."""

import random
import time
from typing import Any

import httpx
import pytest
from soak_faults import corrupt
from soak_proxy import Weather

from catalog.constants import COLLECTION_SPOT
from catalog.objects import ObjectStore

STORE_SECONDS = 3.0
"""Seconds that a request of this stack waits for a byte of the store."""
NEVER = 15.0
"""Seconds that no answer takes, whatever the store does."""


def test_a_store_that_is_away_is_a_clear_503_while_all_else_goes_on(stack: Any, load: Any, ask: httpx.Client) -> None:
    with load() as seen:
        time.sleep(1)
        with stack.proxy.having(Weather(away=True)):
            time.sleep(2)
            ready = ask.get("/readyz")
        seen.recovery()
    assert seen.bad() == []
    assert 503 in seen.statuses()
    assert seen.statuses("search") == seen.statuses("item") == {200}
    assert seen.slow(NEVER) == []
    assert ready.status_code == 503
    assert (ready.json()["database"], ready.json()["tiles"]) == ("ok", "ok")
    assert ready.json()["store"] != "ok"


def test_a_slow_store_costs_time_and_nothing_else(stack: Any, load: Any) -> None:
    with load() as seen, stack.proxy.having(Weather(delay=1)):
        time.sleep(4)
    assert seen.bad() == []
    assert sum(answer.status == 503 for answer in seen.answers()) < len(seen.answers()) / 10, (
        "a busy machine's, at most"
    )
    assert seen.slow(2 * NEVER) == []


def test_a_silent_store_keeps_nobody_waiting(stack: Any, load: Any, ask: httpx.Client, items: Any) -> None:
    """The first requests wait out their patience; those that follow are told at once."""
    with load() as seen:
        with stack.proxy.having(Weather(silent=True)):
            time.sleep(6)
            begun = time.monotonic()
            told = [ask.get(_asset(item)).status_code for item in items[:3]]
            waited = time.monotonic() - begun
        seen.recovery()
    assert seen.bad() == []
    assert seen.slow(NEVER) == []
    assert 503 in told
    assert waited < NEVER
    assert any(answer.ended - answer.due < STORE_SECONDS for answer in seen.answers() if answer.status == 503)


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_of_the_store_is_a_clear_503(stack: Any, load: Any, status: int) -> None:
    with load() as seen:
        with stack.proxy.having(Weather(status=status)):
            time.sleep(2)
        seen.recovery()
    assert seen.bad() == []
    assert 503 in seen.statuses()
    assert seen.statuses("search") == {200}
    assert seen.slow(NEVER) == []


def test_a_body_that_ends_in_the_middle_is_no_picture(stack: Any, ask: httpx.Client, items: Any) -> None:
    with stack.proxy.having(Weather(damage="cut")):
        tile = ask.get(_cold(items))
    assert tile.status_code == 503
    assert "object store" in tile.json()["description"]
    time.sleep(2.1)
    assert ask.get(_cold(items)).status_code == 200, "what failed is not remembered"


def test_a_body_with_a_wrong_byte_is_no_picture_and_no_asset(stack: Any, ask: httpx.Client, items: Any) -> None:
    small, large = (
        next(item for item in items if (COLLECTION_SPOT in item["collection"]) is big) for big in (False, True)
    )
    with stack.proxy.having(Weather(damage="flip")):
        tile, asset = ask.get(_cold(items)), ask.get(_asset(small))
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
            ask.get(_asset(large))  # its beginning is on its way when its end turns out to be wrong
    assert (tile.status_code, asset.status_code) == (502, 502)
    assert items[0]["id"] in tile.json()["description"]
    assert int(tile.headers["retry-after"]) > 0
    assert {ask.get(path).status_code for path in (_cold(items), _asset(small), _asset(large))} == {200}


def test_a_corrupt_object_is_never_shown_and_mending_it_is_enough(stack: Any, load: Any, ask: httpx.Client) -> None:
    with load() as seen:
        with corrupt(stack, random.Random(3)) as key:  # noqa: S311 - which one matters to nobody
            time.sleep(2)
            whole = ask.get(f"/assets/{key}")
        seen.recovery()
    assert seen.bad() == []
    assert whole.status_code == 502
    assert key in whole.json()["description"]
    assert int(whole.headers["retry-after"]) > 0
    assert ask.get(f"/assets/{key}").status_code == 200


def test_an_object_that_lost_its_end_is_a_502_that_names_the_item(stack: Any, ask: httpx.Client, items: Any) -> None:
    item = next(item for item in items if item["collection"] == COLLECTION_SPOT)
    path = f"/raster/collections/{item['collection']}/items/{item['id']}/preview.png?cut=1"
    store = ObjectStore.open(stack.store)
    key = _asset(item, "ps").removeprefix("/assets/")
    whole = store.get(key)
    store.put(key, whole[: len(whole) // 2], "image/tiff")
    try:
        _forget(ask, items)
        answer = ask.get(path)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
            ask.get(_asset(item, "ps"))
    finally:
        store.put_verified(key, whole, "image/tiff")
    assert answer.status_code == 502
    assert item["id"] in answer.json()["description"]
    assert ask.get(path).status_code == ask.get(_asset(item, "ps")).status_code == 200


def _asset(item: Any, key: str = "") -> str:
    href: str = item["assets"][key or ("ps" if "ps" in item["assets"] else "data")]["href"]
    return href[href.index("/assets/") :]


def _cold(items: Any) -> str:
    item = items[0]
    return f"/raster/collections/{item['collection']}/items/{item['id']}/preview.png?cold={time.monotonic_ns()}"


def _forget(ask: httpx.Client, items: Any) -> None:
    """Read other items until the caches have no room for the first ones."""
    for item in items:
        ask.get(f"/raster/collections/{item['collection']}/items/{item['id']}/info")
