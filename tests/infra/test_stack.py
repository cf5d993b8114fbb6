"""`worldstrat up`, `status` and `down`, as a person runs them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from catalog.objects import ObjectStore
from catalog.settings import DatabaseSettings, StoreSettings, load_database, load_store
from infra.cli import main
from infra.databases import database_env
from infra.errors import ServiceError
from infra.ports import free_port, is_free
from infra.postgres import PostgresCluster
from infra.process import Daemon, birth_of
from infra.record import Record, write_env
from infra.stores import store_env
from infra.web_server import WebServer

_recorded: set[Daemon] = set()
"""Every process that a stack.json spoke of after one of a test's commands."""


def run(*arguments: str | Path, **env: str) -> Result:
    words = [*map(str, arguments)]
    result = CliRunner().invoke(main, words, env=env)
    note(Path(words[words.index("--data") + 1]))
    return result


def note(data: Path) -> None:
    if (data / "stack.json").exists():
        _recorded.update(Daemon(**daemon) for daemon in record(data)["daemons"].values())


@pytest.fixture
def data(services_folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A data folder; whatever was started in it is stopped by `down` alone, and nothing outlives that."""
    folder = services_folder / request.node.name[:40]
    _recorded.clear()
    yield folder
    note(folder)
    run("down", "--data", folder)
    assert [daemon for daemon in _recorded if birth_of(daemon.pid) == daemon.birth] == []


def states(data: Path) -> dict[str, str]:
    shown = json.loads(run("status", "--data", data, "--json").stdout)
    return {service["name"]: service["state"] for service in shown["services"]}


def record(data: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((data / "stack.json").read_text())
    return loaded


def alive(data: Path) -> list[str]:
    daemons = {name: Daemon(**daemon) for name, daemon in record(data)["daemons"].items()}
    return [name for name, daemon in daemons.items() if birth_of(daemon.pid) == daemon.birth]


def kill(data: Path, name: str) -> None:
    os.kill(record(data)["daemons"][name]["pid"], signal.SIGKILL)
    while name in alive(data):
        time.sleep(0.01)


def remember(data: Path) -> None:
    """Put something into the database and the store."""
    with psycopg.connect(load_database(data).dsn, autocommit=True) as connection:
        connection.execute("create table kept as select 7 as n")
    ObjectStore.open(load_store(data)).put("kept/key.bin", b"value", "application/octet-stream")


def recall(data: Path) -> tuple[int, bytes]:
    with psycopg.connect(load_database(data).dsn) as connection:
        row = connection.execute("select n from kept").fetchone()
    assert row is not None
    return row[0], ObjectStore.open(load_store(data)).get("kept/key.bin")


def test_a_stack_with_its_server_comes_up_and_goes_down_and_keeps_its_data(data: Path) -> None:
    up = run("up", "--data", data, "--port", str(free_port()), "--detach")
    assert up.exit_code == 0, up.stderr
    assert states(data) == {"database": "healthy", "objects": "healthy", "server": "healthy"}
    assert (data / "stack.env").stat().st_mode & 0o777 == 0o600
    assert {"postgres.log", "server.log"} <= {log.name for log in (data / "logs").iterdir()}
    remember(data)

    down = run("down", "--data", data)
    assert down.stdout.strip() == "Stopped: server, database"
    assert states(data) == {"database": "stopped", "objects": "healthy", "server": "stopped"}
    assert alive(data) == []

    ports = record(data)["ports"]
    assert run("up", "--data", data, "--detach").exit_code == 0
    assert record(data)["ports"] == ports
    assert recall(data) == (7, b"value")


def test_two_stacks_live_side_by_side(data: Path) -> None:
    other = data.with_name("other")
    try:
        for folder in (data, other):
            assert run("up", "--data", folder, "--no-server", "--detach").exit_code == 0
        remember(data)
        with psycopg.connect(load_database(other).dsn) as connection:
            assert connection.execute("select to_regclass('kept')").fetchone() == (None,)
        assert run("down", "--data", other).exit_code == 0
        assert recall(data) == (7, b"value")
    finally:
        run("down", "--data", other)


def test_a_killed_database_is_told_by_status_and_healed_by_up(data: Path) -> None:
    assert run("up", "--data", data, "--no-server", "--detach").exit_code == 0
    remember(data)
    kill(data, "postgres")

    status = run("status", "--data", data)
    assert status.exit_code == 1
    assert "stopped" in status.stdout

    assert run("up", "--data", data, "--no-server", "--detach").exit_code == 0
    assert run("status", "--data", data).exit_code == 0
    assert recall(data) == (7, b"value")


def test_a_taken_port_is_one_clear_message_and_nothing_is_left_running(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        up = run("up", "--data", data, "--port", str(port), "--detach")
    assert up.exit_code == 1
    assert up.stderr == f"Error: Port {port} of 127.0.0.1 is taken by another program. Choose another with --port.\n"
    assert alive(data) == []


def test_a_server_whose_port_was_taken_in_the_meantime_is_not_called_healthy(
    data: Path, database: DatabaseSettings, file_store: StoreSettings
) -> None:
    data.mkdir()
    write_env(data, database_env(database) | store_env(file_store))
    server = WebServer(Record(data))
    server.choose_port()
    port = int(server.url.rpartition(":")[2])
    with running_stranger(port), pytest.raises(ServiceError, match="address already in use"):
        server.start()


@contextmanager
def running_stranger(port: int) -> Iterator[None]:
    """Answer 200 to everything on this port."""

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Stranger) as httpd:
        thread = Thread(target=httpd.serve_forever)
        thread.start()
        try:
            yield
        finally:
            httpd.shutdown()
            thread.join()


def foreground(data: Path, *options: str) -> subprocess.Popen[str]:
    """Start `up` as a shell does, in its own process group, and wait until it says that all is well."""
    command = [sys.executable, "-m", "infra.cli", "up", "--data", str(data), *options]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("Ctrl-C stops everything"):
            note(data)
            return child
    pytest.fail(f"`up` ended with {child.wait()}")


def test_ctrl_c_stops_all_that_a_foreground_up_started(data: Path) -> None:
    child = foreground(data, "--port", str(free_port()))
    assert alive(data) == ["postgres", "server"]
    pids = [daemon["pid"] for daemon in record(data)["daemons"].values()]

    os.killpg(child.pid, signal.SIGINT)
    output, _ = child.communicate(timeout=60)

    assert (child.returncode, output) == (0, "Stopped.\n")
    assert [pid for pid in pids if birth_of(pid)] == []


def test_a_second_up_in_the_same_folder_is_refused_and_down_ends_the_first(data: Path) -> None:
    child = foreground(data, "--no-server")

    second = run("up", "--data", data, "--no-server")
    assert second.exit_code == 1
    assert second.stderr.startswith(f"Error: Another worldstrat command (process {child.pid}) is at work on {data}.")
    assert second.stderr.count("\n") == 1

    assert run("down", "--data", data).stdout == "Stopped: database\n"
    assert child.communicate(timeout=60)[0] == "Stopped.\n"
    assert child.returncode == 0


def test_a_service_that_dies_ends_a_foreground_up_with_its_name(data: Path) -> None:
    child = foreground(data, "--no-server")
    kill(data, "postgres")
    child.communicate(timeout=60)
    assert child.returncode == 1
    assert alive(data) == []


def test_an_external_database_is_migrated_and_left_running(data: Path, postgres: PostgresCluster) -> None:
    with psycopg.connect(postgres.settings_for("postgres").dsn, autocommit=True) as connection:
        connection.execute("create database external_one")
    settings = postgres.settings_for("external_one")
    named = database_env(settings)
    up = run("up", "--data", data, "--no-server", "--detach", **named)
    assert up.exit_code == 0, up.stderr
    assert not (data / "postgres").exists()
    assert load_database(data) == settings

    assert run("down", "--data", data).stdout == f"Nothing runs in {data}.\n"
    assert states(data)["database"] == "healthy"


def test_a_stack_without_its_server_any_more_stops_it(data: Path) -> None:
    port = free_port()
    assert run("up", "--data", data, "--port", str(port), "--detach").exit_code == 0
    assert alive(data) == ["postgres", "server"]

    assert run("up", "--data", data, "--no-server", "--detach").exit_code == 0
    assert alive(data) == ["postgres"]
    assert is_free(port)
    assert run("down", "--data", data).stdout == "Stopped: database\n"


def test_a_server_told_another_host_listens_there_and_by_default_on_loopback_again(data: Path) -> None:
    port, own, other = free_port(), "127.0.0.1", "127.0.0.2"  # 127.0.0.0/8 is all this machine's
    for host, reached in (("0.0.0.0", {own, other}), (other, {other}), (None, {own})):  # noqa: S104 - what is tested
        options = ("--host", host) if host else ()
        up = run("up", "--data", data, "--port", str(port), *options, "--detach")
        assert up.exit_code == 0, up.stderr
        assert f"http://{other if host == other else own}:{port}" in up.stdout
        assert {address for address in (own, other) if _listens(address, port)} == reached


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def test_an_external_database_takes_the_place_of_the_private_one(data: Path, database: DatabaseSettings) -> None:
    assert run("up", "--data", data, "--no-server", "--detach").exit_code == 0
    nowhere = run("up", "--data", data, "--no-server", "--detach", PGHOST="127.0.0.1", PGPORT=str(free_port()))
    assert nowhere.exit_code == 1
    assert alive(data) == ["postgres"]  # a database that does not answer replaces none

    assert run("up", "--data", data, "--no-server", "--detach", **database_env(database)).exit_code == 0
    assert alive(data) == []
    assert load_database(data) == database
    assert run("down", "--data", data).stdout == f"Nothing runs in {data}.\n"


def test_the_environment_that_repeats_stack_env_names_the_private_database(data: Path) -> None:
    assert run("up", "--data", data, "--no-server", "--detach").exit_code == 0
    pid = record(data)["daemons"]["postgres"]["pid"]
    assert run("up", "--data", data, "--no-server", "--detach", **database_env(load_database(data))).exit_code == 0
    assert record(data)["daemons"]["postgres"]["pid"] == pid
    assert run("down", "--data", data).stdout == "Stopped: database\n"


def test_down_stops_what_an_earlier_choice_left_running(data: Path) -> None:
    assert run("up", "--data", data, "--no-server", "--detach").exit_code == 0
    (data / "stack.json").write_text(json.dumps(record(data) | {"database": "external"}))
    assert run("down", "--data", data).stdout == "Stopped: database\n"
    assert alive(data) == []


@pytest.mark.skipif(shutil.which("radosgw") is None, reason="needs ceph-mon, ceph-osd and radosgw")
def test_a_given_store_takes_the_place_of_the_private_s3_server(data: Path, file_store: StoreSettings) -> None:
    up = run("up", "--data", data, "--no-server", "--detach", "--s3")
    assert up.exit_code == 0, up.stderr
    assert run("up", "--data", data, "--no-server", "--detach", **store_env(file_store)).exit_code == 0
    assert alive(data) == ["postgres"]
    assert load_store(data) == file_store


def test_an_external_database_that_does_not_answer_is_one_clear_message(data: Path) -> None:
    up = run("up", "--data", data, "--no-server", "--detach", PGHOST="127.0.0.1", PGPORT=str(free_port()))
    assert up.exit_code == 1
    assert up.stderr.startswith("Error: pgSTAC could not be set up in worldstrat@127.0.0.1:")
    assert "Traceback" not in up.stderr


def test_a_stack_on_a_given_s3_store_looks_into_its_bucket(data: Path, s3_store: StoreSettings) -> None:
    named = store_env(s3_store)
    assert run("up", "--data", data, "--no-server", "--detach", **named).exit_code == 0
    assert load_store(data) == s3_store
    assert states(data) == {"database": "healthy", "objects": "healthy"}

    refused = run("up", "--data", data, "--no-server", "--detach", **(named | {"AWS_SECRET_ACCESS_KEY": "wrong"}))
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: Cannot list")


def test_the_folder_of_a_file_store_does_not_become_an_s3_store(data: Path) -> None:
    (data / "objects").mkdir(parents=True)
    (data / "objects" / "a.tif").touch()
    up = run("up", "--data", data, "--no-server", "--detach", "--s3")
    assert up.exit_code == 1
    assert "keeps its objects in files" in up.stderr


def test_a_folder_without_a_stack_has_no_status_and_is_not_made(data: Path) -> None:
    status = run("status", "--data", data)
    assert (status.exit_code, status.stdout) == (1, "")
    assert run("status", "--data", data, "--json").stdout
    assert run("down", "--data", data).exit_code == 0
    assert not data.exists()
