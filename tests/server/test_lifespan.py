"""What goes on while a server runs."""

import anyio
import pytest

from server import lifespan

pytestmark = pytest.mark.anyio


async def test_free_memory_is_given_back_again_and_again_until_the_server_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed: list[int] = []
    monkeypatch.setattr(lifespan, "give_back", allowed.append)
    monkeypatch.setattr(lifespan, "TRIM_SECONDS", 0.01)
    async with lifespan.giving_back():
        await anyio.sleep(1)
    assert len(allowed) >= 3
    assert set(allowed) == {lifespan.MOST_FREE}
    await anyio.sleep(0.1)
    ended = len(allowed)
    await anyio.sleep(0.1)
    assert len(allowed) == ended
