"""Super-resolution by the workers of a Ray cluster, called by handle."""

import os
import threading
from typing import Any, Final

import ray
from ray import serve
from ray.exceptions import GetTimeoutError, RayActorError, RayError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException
from ray.serve.handle import DeploymentHandle

from server.raster.errors import BusyError
from server.sr.chip import Chip
from server.sr.errors import WorkerError
from server.sr.metrics import REFUSED
from server.sr.replica import APPLICATION, Options, build
from server.sr.settings import SuperResolutionSettings
from superres.errors import SuperResolutionError
from superres.inference import Upscaled
from superres.model import Model

LOCAL: Final = "local"
"""The address that starts a cluster on this machine instead of connecting to one."""
_TRIES: Final = 4
"""A replica that dies takes its requests with it; they are pure, so another does them again."""
_LOOPBACK: Final = "127.0.0.1"
_LOST = (RayActorError, DeploymentUnavailableError)


class RayUpscaler:
    """Sends items to the application in a cluster, and starts the application where nobody has."""

    def __init__(self, settings: SuperResolutionSettings, options: Options) -> None:
        """Create it; it connects when the first item comes.

        Args:
            settings: the cluster's address, and how long a request waits.
            options: layout of the application, where it is started here.
        """
        self._settings = settings
        self._options = options
        self._lock = threading.Lock()
        self._handle: DeploymentHandle[Any] | None = None
        self._models: dict[str, Any] = {}

    def upscale(self, chip: Chip, model: Model) -> Upscaled:
        """Super-resolve one item.

        Raises:
            BusyError: the cluster's queue is full.
            WorkerError: no worker answered in time, or all that tried died.
        """
        handle = self._connect()
        for _ in range(_TRIES):
            try:
                outcome = handle.upscale.remote(chip, self._reference(model)).result(timeout_s=self._settings.timeout)
            except _LOST:
                continue
            except BackPressureError as error:
                REFUSED.inc()
                raise BusyError("All workers have their hands full. Try again in a moment.") from error
            except (TimeoutError, GetTimeoutError) as error:
                raise WorkerError(f"No worker answered within {self._settings.timeout:g} s. Try again.") from error
            except (RayTaskError, RayError, RayServeException) as error:
                raise WorkerError(f"A worker failed: {str(error).strip().splitlines()[-1][:200]}") from error
            if isinstance(outcome, SuperResolutionError):
                raise outcome
            made: Upscaled = outcome
            return made
        raise WorkerError(f"{_TRIES} workers died over this item. Try again in a moment.")

    def _connect(self) -> DeploymentHandle[Any]:
        with self._lock:
            if self._handle is None:
                self._handle = self._open()
            return self._handle

    def _open(self) -> DeploymentHandle[Any]:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        address = self._settings.ray_address
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
        if address == LOCAL:
            options |= {"include_dashboard": False, "_node_ip_address": _LOOPBACK}
        try:
            ray.init(address=address, ignore_reinit_error=True, **options)
            # No proxy: the application is called by handle, and listens nowhere.
            serve.start(proxy_location="Disabled")
            if APPLICATION in serve.status().applications:
                return serve.get_app_handle(APPLICATION)
            return serve.run(build(self._options), name=APPLICATION, route_prefix=None)
        except (RayError, RayServeException, ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise WorkerError(f"No workers at the Ray cluster {address!r}: {reason}") from error

    def _reference(self, model: Model) -> Any:
        """Return where the cluster keeps a model: it travels once, not with every item."""
        with self._lock:
            if model.sha256 not in self._models:
                self._models[model.sha256] = ray.put(model)
            return self._models[model.sha256]
