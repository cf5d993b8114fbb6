"""What every request leaves behind: an id, a line of log, counts and, where wanted, a trace."""

import logging
import time
from dataclasses import dataclass
from functools import lru_cache

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.limits.client import counted_name
from server.observe.ids import HEADER, request_id
from server.observe.logs import log_request
from server.observe.metrics import BUSY, REQUESTS, SECONDS, SENT
from server.observe.routes import route_of
from server.observe.traces import serve_traced, trace_id

HUNG_UP = 499
"""What is written down of a request whose client went before the answer; the name that nginx made for it."""
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Routes that are asked every few seconds, and not worth a line each."""

_ID_HEADER = HEADER.lower().encode()


@dataclass(slots=True)
class _Answer:
    """What was answered so far."""

    status: int = HUNG_UP
    size: int = 0


class RequestMiddleware:
    """Give each request an id, and write down how it went: method, route, status, time, bytes, client."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; write down its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin = time.perf_counter()
        name = request_id(scope["headers"])
        scope.setdefault("state", {})["request_id"] = name
        header = _ID_HEADER, name.encode()
        answer = _Answer()

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            elif message["type"] == "http.response.body":
                answer.size += len(message.get("body", b""))
            await send(message)

        BUSY.inc()
        with structlog.contextvars.bound_contextvars(request_id=name):
            try:
                await serve_traced(self.app, scope, receive, send_named, lambda: answer.status)
            except Exception:
                # Starlette answers what nobody foresaw outside of here.
                answer.status = 500
                raise
            finally:
                BUSY.dec()
                write_down(scope, answer.status, answer.size, time.perf_counter() - begin)


def write_down(scope: Scope, status: int, size: int, seconds: float) -> None:
    """Count a request and log it."""
    route, method = route_of(scope), scope["method"]
    if method not in _METHODS:
        method = "OTHER"
    requests, times, sent = _counters(method, route, status // 100)
    requests.inc()
    times.observe(seconds)
    sent.inc(size)
    told = {
        "request_id": scope["state"]["request_id"],
        "method": method,
        "route": route,
        "status": status,
        "ms": round(seconds * 1000, 1),
        "bytes": size,
        "client": counted_name(scope),
    }
    if trace := trace_id(scope):
        told["trace_id"] = trace
    log_request(logging.DEBUG if route in PROBES else logging.INFO, told)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@lru_cache(maxsize=4096)
def _counters(method: str, route: str, kind: int) -> tuple[Counter, Histogram, Counter]:
    """Return what counts requests of a route; to find them by their labels takes longer than to count."""
    return REQUESTS.labels(method, route, f"{kind}xx"), SECONDS.labels(route), SENT.labels(route)
