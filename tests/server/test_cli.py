"""`worldstrat serve` as a person runs it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from infra.databases import database_env
from infra.ports import free_port
from infra.stores import store_env
from server.cli import serve

COMMAND = [sys.executable, "-c", "from server.cli import serve; serve()"]


def _environment(catalog: Any) -> dict[str, str]:
    return {**os.environ, **database_env(catalog.database), **store_env(catalog.store)}


@pytest.fixture
def started(catalog: Any) -> Iterator[Callable[..., tuple[str, subprocess.Popen[bytes]]]]:
    """Run the command in a process of its own; it is stopped with the test."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> tuple[str, subprocess.Popen[bytes]]:
        port = free_port()
        process = subprocess.Popen([*COMMAND, "--port", str(port), *arguments], env=_environment(catalog))
        processes.append(process)
        url = f"http://127.0.0.1:{port}"
        _wait_until_it_answers(url, process)
        return url, process

    yield start
    for process in processes:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "the server ended"
        try:
            httpx.get(f"{url}/healthz")
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    pytest.fail("the server does not answer")


def test_several_workers_serve_what_one_would(started: Any, catalog: Any) -> None:
    url, process = started("--workers", "2", "--root-path", "/api/v1")

    for _ in range(4):  # each on a connection of its own, so that both workers have their turn
        page = httpx.get(f"{url}/stac/search", params={"limit": 1}).raise_for_status().json()
        assert page["numberMatched"] == catalog.items
        assert page["links"][0]["href"].startswith(f"{url}/api/v1/stac")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0


def test_an_interrupt_ends_it_without_a_traceback(started: Any) -> None:
    _, process = started()

    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=20) in {0, 130, -signal.SIGINT}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, ["worldstrat up"]),
        (
            {"PGHOST": "127.0.0.1", "PGPORT": "9", "WORLDSTRAT_STORE": "file:///tmp"},
            ["127.0.0.1:9", "Is PostgreSQL up"],
        ),
        ({"PGHOST": "127.0.0.1", "WORLDSTRAT_STORE": "ftp://x"}, ["WORLDSTRAT_STORE"]),
        ({"PGHOST": "127.0.0.1", "WORLDSTRAT_STORE": "file:///tmp", "WORLDSTRAT_ROOT_PATH": "/stac"}, ["own paths"]),
    ],
)
def test_what_is_wrong_is_said_in_one_message(tmp_path: Path, variables: dict[str, str], words: list[str]) -> None:
    answer = CliRunner().invoke(serve, ["--data", str(tmp_path)], env=variables)

    assert answer.exit_code == 1
    assert answer.output.startswith("Error: ")
    assert len(answer.output.strip().splitlines()) <= 2
    for word in words:
        assert word in answer.output
    assert answer.exception is None or isinstance(answer.exception, SystemExit)


def test_help_reads_like_a_manual_page() -> None:
    text = CliRunner().invoke(serve, ["--help"]).output

    assert "--workers" in text
    assert "Ctrl-C" in text
