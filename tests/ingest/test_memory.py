"""Memory does not grow with the dataset: the peaks of an ingest of 200 AOIs are those of one of 10."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalog.settings import DatabaseSettings, StoreSettings
from infra.databases import database_env
from infra.postgres import PostgresCluster
from infra.stores import store_env
from tests.conftest import fresh_database
from tests.ingest.tiny import multiply

TOLERANCE = 1.2
"""A batch of 200 items is full with 67 of these AOIs; no more than that may grow, and the heap is untidy. Snapshots,
whose batches are 250 items of one collection, would fill at 125 AOIs: they are left out."""


@dataclass(frozen=True)
class Peaks:
    """Most memory in use, in MB."""

    driver: float
    worker: float


# Two ingests of real rasters in processes of their own: half a minute, and ten times that on a machine under load.
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_peaks_of_driver_and_workers_are_the_same_for_10_and_for_200_aois(
    tiny_dataset: Path, postgres: PostgresCluster, tmp_path: Path
) -> None:
    few, many = (peaks_of(multiply(tiny_dataset, tmp_path / str(n), n), postgres, tmp_path) for n in (10, 200))
    print(f"10 AOIs: {few}; 200 AOIs: {many}")  # noqa: T201 - the figures of docs/ingest-scale.md
    assert many.worker < few.worker * TOLERANCE
    assert many.driver < few.driver * TOLERANCE


def peaks_of(dataset: Path, postgres: PostgresCluster, tmp_path: Path) -> Peaks:
    """Ingest a dataset with two workers and return the peaks of the processes that did it."""
    objects = tmp_path / f"objects-{dataset.name}"
    objects.mkdir()
    with fresh_database(postgres) as database:
        return watched(
            [
                str(Path(sys.executable).with_name("worldstrat")),
                "ingest",
                str(dataset),
                "--workers",
                "2",
                "--no-snapshot",
            ],
            environment(database, StoreSettings(url=objects.as_uri())),
        )


def environment(database: DatabaseSettings, store: StoreSettings) -> dict[str, str]:
    return os.environ | database_env(database) | store_env(store)


def watched(command: list[str], env: dict[str, str]) -> Peaks:
    peaks: dict[int, float] = {}
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            mine = command_of(process.pid)
            for pid in family(process.pid):
                # A child that has not begun its own program yet is the driver's copy.
                if pid == process.pid or command_of(pid) != mine:
                    peaks[pid] = max(peaks.get(pid, 0), peak_of(pid))
            time.sleep(0.05)
        assert process.returncode == 0, process.stderr.read() if process.stderr else ""
    driver = peaks.pop(process.pid)
    return Peaks(driver, max(peaks.values()))


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it ended
        return []
    return [pid, *(member for child in children for member in family(int(child)))]


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def peak_of(pid: int) -> float:
    """Return the most memory that a process ever had in use, in MB."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) / 1024 if lines else 0
