"""Many AOIs at once on a Ray cluster: the only file of this room that imports Ray."""

import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, redirect_stdout
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import ray
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayError, RayTaskError, WorkerCrashedError

from catalog.errors import WorldStratError
from ingest.errors import WorkerError
from ingest.executor import IN_FLIGHT_PER_WORKER, Work, worker_died
from ingest.task import Ingested, Task

LOCAL: Final = "local"
"""The address that starts a cluster on this machine instead of connecting to one."""
_LOOPBACK: Final = "127.0.0.1"
_CONNECT_TIMEOUT: Final = 5.0
_RETRIES: Final = 3
"""Nodes or workers that an AOI may lose before it is a failure."""
_WATCH: Final = 5.0
"""Seconds without a result after which the cluster is asked whether it is there."""
_LOST_AFTER: Final = 30.0
"""Seconds that a cluster's head may take to come back; after 60 Ray would end this process without a word."""


class RayExecutor(AbstractContextManager["RayExecutor"]):
    """Tasks on a Ray cluster; its nodes need this package, and must reach the dataset's folder and the store."""

    def __init__(self, address: str, workers: int, work: Work) -> None:
        self._connect(address, workers)
        self._address = ray.get_runtime_context().gcs_address if address == LOCAL else address
        self._lost = False
        self._open = ExitStack()
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self._limit = IN_FLIGHT_PER_WORKER * max(workers, int(resources.get("CPU", 1)))
        self._remote: Any = ray.remote(num_cpus=1, max_retries=_RETRIES)(work)

    def __enter__(self) -> Self:
        """Return the executor itself."""
        # Ray tells of its nodes on standard output, where a script may read our report.
        self._open.enter_context(redirect_stdout(sys.stderr))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the cluster; one that was started here ends, and its tasks with it."""
        with self._open:
            if not self._lost:  # there would be nobody to say goodbye to
                ray.shutdown()

    def run(self, tasks: Iterable[Task]) -> Iterator[Ingested]:
        """Yield what came of each task as it is done, in no order.

        Raises:
            WorkerError: the cluster was lost.
        """
        waiting = iter(tasks)
        running: dict[Any, Task] = {}
        while True:
            while len(running) < self._limit and (task := next(waiting, None)) is not None:
                running[self._remote.remote(task)] = task
            if not running:
                return
            for reference in self._wait(running):
                yield _result(reference, running.pop(reference))

    def _wait(self, running: dict[Any, Task]) -> list[Any]:
        """Return the tasks that are done, as soon as there is one.

        Raises:
            WorkerError: the cluster was lost.
        """
        silent_since = time.monotonic()
        while True:
            done, _ = ray.wait(list(running), num_returns=1, timeout=_WATCH)
            if done:
                return list(done)
            try:
                _check_reachable(self._address)
                silent_since = time.monotonic()
            except WorkerError as error:
                if time.monotonic() - silent_since > _LOST_AFTER:
                    self._lost = True
                    aois = ", ".join(repr(task.aoi.name) for task in running.values())
                    raise WorkerError(
                        f"The Ray cluster at {self._address!r} was lost, and with it what was done of {aois}. "
                        "What came before is in the catalog: the same command goes on from there."
                    ) from error

    @staticmethod
    def _connect(address: str, workers: int) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
        if address == LOCAL:
            options |= {"num_cpus": workers, "include_dashboard": False, "_node_ip_address": _LOOPBACK}
        else:
            _check_reachable(address)
        try:
            ray.init(address=address, **options)
        except (RayError, ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            reason = str(error).strip().split("\n")[0]
            raise WorkerError(
                f"No Ray cluster at {address!r}: {reason}. If it has a password, RAY_AUTH_TOKEN or ~/.ray/auth_token "
                "must hold it."
            ) from error


def _check_reachable(address: str) -> None:
    """Connect once to the address: Ray itself asks an absent cluster again and again for minutes.

    Raises:
        WorkerError: nobody listens there, or it is no address.
    """
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), _CONNECT_TIMEOUT).close()
    except (OSError, ValueError) as error:
        raise WorkerError(
            f"No Ray cluster at {address!r}: {error}. Give HOST:PORT, ray://HOST:PORT or `local`."
        ) from error


def _result(reference: Any, task: Task) -> Ingested:
    try:
        result: Ingested = ray.get(reference)
    except (WorkerCrashedError, NodeDiedError, OutOfMemoryError):
        return worker_died(task)
    except RayTaskError as error:
        # The error itself, as a pool would raise it; without its cause's module here, as Ray tells it.
        cause = error.cause
        raise (cause if isinstance(cause, WorldStratError) else error) from error
    except RayError as error:
        raise WorkerError(f"The Ray cluster was lost at AOI {task.aoi.name!r}: {str(error).strip()[:300]}") from error
    return result
