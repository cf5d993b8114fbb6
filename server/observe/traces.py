"""Traces of OpenTelemetry: of a request, the database, the store and the worker. Nothing is loaded unless wanted."""

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Receive, Scope, Send

from server.observe.routes import route_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

logger = logging.getLogger(__name__)

SERVICE = "service.name"
"""The attribute that names what spans are of."""

STATEMENT = "db.statement"
"""The attribute that holds SQL."""

_LITERAL = re.compile(r"'(?:[^']|'')*'")
_NOTHING: AbstractContextManager[None] = nullcontext()


class _Tracing:
    """The tracer of this process, None where nothing is traced."""

    tracer: "Tracer | None" = None


def start_tracing(service: str = "worldstrat", *, database: bool = True) -> bool:
    """Trace from now on where OTEL_EXPORTER_OTLP_ENDPOINT names a collector; return whether that is so.

    Args:
        service: what the spans are of, unless OTEL_SERVICE_NAME says it.
        database: trace what the database is asked, too.
    """
    if _Tracing.tracer is not None:
        return True
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return False
    try:
        provider = _create_provider(service)
        if database:
            _trace_database(provider)
    except ImportError:
        logger.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, but the extra `telemetry` is not installed: no traces.")
        return False
    _Tracing.tracer = provider.get_tracer("worldstrat", version("worldstrat"))
    return True


def _create_provider(service: str) -> "TracerProvider":
    # Of an extra, and a tenth of a second.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(
        resource=Resource.create(
            {SERVICE: os.environ.get("OTEL_SERVICE_NAME", service), "service.version": version("worldstrat")}
        )
    )

    class WithoutValues(SpanProcessor):
        """Takes out of statements what pgSTAC writes into them: callers' values."""

        def on_start(self, span: Any, parent_context: Any = None) -> None:  # noqa: ARG002 - the interface's
            if statement := (span.attributes or {}).get(STATEMENT):
                span.set_attribute(STATEMENT, _LITERAL.sub("'…'", statement))

    provider.add_span_processor(WithoutValues())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _trace_database(provider: "TracerProvider") -> None:
    """Give every statement a span, without its values: those are the callers'."""
    from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor  # noqa: PLC0415 - of an extra
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor  # noqa: PLC0415 - of an extra

    AsyncPGInstrumentor().instrument(tracer_provider=provider)  # type: ignore[no-untyped-call]
    PsycopgInstrumentor().instrument(tracer_provider=provider)


def span(name: str, **attributes: str | float | bool) -> AbstractContextManager[Any]:
    """Return what marks a piece of work in the trace; nothing where nothing is traced."""
    tracer = _Tracing.tracer
    if tracer is None:
        return _NOTHING
    return tracer.start_as_current_span(name, attributes=attributes)


async def serve_traced(app: ASGIApp, scope: Scope, receive: Receive, send: Send, status: Callable[[], int]) -> None:
    """Pass a request on within a span of its own; a proxy of ours may have begun the trace.

    Args:
        app: what answers.
        scope: of the request.
        receive: of the request.
        send: of the request.
        status: tells the status of the answer afterwards.
    """
    tracer = _Tracing.tracer
    if tracer is None:
        await app(scope, receive, send)
        return
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 - of an extra

    with tracer.start_as_current_span(scope["method"], _context(scope), SpanKind.SERVER) as root:
        scope["state"]["trace_id"] = f"{root.get_span_context().trace_id:032x}"
        code = 500
        try:
            await app(scope, receive, send)
            code = status()
        finally:
            _describe(root, scope, code)


def trace_id(scope: Scope) -> str | None:
    """Return the id of the trace of a request, None where it has none."""
    found: str | None = scope["state"].get("trace_id")
    return found


def carrier() -> dict[str, str]:
    """Return what takes the current trace to another process: empty where nothing is traced."""
    headers: dict[str, str] = {}
    if _Tracing.tracer is not None:
        from opentelemetry.propagate import inject  # noqa: PLC0415 - of an extra

        inject(headers)
    return headers


@contextmanager
def carried_span(name: str, carried: Mapping[str, str], **attributes: str | float | bool) -> Iterator[None]:
    """Mark a piece of work in the trace that another process began."""
    tracer = _Tracing.tracer
    if tracer is None:
        yield
        return
    from opentelemetry.propagate import extract  # noqa: PLC0415 - of an extra

    with tracer.start_as_current_span(name, extract(carried), attributes=attributes):
        yield


def _context(scope: Scope) -> Any:
    """Return the trace that a proxy of ours began. Strangers begin none: they would choose what is recorded."""
    if not scope["state"].get("trusted", False):
        return None
    from opentelemetry.propagate import extract  # noqa: PLC0415 - of an extra

    names = {b"traceparent", b"tracestate"}
    return extract({name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in names})


def _describe(root: "Span", scope: Scope, status: int) -> None:
    """Say what was asked, by route and never by path or query: those may hold a signature."""
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - of an extra

    route = route_of(scope)
    root.update_name(f"{scope['method']} {route}")
    root.set_attributes(
        {
            "http.request.method": scope["method"],
            "http.route": route,
            "http.response.status_code": status,
            "worldstrat.request_id": scope["state"]["request_id"],
        }
    )
    if status >= 500:  # noqa: PLR2004 - the server's fault
        root.set_status(StatusCode.ERROR)
