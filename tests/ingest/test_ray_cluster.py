"""A cluster of three nodes, in a network namespace of its own; one of them dies on the way."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from catalog.fingerprint import catalog_hash
from catalog.pgstac import connect
from catalog.settings import DatabaseSettings, StoreSettings
from infra.postgres import PostgresCluster
from ingest.run import Options
from ingest.run import ingest as run_ingest
from tests.conftest import fresh_database
from tests.ingest.tiny import multiply

# Starting three nodes takes half a minute, and a machine under load three times as long.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
AOIS = 60
PROGRAM = Path(__file__).with_name("ray_cluster.py")


@pytest.fixture
def many(tiny_dataset: Path, tmp_path: Path) -> Path:
    return multiply(tiny_dataset, tmp_path / "many", AOIS)


@pytest.fixture
def on_cluster(alone: list[str], many: Path, environment: dict[str, str]) -> Callable[..., "Answer"]:
    """Ingest on three nodes of which one dies when there are so many objects."""

    def run(victim: str, objects: int) -> Answer:
        worldstrat = str(Path(sys.executable).with_name("worldstrat"))
        command = [worldstrat, "ingest", str(many), "--ray-address", "{address}", "--json"]
        return subprocess.run(
            [*alone, sys.executable, str(PROGRAM), victim, str(objects), *command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=850,
        )

    return run


Answer = subprocess.CompletedProcess[str]


@pytest.fixture
def hash_of_the_pool(many: Path, postgres: PostgresCluster, tmp_path: Path, quiet: Console) -> str:
    """The hash of the same dataset, ingested by two processes of this machine."""
    (tmp_path / "of-the-pool").mkdir()
    store = StoreSettings(url=(tmp_path / "of-the-pool").as_uri())
    with fresh_database(postgres) as other:
        run_ingest(Options(many, other, store, workers=2), quiet)
        return hash_of(other)


def test_a_node_that_dies_loses_nothing(
    on_cluster: Callable[..., Answer], database: DatabaseSettings, hash_of_the_pool: str
) -> None:
    answer = on_cluster("node", AOIS // 3)
    assert answer.returncode == 0, answer.stderr
    report = json.loads(answer.stdout)
    assert report["aois"] == AOIS
    assert report["failures"] == []
    assert hash_of(database) == hash_of_the_pool


def test_a_lost_cluster_is_one_clear_error_and_the_next_run_goes_on(
    on_cluster: Callable[..., Answer], many: Path, database: DatabaseSettings, file_store: StoreSettings, quiet: Console
) -> None:
    answer = on_cluster("head", AOIS)
    assert answer.returncode == 1
    assert "was lost, and with it what was done of 'Landcover-" in answer.stderr
    assert "Traceback" not in answer.stderr
    report = run_ingest(Options(many, database, file_store, workers=2), quiet).to_json()
    assert report["failures"] == []
    assert report["aois"] == AOIS


def hash_of(database: DatabaseSettings) -> str:
    with connect(database) as connection:
        return catalog_hash(connection)
