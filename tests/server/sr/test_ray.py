"""Workers on Ray Serve: a cluster of its own, in a network namespace that has nothing but a loopback."""

import json
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import httpx
import morecantile
import pytest

from catalog.errors import WorldStratError
from superres.model import default_model

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Ray Serve's own, of pydantic
    from server.sr.ray_cluster import RayCluster
    from server.sr.ray_upscaler import RayUpscaler
    from server.sr.replica import Options

SCRIPT = Path(__file__).with_name("workers.py")
TMS = morecantile.tms.get("WebMercatorQuad")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def told(
    alone: list[str],
    ingested_environment: dict[str, str],
    http: httpx.Client,
    item: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What a process with workers went through; Ray starts once for all tests."""
    bounds = next(iter(http.get(f"{item.url}/info").json().values()))["bounds"]
    tile = TMS.tile((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2, 16)
    path = f"{item.sr}/tiles/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}.png?bands=red,green,blue&rescale=0,0.3"
    report = tmp_path_factory.mktemp("workers") / "report.json"
    command = [*alone, sys.executable, str(SCRIPT), path, str(report)]
    environment = ingested_environment | {"RAY_metrics_report_interval_ms": "1000"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr[-4000:]
    answer: dict[str, Any] = json.loads(report.read_text())
    return answer


@pytest.mark.slow
def test_answers_by_handle_are_those_of_this_process(told: dict[str, Any]) -> None:
    assert told["first"]["errors"] == []
    assert told["first"]["difference"] <= 1e-5


@pytest.mark.slow
def test_requests_that_come_together_go_in_one_prediction(told: dict[str, Any]) -> None:
    batches = told["batches"]
    assert batches["count"] > 0
    assert batches["sum"] / batches["count"] > 1.5


@pytest.mark.slow
def test_a_killed_replica_loses_no_request(told: dict[str, Any]) -> None:
    assert told["killed"]["errors"] == []
    assert told["killed"]["answered"] >= 100
    assert told["killed"]["answered_after"] > 0
    assert told["killed"]["difference"] <= 1e-5


@pytest.mark.slow
def test_replacing_the_replicas_loses_no_request(told: dict[str, Any]) -> None:
    assert told["replaced"]["errors"] == []
    assert told["replaced"]["answered"] >= 100
    assert told["replaced"]["replicas_kept"] == 0
    assert told["replaced"]["difference"] <= 1e-5


@pytest.mark.slow
def test_a_full_queue_asks_to_come_back(told: dict[str, Any]) -> None:
    assert told["full"]["upscaler"] == ["BusyError"]
    status, retry_after = told["full"]["http"]
    assert status == 503
    assert int(retry_after) > 0


@pytest.mark.slow
def test_the_application_answers_the_same_tile_with_workers(told: dict[str, Any]) -> None:
    assert told["application"] == {"status": 200, "type": "image/png", "equal": True}


def test_an_absent_cluster_is_one_clear_error_at_once() -> None:
    upscaler = RayUpscaler(RayCluster("127.0.0.1:1", Options(), 30), 30)
    begun = time.monotonic()
    for _ in range(3):
        with pytest.raises(WorldStratError, match=r"No workers at the Ray cluster '127\.0\.0\.1:1': .*refused"):
            upscaler.upscale(None, default_model())  # type: ignore[arg-type]
    assert time.monotonic() - begun < 2


def test_an_address_that_is_none_says_what_one_looks_like() -> None:
    with pytest.raises(WorldStratError, match="HOST:PORT"):
        RayCluster("nonsense", Options(), 30).handle()


def test_rays_client_is_refused_with_what_to_do_instead() -> None:
    with pytest.raises(WorldStratError, match="--num-cpus=0"):
        RayCluster("ray://127.0.0.1:10001", Options(), 30)
