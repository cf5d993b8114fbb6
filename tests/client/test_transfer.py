"""Transfers from a server that breaks lines, spoils bytes and refuses."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import httpx
import numpy as np
import pytest

from client.download.choice import Wanted
from client.download.transfer import ATTEMPTS, Transfer
from client.errors import DownloadError

CONTENT = np.random.default_rng(5).bytes(300_000)


class Naughty(BaseHTTPRequestHandler):
    """Serves `CONTENT`, and does to each request what the next word of the script says."""

    script: ClassVar[list[str]] = []
    asked: ClassVar[list[str | None]] = []
    ranges: ClassVar[bool] = True

    def do_GET(self) -> None:
        word = self.script.pop(0) if self.script else "whole"
        given = self.headers.get("Range")
        self.asked.append(given)
        start = int(given.removeprefix("bytes=").rstrip("-")) if given and self.ranges else 0
        start = start // 2 if word == "elsewhere" else start
        if word.isdecimal():
            self.send_response(int(word))
            self.send_header("Content-Length", "0")
            self.send_header("Retry-After", "0")
            self.end_headers()
            return
        body = bytearray(CONTENT[start:])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        if word == "spoil":
            body[len(body) // 2] ^= 1
        self.wfile.write(body[: len(body) // 2] if word == "break" else body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def naughty(*script: str, ranges: bool = True) -> Iterator[str]:
    Naughty.script[:], Naughty.asked[:], Naughty.ranges = script, [], ranges
    server = ThreadingHTTPServer(("127.0.0.1", 0), Naughty)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/file.tif"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def transfer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Transfer]:
    monkeypatch.setattr("client.download.transfer._PAUSE", 0.001)
    with httpx.Client(timeout=5) as client:
        yield Transfer(client)


def wanted(url: str) -> Wanted:
    return Wanted("data", url, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def test_a_broken_line_is_taken_up_where_it_broke(transfer: Transfer) -> None:
    with naughty("break", "break") as url:
        assert transfer.get(wanted(url)) == CONTENT
    assert Naughty.asked == [None, "bytes=150000-", "bytes=225000-"]


def test_a_server_without_ranges_is_asked_for_all_again(transfer: Transfer) -> None:
    with naughty("break", ranges=False) as url:
        assert transfer.get(wanted(url)) == CONTENT


def test_a_server_that_sends_another_part_is_asked_for_all_again(transfer: Transfer) -> None:
    with naughty("break", "elsewhere") as url:
        assert transfer.get(wanted(url)) == CONTENT
    assert Naughty.asked == [None, "bytes=150000-", None]


def test_halves_that_nothing_could_tell_apart_are_not_put_together(transfer: Transfer) -> None:
    with naughty("break") as url:
        assert transfer.get(Wanted("data", url)) == CONTENT
    assert Naughty.asked == [None, None]


def test_a_part_that_there_is_not_is_no_reason_to_give_up(transfer: Transfer) -> None:
    with naughty("break", "416") as url:
        assert transfer.get(wanted(url)) == CONTENT


@pytest.mark.parametrize("href", ["file:///etc/passwd", "./data.tif", "s3://bucket/data.tif", "http://host:port/"])
def test_what_is_no_address_on_the_web_is_told_at_once(transfer: Transfer, href: str) -> None:
    with pytest.raises(DownloadError, match="is no address on the web"):
        transfer.get(wanted(href))


def test_a_download_that_is_stopped_ends_between_two_attempts() -> None:
    stop = threading.Event()
    stop.set()
    with naughty("break") as url, httpx.Client(timeout=5) as client, pytest.raises(DownloadError, match="interrupted"):
        Transfer(client, stop).get(wanted(url))
    assert len(Naughty.asked) == 1


def test_a_spoilt_byte_is_found_and_fetched_again(transfer: Transfer) -> None:
    with naughty("spoil") as url:
        assert transfer.get(wanted(url)) == CONTENT
    assert Naughty.asked == [None, None]


@pytest.mark.parametrize("status", ["403", "429", "500", "503"])
def test_a_refusal_that_may_pass_is_waited_for(transfer: Transfer, status: str) -> None:
    with naughty(status, status) as url:
        assert transfer.get(wanted(url)) == CONTENT


def test_a_file_that_is_not_there_is_told_at_once(transfer: Transfer) -> None:
    with naughty("404") as url, pytest.raises(DownloadError, match=r"file\.tif: the server answered 404"):
        transfer.get(wanted(url))
    assert len(Naughty.asked) == 1


def test_a_server_that_always_sends_other_bytes_is_given_up(transfer: Transfer) -> None:
    with naughty(*["spoil"] * ATTEMPTS) as url, pytest.raises(DownloadError, match="another checksum"):
        transfer.get(wanted(url))


def test_a_file_that_never_ends_is_cut_off(transfer: Transfer) -> None:
    with naughty() as url, pytest.raises(DownloadError, match="more bytes than the item says"):
        transfer.get(Wanted("data", url, 1000, "00"))
