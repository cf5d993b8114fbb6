"""Counting requests in a sliding window."""

import pytest

from server.limits import windows
from server.limits.windows import MemoryWindows, Quota, Taken

pytestmark = pytest.mark.anyio

QUOTA = Quota("tile", 10, 10)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def _take(counting: MemoryWindows, count: int, client: str = "a") -> list[Taken]:
    return [await counting.take(client, QUOTA) for _ in range(count)]


async def test_a_client_may_use_its_quota_in_one_burst_and_no_more(clock: Clock) -> None:
    taken = await _take(MemoryWindows(clock), 12)

    assert [each.allowed for each in taken] == [True] * 10 + [False] * 2
    assert [each.remaining for each in taken] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]


async def test_clients_and_quotas_are_counted_apart(clock: Clock) -> None:
    counting = MemoryWindows(clock)
    await _take(counting, 10)

    assert (await _take(counting, 1, "b"))[0].allowed
    assert (await counting.take("a", Quota("heavy", 1, 10))).allowed
    assert not (await _take(counting, 1))[0].allowed


async def test_after_the_told_seconds_and_not_before_a_request_is_allowed_again(clock: Clock) -> None:
    counting = MemoryWindows(clock)
    clock.now += 3
    refused = (await _take(counting, 11))[-1]
    assert refused.retry == 8  # 7 until the window ends, and a tenth of the next until one of ten has gone by

    clock.now += refused.retry - 1.01
    assert not (await _take(counting, 1))[0].allowed
    clock.now += 1.01
    assert (await _take(counting, 1))[0].allowed


async def test_around_the_edge_of_a_window_there_is_no_second_burst(clock: Clock) -> None:
    """A fixed window would let twice the quota pass there at once."""
    counting = MemoryWindows(clock)
    clock.now += 9.5
    times = []
    for _ in range(400):
        if (await _take(counting, 1))[0].allowed:
            times.append(clock.now)
        clock.now += 0.05

    assert max(sum(start <= time < start + 2 for time in times) for start in times) <= 12
    assert max(sum(start <= time < start + 10 for time in times) for start in times) < 20


async def test_who_was_away_for_two_windows_begins_anew(clock: Clock) -> None:
    counting = MemoryWindows(clock)
    await _take(counting, 10)
    clock.now += 20

    assert [each.allowed for each in await _take(counting, 10)] == [True] * 10


async def test_the_memory_for_clients_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MOST_CLIENTS", 100)
    counting = MemoryWindows(clock)

    for number in range(1000):
        await counting.take(str(number), QUOTA)

    assert len(counting._counts) == 100
