"""Ray, in a network namespace that has nothing but a loopback: it listens everywhere and asks nobody for a password."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from rich.console import Console

from catalog.pgstac import connect
from catalog.settings import DatabaseSettings, StoreSettings
from ingest.run import Options
from ingest.run import ingest as run_ingest

ALONE = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


@pytest.fixture
def alone() -> list[str]:
    """The command prefix that leaves a process alone with its loopback."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("needs unshare and ip, to keep Ray off the network")
    if subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let a user make a network namespace")
    return ALONE


@pytest.fixture
def socket_folder(database: DatabaseSettings) -> Iterator[Path]:
    """A folder with a unix socket that leads to the database: unlike a port it can be reached from any namespace."""
    with tempfile.TemporaryDirectory(prefix="ws-") as folder:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{folder}/.s.PGSQL.{database.port}")
        listener.listen()
        threading.Thread(target=_serve, args=(listener, database), daemon=True).start()
        yield Path(folder)
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _serve(listener: socket.socket, database: DatabaseSettings) -> None:
    while True:
        try:
            caller, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection((database.host, database.port))
        for source, target in ((caller, server), (server, caller)):
            threading.Thread(target=_forward, args=(source, target), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket) -> None:
    # A side that hangs up in the middle is the other side's affair.
    with closing(target), suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)


@pytest.fixture
def environment(database: DatabaseSettings, socket_folder: Path, file_store: StoreSettings) -> dict[str, str]:
    """What a command in another network namespace needs to reach the database and the store."""
    return os.environ | {
        "PGHOST": str(socket_folder),
        "PGPORT": str(database.port),
        "PGUSER": database.user,
        "PGPASSWORD": database.password.get_secret_value(),
        "PGDATABASE": database.database,
        "WORLDSTRAT_STORE": file_store.url,
    }


@pytest.fixture
def ingest_alone(
    alone: list[str], tiny_dataset: Path, environment: dict[str, str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the ingest of a tiny dataset alone with its loopback."""

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [*alone, str(Path(sys.executable).with_name("worldstrat")), "ingest", str(tiny_dataset), *options]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=200)

    return run


IngestAlone = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.timeout(240)
def test_ray_ingests_what_a_pool_does(
    ingest_alone: IngestAlone, tiny_dataset: Path, database: DatabaseSettings, file_store: StoreSettings, quiet: Console
) -> None:
    answer = ingest_alone("--ray-address", "local", "--workers", "2", "--json")
    assert answer.returncode == 0, answer.stderr
    by_ray, items = json.loads(answer.stdout), items_of(database)
    by_pool = run_ingest(Options(tiny_dataset, database, file_store, force=True), quiet).to_json()
    assert {**by_ray, "seconds": 0} == {**by_pool, "seconds": 0}
    assert items_of(database) == items


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nonsense"])
def test_an_absent_cluster_is_one_clear_error(ingest_alone: IngestAlone, address: str) -> None:
    answer = ingest_alone("--ray-address", address)
    assert answer.returncode == 1
    assert f"Error: No Ray cluster at '{address}'" in answer.stderr
    assert "Traceback" not in answer.stderr


def items_of(database: DatabaseSettings) -> dict[str, object]:
    with connect(database) as connection:
        return dict(connection.execute("SELECT id, content FROM items").fetchall())
