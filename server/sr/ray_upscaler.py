"""Super-resolution by the workers of a Ray cluster, called by handle."""

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError, TaskCancelledError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError

from server.limits.gone import stop_if_gone
from server.observe.traces import carrier, span
from server.raster.errors import BusyError
from server.sr.chip import Chip
from server.sr.errors import WorkerError
from server.sr.metrics import REFUSED
from server.sr.ray_cluster import Handle, RayCluster
from superres.errors import SuperResolutionError
from superres.inference import Upscaled
from superres.model import Model

if TYPE_CHECKING:
    from server.sr.replica import Outcome

_TRIES: Final = 4
_LOOK: Final = 0.25  # seconds after which it is looked whether the client is still there
_PAUSE: Final = 0.1  # seconds before the second try, each further one four times as long
_WORKER_LOST = (
    RayActorError,
    OutOfMemoryError,
    DeploymentUnavailableError,
    ReplicaUnavailableError,
    TaskCancelledError,
)


class RayUpscaler:
    """Sends items to the application of a cluster.

    A replica that dies, or that is replaced, takes its requests with it. They change nothing, so another does them
    again.
    """

    def __init__(self, cluster: RayCluster, timeout: float) -> None:
        """Create it; the cluster is asked when the first item comes.

        Args:
            cluster: where the application runs.
            timeout: seconds that a request waits for its item, all tries together.
        """
        self._cluster = cluster
        self._timeout = timeout

    def upscale(self, chip: Chip, model: Model) -> Upscaled:
        """Super-resolve one item.

        Raises:
            BusyError: the cluster's queue is full.
            WorkerError: no worker answered in time, or all that tried died.
        """
        handle = self._cluster.handle()
        end = time.monotonic() + self._timeout
        for attempt in range(_TRIES):
            try:
                return _ask(handle, chip, model, self._cluster.reference(model), end - time.monotonic())
            except _WORKER_LOST:
                time.sleep(_PAUSE * 4**attempt)
            except BackPressureError as error:
                REFUSED.inc()
                raise BusyError("All workers have their hands full. Try again in a moment.") from error
            except TimeoutError as error:
                raise WorkerError(f"No worker answered within {self._timeout:g} s. Try again.") from error
            except RayTaskError as error:
                raise WorkerError(f"A worker failed: {_last_line(error)}") from error
            except (SuperResolutionError, WorkerError):
                raise
            except Exception as error:
                # Whatever else it is, the way to the cluster is gone.
                self._cluster.lost(handle)
                raise WorkerError(f"The Ray cluster was lost: {_last_line(error)}") from error
        raise WorkerError(f"{_TRIES} workers died over this item. Try again in a moment.")


def _ask(handle: Handle, chip: Chip, model: Model, reference: Any, seconds: float) -> Upscaled:
    with span("superresolve", model=model.id):
        response: Any = handle.upscale.remote(chip, reference, carrier())
        try:
            outcome = _wait(response, time.monotonic() + seconds)
        except (TimeoutError, asyncio.CancelledError):
            response.cancel()  # nobody waits for it any more
            raise
    if isinstance(outcome, SuperResolutionError):
        raise outcome
    return outcome


def _wait(response: Any, end: float) -> "Outcome":
    """Return what a worker answers; look from time to time whether somebody still waits for it."""
    while True:
        try:
            outcome: Outcome = response.result(timeout_s=min(_LOOK, max(0.0, end - time.monotonic())))
        except TimeoutError:
            stop_if_gone()
            if time.monotonic() >= end:
                raise
        else:
            return outcome


def _last_line(error: Exception) -> str:
    lines: list[str] = str(error).strip().splitlines()
    return lines[-1][:200] if lines else type(error).__name__
