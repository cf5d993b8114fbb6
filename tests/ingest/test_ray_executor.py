"""Ray, in a network namespace that has nothing but a loopback: it listens everywhere and asks nobody for a password."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from catalog.pgstac import connect
from catalog.settings import DatabaseSettings, StoreSettings
from ingest.run import Options
from ingest.run import ingest as run_ingest


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
    by_pool = run_ingest(Options(tiny_dataset, database, file_store, force=True, workers=2), quiet).to_json()
    told = ("status", "aois", "files", "items", "bytes_in", "bytes_out", "skipped", "failures", "notes")
    assert {name: by_ray[name] for name in told} == {name: by_pool[name] for name in told}
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
