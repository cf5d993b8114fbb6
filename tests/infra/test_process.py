"""Daemons: found again by pid and birth, stopped for sure."""

import os
import sys
import time
from pathlib import Path

import pytest

from infra.errors import MissingProgramError
from infra.ports import free_port, is_free
from infra.process import Daemon, adopt, birth_of, is_alive, last_words, spawn, stop

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


def test_a_pid_that_was_given_to_another_process_is_not_ours() -> None:
    assert not is_alive(Daemon(os.getpid(), "another-birth"))
    mine = adopt(os.getpid())
    assert mine is not None
    assert is_alive(mine)


def test_a_daemon_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    daemon = spawn([sys.executable, "-c", STUBBORN], log=log)
    while "ready" not in log.read_text():
        time.sleep(0.01)
    stop(daemon, timeout=0.3)
    assert not is_alive(daemon)
    assert birth_of(daemon.pid) is None


def test_a_daemon_has_a_session_of_its_own(tmp_path: Path) -> None:
    daemon = spawn(["sleep", "60"], log=tmp_path / "log")
    assert os.getsid(daemon.pid) == daemon.pid
    stop(daemon)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingProgramError, match="no-such-program is not installed"):
        spawn(["no-such-program"], log=tmp_path / "log")


def test_the_last_words_of_a_log_are_its_errors(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("ok\nFATAL:  disk full\nLOG:  shutting down\n")
    assert last_words(log) == "FATAL:  disk full"
    assert last_words(log, offset=log.stat().st_size) == ""
    assert last_words(tmp_path / "none") == ""


def test_a_free_port_is_the_remembered_one_when_that_is_free() -> None:
    port = free_port()
    assert is_free(port)
    assert free_port(port) == port
