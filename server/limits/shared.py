"""How many requests of a client there were lately at all servers together, counted in Redis."""

import asyncio
import logging
import time
from typing import Any, Final

from limits.aio.storage import RedisStorage
from limits.errors import ConfigurationError

from server.limits.windows import MemoryWindows, Quota, Taken, weigh

ANSWER_SECONDS: Final = 0.25
"""How long Redis has to answer: a request waits for it."""
RETRY_SECONDS: Final = 5.0
"""How long a Redis that did not answer is not asked."""

logger = logging.getLogger(__name__)


class SharedWindows:
    """Counts in Redis by one script a request; while Redis does not answer, in memory."""

    def __init__(self, url: str) -> None:
        """Prepare; nothing is connected yet.

        Raises:
            ConfigurationError: the extra `redis` is not installed.
        """
        self._storage = RedisStorage(
            f"async+{url}",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix="worldstrat",
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
        )
        self._alone = MemoryWindows()
        self._down_until = 0.0
        self._down = False

    async def take(self, client: str, quota: Quota) -> Taken:
        """Count a request of a client."""
        if time.monotonic() < self._down_until:
            return await self._alone.take(client, quota)
        try:
            async with asyncio.timeout(2 * ANSWER_SECONDS):
                taken = await self._ask(f"{quota.name}/{client}", quota)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with Redis, requests are answered
            self._note_loss(error)
            return await self._alone.take(client, quota)
        if self._down:
            self._down = False
            logger.info("Redis answers again: requests are counted for all servers together.")
        return taken

    async def close(self) -> None:
        """Close the connections."""
        bridge: Any = self._storage.bridge  # its type names no client
        await bridge.storage.aclose()

    async def _ask(self, key: str, quota: Quota) -> Taken:
        allowed = await self._storage.acquire_sliding_window_entry(key, quota.limit, quota.seconds)
        previous, share, current, lives = await self._storage.get_sliding_window(key, quota.seconds)
        left = max(0.0, lives - quota.seconds) if current else share
        return weigh(quota, previous, current, left, allowed=allowed)

    def _note_loss(self, error: Exception) -> None:
        self._down_until = time.monotonic() + RETRY_SECONDS
        if not self._down:
            self._down = True
            logger.warning("Redis does not answer (%s): each process counts requests alone.", type(error).__name__)


__all__ = ["ConfigurationError", "SharedWindows"]
