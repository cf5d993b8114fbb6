"""The connection to a Ray cluster: made when it is first needed, by one thread for all."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import ray
from ray import serve
from ray.serve.handle import DeploymentHandle

from server.sr.errors import WorkerError
from server.sr.replica import APPLICATION, Options, build
from superres.model import Model

LOCAL: Final = "local"
"""The address that starts a cluster on this machine instead of connecting to one."""
RETRY_SECONDS: Final = 5.0
"""How long a cluster that was not there is believed to be away."""
_CLIENT: Final = "ray://"
_LOOPBACK: Final = "127.0.0.1"
_REACH_SECONDS: Final = 5.0
_PATIENCE: Final = {"RAY_agent_register_timeout_ms": "120000", "RAY_raylet_start_wait_time_s": "120"}
"""What lets a cluster start on a busy machine: by itself Ray gives up after 15 s."""

Handle = DeploymentHandle[Any]


class RayCluster:
    """Gives the handle of the application, started where nobody has, to any number of threads."""

    def __init__(self, address: str, options: Options, timeout: float) -> None:
        """Create it; nothing is connected.

        Args:
            address: `HOST:PORT` of a cluster that this machine belongs to, or `local`.
            options: layout of the application, where it is started here.
            timeout: seconds that a thread waits while another connects.

        Raises:
            WorkerError: the address is one that cannot serve.
        """
        if address.startswith(_CLIENT):
            raise WorkerError(
                f"{address!r} is an address of Ray's client, which is not supported. Let this machine join the cluster "
                "(`ray start --address=HOST:PORT --num-cpus=0`) and give HOST:PORT."
            )
        self._address = address
        self._options = options
        self._timeout = timeout
        self._lock = threading.Lock()
        self._handle: Handle | None = None
        self._models: dict[str, Any] = {}
        self._failure: tuple[float, WorkerError] | None = None

    def handle(self) -> Handle:
        """Return the application's handle.

        Raises:
            WorkerError: there is no cluster, or another thread is still waiting for it.
        """
        if self._handle is not None:
            return self._handle
        with self._turn():
            if self._handle is None:
                if self._failure and time.monotonic() < self._failure[0] + RETRY_SECONDS:
                    raise self._failure[1]
                opening: Future[Handle] = Future()
                threading.Thread(target=self._keep_open, args=(opening,), name="ray", daemon=True).start()
                self._handle = opening.result()
            return self._handle

    def reference(self, model: Model) -> Any:
        """Return where the cluster keeps a model: it travels once, not with every item.

        Raises:
            WorkerError: as `handle`.
        """
        with self._turn():
            if model.sha256 not in self._models:
                self._models[model.sha256] = ray.put(model)
            return self._models[model.sha256]

    def lost(self, handle: Handle) -> None:
        """Forget a handle that no longer leads anywhere: the application was removed, and may have come back."""
        with self._turn():
            if self._handle is handle:
                self._handle = None
                self._models.clear()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._timeout):
            raise WorkerError(f"The Ray cluster {self._address!r} is still starting. Try again in a moment.")
        try:
            yield
        finally:
            self._lock.release()

    def _keep_open(self, opening: Future[Handle]) -> None:
        """Connect, and stay: Linux ends a local cluster with the thread that started it; a web server's come and go."""
        try:
            opening.set_result(self._open())
        except WorkerError as error:
            opening.set_exception(error)
        else:
            threading.Event().wait()

    def _open(self) -> Handle:
        try:
            self._join()
            # No proxy: the application is called by handle, and listens nowhere.
            serve.start(proxy_location="Disabled")
            if APPLICATION in serve.status().applications:
                return serve.get_app_handle(APPLICATION)
            return serve.run(build(self._options), name=APPLICATION, route_prefix=None)
        except Exception as error:
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
            failure = WorkerError(f"No workers at the Ray cluster {self._address!r}: {reason}")
            self._failure = time.monotonic(), failure
            raise failure from error

    def _join(self) -> None:
        if ray.is_initialized():
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
        if self._address == LOCAL:
            for name, value in _PATIENCE.items():
                os.environ.setdefault(name, value)
            options |= {"include_dashboard": False, "_node_ip_address": _LOOPBACK}
        else:
            _reach(self._address)
        ray.init(address=self._address, **options)


def _reach(address: str) -> None:
    """Connect once: Ray itself asks an absent cluster again and again for minutes.

    Raises:
        OSError: nobody listens there.
        ValueError: it is no address.
    """
    parts = urlsplit(f"//{address}")
    if not parts.hostname or not parts.port:
        raise ValueError("give HOST:PORT, or `local`")
    socket.create_connection((parts.hostname, parts.port), _REACH_SECONDS).close()
