"""`/metrics`: who may read it, and the counters of one process or of all."""

import os
import secrets
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from server.errors import error_response
from server.observe.gauges import look
from server.observe.settings import ObserveSettings

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder in which the processes of a server put their counters together."""


def add_metrics(app: FastAPI, settings: ObserveSettings) -> None:
    """Add the endpoint."""

    @app.get(
        "/metrics",
        tags=["Health"],
        summary="Counters for Prometheus",
        response_class=PlainTextResponse,
        responses={
            401: {"description": "The operator's token is needed."},
            403: {"description": "Only programs on the server's machine may read this."},
        },
    )
    async def metrics(request: Request) -> Response:
        """Count what the server did, in the text format of Prometheus, of all its processes together.

        For programs on the server's machine, and for those who have the operator's token.
        """
        refusal = _refusal(request, settings)
        if refusal:
            return refusal
        look(request.app)
        return PlainTextResponse(exposition(), media_type=CONTENT_TYPE_LATEST)


def exposition() -> bytes:
    """Return the counters of this process, or of all that share a folder."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return generate_latest(REGISTRY)
    _forget_the_dead(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _refusal(request: Request, settings: ObserveSettings) -> Response | None:
    """Return why a caller may not read, None where it may."""
    if settings.metrics == "public" or (settings.metrics == "local" and request.scope["state"].get("local", False)):
        return None
    if settings.metrics == "off" or settings.metrics_token is None:
        msg = "The counters are for programs on the server's own machine: the operator set no WORLDSTRAT_METRICS_TOKEN."
        return error_response(HTTPStatus.FORBIDDEN, "Forbidden", msg)
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    token = settings.metrics_token.get_secret_value()
    if scheme.lower() == "bearer" and secrets.compare_digest(given.encode(), token.encode()):
        return None
    msg = "The counters are for those who have the operator's token."
    return error_response(HTTPStatus.UNAUTHORIZED, "Unauthorized", msg, {"WWW-Authenticate": "Bearer"})


def _forget_the_dead(folder: Path) -> None:
    """Drop the gauges of processes that ended: what they held is free."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):
                mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            continue  # it lives, as somebody else
