"""A server whose log, counters and traces are looked at."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from infra.databases import database_env
from infra.ports import free_port
from infra.stores import store_env

COMMAND = [sys.executable, "-c", "from server.cli import serve; serve()"]
TOKEN = "a-token-for-prometheus"


@dataclass(frozen=True)
class Span:
    """What a collector is told of a piece of work."""

    name: str
    trace: str
    id: str
    parent: str
    service: str
    attributes: dict[str, Any]


@dataclass
class Collector:
    """What was told so far."""

    url: str
    spans: list[Span] = field(default_factory=list)

    def wait_for(self, trace: str, enough: Callable[[list[Span]], bool]) -> list[Span]:
        """Return the spans of a trace once they are enough."""
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            found = [span for span in self.spans if span.trace == trace]
            if enough(found):
                return found
            time.sleep(0.1)
        pytest.fail(f"of trace {trace} came only {[span.name for span in self.spans if span.trace == trace]}")


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """A collector of OTLP over HTTP that decodes what it gets."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces"
            request = ExportTraceServiceRequest()
            request.ParseFromString(body)
            found.spans.extend(_spans(request))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        facts = {each.key: each.value.string_value for each in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                told = {each.key: each.value.string_value or each.value.int_value for each in span.attributes}
                yield Span(
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    facts["service.name"],
                    told,
                )


@dataclass(frozen=True)
class Observed:
    """A running server."""

    client: httpx.Client
    log: Path
    collector: Collector
    token: str

    def lines(self) -> list[dict[str, Any]]:
        """Return the events in its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def request(self, name: str) -> dict[str, Any]:
        """Return the line of a request."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            for line in self.lines():
                if line["event"] == "request" and line["request_id"] == name:
                    return line
            time.sleep(0.05)
        pytest.fail(f"no line of the request {name}")


def environment(catalog: Any, **given: str) -> dict[str, str]:
    """Return what a server is told."""
    return {**os.environ, **database_env(catalog.database), **store_env(catalog.store), **given}


def start(log: Path, told: dict[str, str], *options: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start a server and wait until it answers; return it and its address."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen([*COMMAND, "--port", str(port), *options], env=told, stdout=output, stderr=output)
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return process, f"http://127.0.0.1:{port}"
    pytest.fail("the server does not answer")


@pytest.fixture(scope="session")
def observed(catalog: Any, collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """The small dataset, served by a process that logs JSON and sends traces."""
    log = tmp_path_factory.mktemp("observed") / "server.log"
    told = environment(
        catalog,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_BSP_SCHEDULE_DELAY="100",
        WORLDSTRAT_METRICS_TOKEN=TOKEN,
    )
    process, url = start(log, told)
    with httpx.Client(base_url=url, timeout=60) as client:
        yield Observed(client, log, collector, TOKEN)
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture
def start_server(catalog: Any, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start servers of the small dataset with options of the command; they stop with the test."""
    processes = []

    def begin(*options: str, **given: str) -> str:
        process, url = start(tmp_path / "server.log", environment(catalog, **given), *options)
        processes.append(process)
        return url

    yield begin
    for process in processes:
        process.terminate()
        process.wait(timeout=30)
