"""Logs: one line for each request, harmless whatever a caller writes."""

import io
import json
import logging
import socket
from collections.abc import Iterator
from contextlib import redirect_stderr
from typing import Any

import pytest
import structlog

from server.observe.logs import configure_logging, log_request, plain
from server.observe.settings import ObserveSettings

ITEM_ROUTE = "/stac/collections/{collection_id}/items/{item_id}"


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Loggers are those of the whole process."""
    loggers = [
        logging.getLogger(name)
        for name in (
            *(None, "uvicorn", "uvicorn.error", "uvicorn.access", "worldstrat.requests"),
            *("catalog", "infra", "ingest", "server", "superres", "worldstrat"),
        )
    ]
    before = [(logger.handlers, logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
    structlog.reset_defaults()


def _logged(form: str, say: Any) -> str:
    with redirect_stderr(io.StringIO()) as output:
        configure_logging(ObserveSettings(log_format=form))
        say()
    return output.getvalue()


@pytest.mark.usefixtures("logging_as_before")
def test_a_library_is_heard_where_something_is_wrong_and_where_all_is_asked_for() -> None:
    def say() -> None:
        logging.getLogger("titiler.core").info("opening data with reader")
        logging.getLogger("titiler.core").warning("something is wrong")
        logging.getLogger("server.lifespan").info("ours")
        log_request(logging.INFO, {"client": "127.0.0.1"})

    said = [json.loads(line) for line in _logged("json", say).splitlines()]
    assert [line["event"] for line in said] == ["something is wrong", "ours", "request"]

    with redirect_stderr(io.StringIO()) as output:
        configure_logging(ObserveSettings(log_format="json", log_level="debug"))
        say()
    assert "opening data" in output.getvalue()


def test_a_request_is_one_line_of_json_with_what_was_asked_and_how_it_went(observed: Any) -> None:
    answer = observed.client.get(
        "/stac/search?limit=1&token=next:secret",
        headers={"X-Request-ID": "my-request.1", "Authorization": "Basic c2Vj"},
    )

    line = observed.request("my-request.1")

    assert answer.headers["x-request-id"] == "my-request.1"
    assert {key: line[key] for key in ("method", "route", "status", "client", "level")} == {
        "method": "GET",
        "route": "/stac/search",
        "status": answer.status_code,
        "client": "127.0.0.1",
        "level": "info",
    }
    assert line["bytes"] == int(answer.headers.get("content-length", line["bytes"]))
    assert 0 < line["ms"] < 60_000
    assert len(line["trace_id"]) == 32
    log = observed.log.read_text()
    assert "secret" not in log
    assert "c2Vj" not in log


def test_a_route_is_logged_and_never_the_path(observed: Any) -> None:
    observed.client.get("/stac/collections/none/items/some-unusual-name", headers={"X-Request-ID": "item-request"})
    observed.client.get("/some-unusual-path", headers={"X-Request-ID": "no-request"})

    assert observed.request("item-request")["route"] == ITEM_ROUTE
    assert observed.request("item-request")["status"] == 404
    assert observed.request("no-request")["route"] == "(nothing)"
    assert "some-unusual" not in observed.log.read_text()


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 65, "with space", 'quote"quote', "new\nline", "ümlaut-ümlaut", "../../etc/passwd"]
)
def test_an_id_that_is_not_sane_is_replaced(observed: Any, given: str) -> None:
    host, port = observed.client.base_url.host, observed.client.base_url.port
    with socket.create_connection((host, port)) as connection:
        named = given.replace("\n", "\r\n").encode()
        connection.sendall(
            b"GET /stac HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-ID: " + named + b"\r\n\r\n"
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    headers = answer.partition("\r\n\r\n")[0].lower()
    if "400 bad" not in headers:
        made = headers.partition("x-request-id: ")[2].split("\r\n")[0]
        assert made != given.lower()
        assert len(made) == 32


def test_probes_are_no_lines(observed: Any) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        observed.client.get(path, headers={"X-Request-ID": "probe-request"})
    observed.client.get("/stac", headers={"X-Request-ID": "after-probes"})
    observed.request("after-probes")

    assert "probe-request" not in observed.log.read_text()


@pytest.mark.usefixtures("logging_as_before")
@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_that_a_caller_wrote_begins_a_line_or_steers_a_terminal(form: str) -> None:
    evil = "a\r\nforged line\x1b[31mred\u2028next"

    def say() -> None:
        logging.getLogger("server.errors").error("No item %s", evil)
        log_request(logging.INFO, {"client": evil})
        try:
            int(evil)
        except ValueError:
            logging.getLogger("server.errors").exception("It failed for %s", evil)

    output = _logged(form, say)

    assert "forged line" in output
    for line in output.splitlines():
        assert not line.startswith(("forged", "next"))
        assert "\x1b[31mred" not in line
    if form == "json":
        events = [json.loads(line) for line in output.splitlines()]
        assert len(events) == 3
        assert "Traceback" in events[2]["exception"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET /assets/a?sig=abc&x=1", "GET /assets/a?sig=***&x=1"),
        (
            "https://b/c?X-Amz-Signature=abc&X-Amz-Credential=def",
            "https://b/c?X-Amz-Signature=***&X-Amz-Credential=***",
        ),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("postgresql://user:password@host/db", "postgresql://user:***@host/db"),
        ("token=abc password=def", "token=*** password=***"),
        ("three items of worldstrat-spot", "three items of worldstrat-spot"),
    ],
)
def test_what_lets_someone_in_is_not_logged(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.usefixtures("logging_as_before")
def test_a_terminal_gets_lines_for_people_and_a_file_lines_for_programs() -> None:
    def say() -> None:
        logging.getLogger("uvicorn.error").info("Uvicorn running on http://127.0.0.1:1")
        logging.getLogger("uvicorn.access").info("GET /secret")

    for form in ("json", "console", "auto"):
        output = _logged(form, say)
        assert "running on http" in output  # what `worldstrat up` waits for
        assert "secret" not in output
        assert output.startswith("{") == (form != "console")
