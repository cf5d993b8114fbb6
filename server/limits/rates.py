"""How many requests a client may make: told with every answer, 429 beyond."""

import logging
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import error_response
from server.limits.client import counted_name
from server.limits.costs import Rate, cost_of
from server.limits.settings import LimitSettings
from server.limits.windows import MemoryWindows, Quota, Taken, Windows
from server.observe.metrics import REFUSED

logger = logging.getLogger(__name__)

Header = tuple[bytes, bytes]


def create_quotas(settings: LimitSettings) -> dict[Rate, Quota]:
    """Return the quotas of a client."""
    numbers: dict[Rate, int] = {
        "tile": settings.tiles,
        "asset": settings.assets,
        "search": settings.searches,
        "heavy": settings.heavy,
    }
    return {name: Quota(name, number, settings.seconds) for name, number in numbers.items()}


def create_windows(settings: LimitSettings) -> Windows:
    """Return what counts: Redis where one is named, else this process."""
    if settings.redis_url is None:
        return MemoryWindows()
    # The library and its driver are only there with the extra.
    from server.limits.shared import ConfigurationError, SharedWindows  # noqa: PLC0415

    try:
        return SharedWindows(settings.redis_url.get_secret_value())
    except ConfigurationError as error:
        logger.warning("Each process counts requests alone: %s", error)
        return MemoryWindows()


class RateLimitMiddleware:
    """Answer a client 429 that asks for more than its quota, and tell everyone what is left of theirs.

    The headers are those of draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy`, `RateLimit`; and `Retry-After`.
    """

    def __init__(self, app: ASGIApp, *, settings: LimitSettings) -> None:
        self.app = app
        self._windows = create_windows(settings)
        self._quotas = create_quotas(settings)
        self._policies = {
            name: (b"ratelimit-policy", f'"{name}";q={quota.limit};w={quota.seconds}'.encode())
            for name, quota in self._quotas.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the request, then pass it on or refuse it."""
        if scope["type"] == "lifespan":
            try:
                await self.app(scope, receive, send)
            finally:
                await self._windows.close()
            return
        rate = cost_of(scope).rate if scope["type"] == "http" else None
        if rate is None or scope.get("state", {}).get("local", False):
            await self.app(scope, receive, send)
            return
        taken = await self._windows.take(counted_name(scope), self._quotas[rate])
        told = [self._policies[rate], (b"ratelimit", f'"{rate}";r={taken.remaining};t={taken.reset}'.encode())]

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *told]
            await send(message)

        if taken.allowed:
            await self.app(scope, receive, send_told)
            return
        REFUSED.labels(rate, "rate").inc()
        await self._refusal(self._quotas[rate], taken)(scope, receive, send_told)

    def _refusal(self, quota: Quota, taken: Taken) -> ASGIApp:
        return error_response(
            HTTPStatus.TOO_MANY_REQUESTS,
            "TooManyRequests",
            f"A client has {quota.limit} requests of this kind ({quota.name}) in {quota.seconds} s. "
            f"Try again in {taken.retry} s.",
            {"Retry-After": str(taken.retry)},
        )
