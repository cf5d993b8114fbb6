"""Clients that are slow on purpose."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from server.limits.protocol import MOST_HEAD, TimedProtocol

LARGE = b"x" * 20_000_000


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body", False):
        pass
    body = LARGE if scope["path"] == "/large" else b"ok"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


class Impatient(TimedProtocol):
    request_seconds = 0.6
    stall_seconds = 0.4


@pytest.fixture
def server() -> Iterator[tuple[uvicorn.Server, int]]:
    """A server with little patience, and its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener, _running(listener) as server:
        yield server, listener.getsockname()[1]


@contextmanager
def _running(listener: socket.socket) -> Iterator[uvicorn.Server]:
    server = uvicorn.Server(uvicorn.Config(_app, log_level="critical", http=Impatient, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server
    server.should_exit = True
    thread.join(timeout=10)


def _connections(server: uvicorn.Server, at_most: int, seconds: float) -> int:
    deadline = time.monotonic() + seconds
    while len(server.server_state.connections) > at_most and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(server.server_state.connections)


def test_two_hundred_slow_heads_are_closed_in_time_and_disturb_nobody(server: tuple[uvicorn.Server, int]) -> None:
    """By itself uvicorn would keep them for ever: it has no time for a request."""
    process, port = server
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(200)]
        for connection in slow:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        for _ in range(3):  # a byte from time to time buys no time
            time.sleep(0.1)
            for connection in slow:
                connection.sendall(b"a")

        begin = time.monotonic()
        assert httpx.get(f"http://127.0.0.1:{port}/").text == "ok"
        assert time.monotonic() - begin < 0.5

        assert _connections(process, at_most=1, seconds=3) <= 1
        slow[0].settimeout(2)
        assert slow[0].recv(100).startswith(b"HTTP/1.1 408")


def test_a_body_that_does_not_come_is_not_waited_for(server: tuple[uvicorn.Server, int]) -> None:
    process, port = server
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
        slow.settimeout(3)

        assert slow.recv(100).startswith(b"HTTP/1.1 408")
        assert _connections(process, at_most=0, seconds=2) == 0


def test_a_head_of_a_megabyte_is_refused(server: tuple[uvicorn.Server, int]) -> None:
    _, port = server
    with socket.create_connection(("127.0.0.1", port)) as rude:
        rude.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * (4 * MOST_HEAD))
        rude.settimeout(2)

        assert rude.recv(100).startswith(b"HTTP/1.1 431")


def test_a_head_that_follows_another_request_is_no_longer_than_a_first_one(server: tuple[uvicorn.Server, int]) -> None:
    _, port = server
    with socket.create_connection(("127.0.0.1", port)) as rude:
        rude.settimeout(2)
        rude.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert rude.recv(1000).endswith(b"ok")
        rude.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * (MOST_HEAD + 10))

        assert rude.recv(100).startswith(b"HTTP/1.1 431")


def test_a_body_behind_another_request_is_not_taken_for_a_head(server: tuple[uvicorn.Server, int]) -> None:
    """As it comes where a client sends on before an early answer's request was read to its end."""
    _, port = server
    body, head = b"a" * (3 * MOST_HEAD), b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(2)
        client.sendall(head + b"1\r\n\r\nb" + head + b"%d\r\n\r\n" % len(body))
        time.sleep(0.1)
        client.sendall(body)
        time.sleep(0.2)
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answers = b"".join(iter(lambda: client.recv(65_536), b""))

    assert answers.count(b"HTTP/1.1 200") == 3
    assert b"431" not in answers


def test_a_request_behind_another_is_not_waited_for_either(server: tuple[uvicorn.Server, int]) -> None:
    process, port = server
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.settimeout(3)
        slow.sendall(head + b"1\r\n\r\nb" + head + b"100\r\n\r\nabc")
        assert slow.recv(1000).endswith(b"ok")

        assert slow.recv(100).startswith(b"HTTP/1.1 408")
        assert _connections(process, at_most=0, seconds=4) == 0


def test_an_answer_that_is_not_taken_is_dropped(server: tuple[uvicorn.Server, int]) -> None:
    process, port = server
    with socket.create_connection(("127.0.0.1", port)) as greedy:
        greedy.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.1)
        assert len(process.server_state.connections) == 1

        assert _connections(process, at_most=0, seconds=3) == 0


def test_a_slow_reader_that_gets_on_is_served_to_the_end(server: tuple[uvicorn.Server, int]) -> None:
    _, port = server
    with httpx.stream("GET", f"http://127.0.0.1:{port}/large") as answer:
        size = 0
        for piece in answer.iter_raw(1_000_000):
            size += len(piece)
            time.sleep(0.05)

    assert size == len(LARGE)


def test_one_connection_may_be_used_for_longer_than_one_request_may_take(server: tuple[uvicorn.Server, int]) -> None:
    _, port = server
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(5):
            assert client.get("/").text == "ok"
            assert client.post("/", content=b"a" * 100_000).text == "ok"
            time.sleep(0.25)
