"""The soak can be trusted: what is planted is found."""

import asyncio
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from soak_faults import FAULTS, in_turn
from soak_load import Answer, Asker, Log, drive, mixed
from soak_memory import Memory, growth
from soak_page import BEGIN, END, update_page
from soak_questions import Oracle, Question, Verdict, is_clear
from soak_result import Inflicted, Result

from catalog.fingerprint import catalog_hash

PICTURE = bytes(range(256)) * 8
WRONG, UNCLEAR, CUT, CLEAR = 7, 11, 13, 5
"""Every how many answers are so."""
LEAK = "import time\nheld = []\nfor _ in range(60): held.append(bytearray(b'x' * 4_000_000)); time.sleep(0.1)"
STEADY = "import time\nheld = bytearray(b'x' * 80_000_000)\ntime.sleep(6)"


class Planted(BaseHTTPRequestHandler):
    """Answers one picture, and now and then something else."""

    count = itertools.count(1)
    whole = True

    def do_GET(self) -> None:
        number = 1 if self.whole else next(self.count)
        if number % CUT == 0:
            self.connection.close()
        elif number % UNCLEAR == 0:
            self._send(500, b"Internal Server Error")
        elif number % CLEAR == 0:
            self._send(503, b'{"code": "Away", "description": "The store is away."}', {"Retry-After": "5"})
        else:
            self._send(200, PICTURE if number % WRONG else PICTURE[:-1] + b"\0")

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def planted() -> Iterator[str]:
    """The address of a server that is whole until `Planted.whole` is False."""
    Planted.whole = True
    with ThreadingHTTPServer(("127.0.0.1", 0), Planted) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_planted_wrong_pixels_unclear_errors_and_cut_answers_are_found_and_counted(planted: str) -> None:
    with httpx.Client(base_url=planted) as client:
        oracle = Oracle.learn(client, [Question("tile, warm", "/a.png"), Question("tile, cold", "/b.png", cold=True)])
    Planted.whole = False
    log = Log()

    async def ask() -> None:
        asker, questions = Asker(planted, oracle, log), mixed(oracle, 1)
        await drive(asker, questions, 200, lambda: len(log.answers) >= 300, log)
        await asker.close()

    asyncio.run(ask())
    result = _result(log.answers)

    assert result.verdicts.keys() == {Verdict.RIGHT, Verdict.WRONG, Verdict.CLEAR, Verdict.UNCLEAR, Verdict.CUT}
    assert 20 < result.verdicts[Verdict.WRONG] < 60
    problems = "\n".join(result.problems())
    assert f"{result.verdicts[Verdict.WRONG]} answers wrong" in problems
    assert f"{result.verdicts[Verdict.UNCLEAR]} answers unclear" in problems
    assert "cut off though no process was killed" in problems
    assert "503" not in problems, "a clear error is none"


def test_an_error_is_clear_only_with_a_time_to_come_back_and_with_words() -> None:
    told = b'{"code": "Away", "description": "The store is away."}'
    assert is_clear({"retry-after": "5"}, told)
    assert not is_clear({}, told)
    assert not is_clear({"retry-after": "5"}, b"<html>")
    assert not is_clear({"retry-after": "5"}, b'{"detail": "no"}')
    oracle = Oracle({})
    assert oracle.questions == []


def test_a_planted_leak_is_found_and_a_steady_process_is_not_suspected() -> None:
    processes = [subprocess.Popen([sys.executable, "-c", code]) for code in (LEAK, STEADY)]
    try:
        with Memory(lambda: [process.pid for process in processes], every=0.2) as memory:
            time.sleep(5)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    leaking, steady = (growth(memory.samples[process.pid]) for process in processes)
    assert leaking is not None
    assert steady is not None
    assert not leaking.is_flat
    assert leaking.slope > 5e6
    assert steady.is_flat
    assert "memory grew" in "\n".join(_result([], growth=leaking).problems())
    assert _result([], growth=steady).problems() == []


def test_a_lost_item_is_found(ingested: Any) -> None:
    with psycopg.connect(ingested.database.dsn, options="-c search_path=pgstac,public") as connection:
        before = catalog_hash(connection)
        connection.execute("DELETE FROM items WHERE id = (SELECT id FROM items LIMIT 1)")
        after = catalog_hash(connection)
        connection.rollback()
        assert catalog_hash(connection) == before
    assert any("lost" in problem for problem in _result([], catalog=(before, after)).problems())


def test_recovery_is_the_time_from_the_end_of_a_fault_to_the_last_answer_that_was_not_right() -> None:
    fault = FAULTS["S3 away for 5 s"]
    answers = [
        Answer(10.0, 10.1, "item", Verdict.RIGHT, 200),
        Answer(14.0, 14.1, "item", Verdict.CLEAR, 503),
        Answer(14.9, 19.0, "item", Verdict.CLEAR, 503),  # asked while it lasted
        Answer(16.0, 16.5, "item", Verdict.CLEAR, 503),
        Answer(17.0, 17.1, "item", Verdict.RIGHT, 200),
    ]
    result = _result(answers, inflicted=[Inflicted(fault, 10.0, 15.0)])
    (after,) = result.aftermaths()
    assert after.recovery == pytest.approx(1.5)
    assert after.slowest == pytest.approx(4.1)
    assert result.problems() == []
    late = [*answers, Answer(29.0, 30.0, "item", Verdict.CLEAR, 503)]
    assert "recovered after 15.0 s" in _result(late, inflicted=result.inflicted).problems()[0]


def test_what_the_next_fault_caught_under_way_says_nothing_of_the_recovery_before() -> None:
    away, silent = FAULTS["S3 away for 5 s"], FAULTS["S3 silent for 15 s"]
    caught = Answer(69.9, 75.0, "item", Verdict.CLEAR, 503)
    result = _result([caught], inflicted=[Inflicted(away, 10.0, 15.0), Inflicted(silent, 70.0, 85.0)])
    assert [after.recovery for after in result.aftermaths()] == [0.0, 0.0]
    assert result.aftermaths()[1].verdicts[Verdict.CLEAR] == 1


def test_every_fault_has_its_turn_before_any_comes_again_and_a_seed_says_which() -> None:
    first = list(itertools.islice(in_turn(7), len(FAULTS)))
    assert {fault.name for fault in first} == FAULTS.keys()
    assert first == list(itertools.islice(in_turn(7), len(FAULTS))) != list(itertools.islice(in_turn(8), len(FAULTS)))


def test_the_page_keeps_what_is_around_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "reliability.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    update_page(page, _result([Answer(1.0, 1.1, "item", Verdict.RIGHT, 200)] * 3), 2)
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "Passed." in text
    assert "old" not in text
    with pytest.raises(ValueError, match="soak: begin"):
        update_page(tmp_path / "empty.md", _empty(tmp_path / "empty.md"), 2)


def _empty(page: Path) -> Result:
    page.write_text("nothing")
    return _result([])


def _result(answers: list[Answer], **given: Any) -> Result:
    facts: dict[str, Any] = {"inflicted": [], "growth": None, "catalog": ("a", "a")}
    return Result(20.0, 12.0, 0.0, 60.0, answers, 0, **(facts | given))
