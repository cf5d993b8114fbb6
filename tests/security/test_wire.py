"""Below HTTP's surface: messages of two meanings, headers without end, clients that lie about lengths."""

import re

import pytest

from tests.security.conftest import Target
from tests.security.wire import Attack, Wire

SMUGGLED = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
"""A request hidden in the body of another; its answer would be that of somebody else's request."""


def statuses(target: Target, data: str) -> list[int]:
    """Return the statuses of all that a server answers to some bytes."""
    received = Wire(target.url).send_raw(data.encode("latin-1"))
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Content-Length: 5 5",
        "Content-Length: -1",
        "Content-Length: 0x5",
        "Content-Length: 99999999999999999999999999",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\x0bchunked",
        "X: a\r\n b: c\r\nContent-Length: 0",
        "X\x00: a",
        "X: a\x00b",
        ": a",
    ],
)
def test_a_message_of_two_meanings_is_no_two_requests(target: Target, head: str) -> None:
    found = statuses(target, f"POST /stac/search HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n0\r\n\r\n{SMUGGLED}")

    assert len(found) <= 1, found
    assert all(400 <= status < 500 for status in found), found


@pytest.mark.parametrize(
    "line",
    [
        "GET  / HTTP/1.1",
        "GET / HTTP/9.9",
        "GET / HTTP/1.1 HTTP/1.1",
        "GET http://127.0.0.1:1/ HTTP/1.1",
        "GET /\x00 HTTP/1.1",
        "GET /\xff HTTP/1.1",
        "CONNECT 127.0.0.1:1 HTTP/1.1",
        "PRI * HTTP/2.0",
        "OPTIONS * HTTP/1.1",
        "\x16\x03\x01\x02\x00\x01\x00",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b",
        "GET /stac HTTP/1.0",
        "get",
    ],
)
def test_a_line_that_is_no_request_is_refused_or_answered_once(target: Target, line: str) -> None:
    found = statuses(target, f"{line}\r\nConnection: close\r\n\r\n")

    assert len(found) <= 1, found
    assert all(status < 500 for status in found), found


@pytest.mark.parametrize("count", [100, 2000])
@pytest.mark.parametrize("length", [10, 1000])
def test_headers_without_end_are_refused_or_ignored(target: Target, count: int, length: int) -> None:
    head = "".join(f"X-{number}: {'a' * length}\r\n" for number in range(count))
    found = statuses(target, f"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{head}\r\n")

    # One that hangs up while we still write leaves nothing to read.
    assert found in ([200], [400], [413], [431], [])


@pytest.mark.parametrize("query", ["a" * 60_000, "&".join(f"a{n}=1" for n in range(8000)), "%" * 5000, "a[]" * 9000])
def test_a_gigantic_query_is_refused_or_ignored(target: Target, query: str) -> None:
    with Wire(target.url) as wire:
        for path in ("/healthz", "/stac/search"):
            assert wire.ask(Attack("query", f"{path}?{query}")).status in {200, 400, 404, 414, 431}


def test_a_packed_body_stays_packed(target: Target) -> None:
    """Nothing here unpacks a request: a bomb is so many bytes that are no JSON."""
    with Wire(target.url) as wire:
        attack = Attack("bomb", "/stac/search", "POST", {"Content-Encoding": "gzip"}, b"\x1f\x8b" + bytes(1000))
        assert wire.ask(attack).status in {400, 415}


def test_thousands_of_keys_of_one_hash_cost_no_more_than_others(target: Target) -> None:
    body = ("{" + ",".join(f'"{number}":1' for number in range(60_000)) + "}").encode()
    with Wire(target.url) as wire:
        assert (
            wire.ask(Attack("flood", "/stac/search", "POST", {"Content-Type": "application/json"}, body)).status < 500
        )


def test_what_is_asked_leaves_one_line_in_the_log(target: Target) -> None:
    forged = "2026-01-01 forged line of the log"
    with Wire(target.url) as wire:
        for bait in (f"%0d%0a{forged}", f"%0a{forged}", f"%1b[2J{forged}", f"%e2%80%a8{forged}", f"%c2%85{forged}"):
            wire.ask(Attack("log", f"/stac/collections/x{bait.replace(' ', '%20')}?q={bait.replace(' ', '%20')}"))
        wire.ask(Attack("log", "/healthz", headers={"User-Agent": f"a\x1b[2J{forged}", "X-Request-Id": f"a{forged}"}))

    assert not [line for line in target.log.splitlines() if line.lstrip("\x1b[2J").startswith(forged)]
    assert "\x1b[2J" not in target.log
