"""Costly requests: each waits for its turn, and ends with its client."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import error_response
from server.limits.costs import Cost, cost_of
from server.limits.gone import Client
from server.limits.turns import NoTurnError, Turnstile, Turnstiles
from server.observe.metrics import CANCELLED, REFUSED

_NO_BODY: Message = {"type": "http.request", "body": b"", "more_body": False}


class WorkMiddleware:
    """Let requests wait for their turn, and stop what nobody waits for.

    It stands behind what reads bodies, so that nobody who has a turn still dictates.
    """

    def __init__(self, app: ASGIApp, *, turnstiles: Turnstiles) -> None:
        self.app = app
        self.turnstiles = turnstiles

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on in its turn."""
        cost = cost_of(scope) if scope["type"] == "http" else None
        # Assets watch their clients themselves, and take no work but sending.
        if cost is None or cost.rate in {None, "asset"}:
            await self.app(scope, receive, send)
            return
        # A body that came with a GET is not even read.
        first = _NO_BODY if scope["method"] in {"GET", "HEAD"} else await receive()
        if not await Client(receive, send, first).serve(self._work(cost, scope)):
            CANCELLED.labels(cost.rate).inc()

    def _work(self, cost: Cost, scope: Scope) -> Callable[[Receive, Send], Awaitable[None]]:
        turnstile = self.turnstiles[cost.turn] if cost.turn else None

        async def work(receive: Receive, send: Send) -> None:
            if turnstile is None:
                await self.app(scope, receive, send)
                return
            try:
                await turnstile.enter()
            except NoTurnError as error:
                REFUSED.labels(cost.rate, "busy").inc()
                refusal = error_response(HTTPStatus.SERVICE_UNAVAILABLE, "Busy", str(error))
                await refusal(scope, receive, send)
            else:
                await self._in_turn(turnstile, scope, receive, send)

        return work

    async def _in_turn(self, turnstile: Turnstile, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and give the turn back when the answer begins: how long a client reads is its own affair."""
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                turnstile.leave()

        async def send_out_of_turn(message: Message) -> None:
            leave()
            await send(message)

        try:
            await self.app(scope, receive, send_out_of_turn)
        finally:
            leave()
