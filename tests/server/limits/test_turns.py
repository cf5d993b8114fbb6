"""Turns of costly requests."""

import asyncio
import time

import pytest

from server.limits.turns import NoTurnError, Turnstile

pytestmark = pytest.mark.anyio


async def test_as_many_work_as_may_and_the_others_wait_in_order() -> None:
    turnstile = Turnstile("costly", 2, 10, 5)
    begun: list[int] = []

    async def work(number: int) -> None:
        await turnstile.enter()
        begun.append(number)
        assert turnstile.working <= 2
        await asyncio.sleep(0.01)
        turnstile.leave()

    await asyncio.gather(*(work(number) for number in range(8)))

    assert begun == list(range(8))
    assert (turnstile.working, turnstile.waiting) == (0, 0)


async def test_who_comes_to_a_full_queue_is_told_at_once() -> None:
    turnstile = Turnstile("costly", 1, 1, 5)
    await turnstile.enter()
    waiting = asyncio.create_task(turnstile.enter())
    await asyncio.sleep(0)
    begin = time.monotonic()

    with pytest.raises(NoTurnError, match="1 costly requests wait already"):
        await turnstile.enter()

    assert time.monotonic() - begin < 0.1
    turnstile.leave()
    await waiting


async def test_nobody_waits_longer_than_said() -> None:
    turnstile = Turnstile("costly", 1, 1, 0.05)
    await turnstile.enter()

    with pytest.raises(NoTurnError, match=r"within 0\.05 s"):
        await turnstile.enter()

    assert turnstile.waiting == 0
    turnstile.leave()
    await turnstile.enter()


async def test_who_hangs_up_in_the_queue_takes_no_turn() -> None:
    turnstile = Turnstile("costly", 1, 5, 5)
    await turnstile.enter()
    waiting = [asyncio.create_task(turnstile.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    turnstile.leave()

    assert (turnstile.working, turnstile.waiting) == (0, 0)
    await turnstile.enter()
