"""The Ray Serve application: what runs on a GPU (or CPU) of the cluster. KubeRay finds it as `server.sr.replica:build`.

Only this file of the server knows Ray beside `ray_upscaler`. It holds no settings of the web server: a model comes with
each request as a reference to the cluster's object store, and its network is kept once loaded.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve import metrics

from server.observe.traces import carried_span, start_tracing
from server.sr.chip import Chip
from superres.errors import SuperResolutionError
from superres.inference import Upscaled, superresolve_together
from superres.model import Model
from superres.runtime import Runtime, RuntimeName, open_runtime

APPLICATION = "worldstrat-sr"
"""Name of the application in the cluster."""
logger = logging.getLogger("ray.serve")

Outcome = Upscaled | SuperResolutionError
Job = tuple[Chip, Model]


_batch: Any = serve.batch  # its types know functions of one argument


class Options(BaseModel):
    """How the application is laid out; in a Serve config these are its `args`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:\d+)?)$")] = "cpu"
    """Where a replica computes."""
    gpus: Annotated[float, Field(ge=0, le=8)] = 0.0
    """GPUs of one replica; a quarter lets four share one."""
    cpus: Annotated[float, Field(gt=0, le=64)] = 1.0
    """Cores of one replica."""
    min_replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """Fewest replicas."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)] = 2
    """Most replicas."""
    max_batch: Annotated[int, Field(ge=1, le=256)] = 8
    """Most items of one prediction."""
    batch_seconds: Annotated[float, Field(ge=0, le=1)] = 0.005
    """How long the first item of a batch waits for others."""
    queue: Annotated[int, Field(ge=1, le=100_000)] = 64
    """Requests that may wait for a replica; who comes after them is told to come back."""


class Replica:
    """One worker: takes items as they come, computes those that came together in one prediction."""

    def __init__(self, options: Options) -> None:
        start_tracing("worldstrat-worker", database=False)
        self._device = options.device
        self._threads = max(1, round(options.cpus))
        self._runtimes: dict[str, Runtime] = {}
        self._batches = metrics.Histogram("worldstrat_sr_batch_items", boundaries=[1, 2, 4, 8, 16, 32, 64])

    @_batch  # type: ignore[untyped-decorator]  # `reconfigure` sets its size and its wait
    async def upscale(self, chips: list[Chip], models: list[Model], traces: list[Mapping[str, str]]) -> list[Outcome]:
        """Super-resolve what came together; each gets its own answer or its own error, and a span in its trace."""
        self._batches.observe(len(chips))
        with ExitStack() as spans:
            for trace in traces:
                spans.enter_context(carried_span("compute", trace, items=len(chips)))
            # In a thread, so that the replica still answers those who ask how it is.
            return await asyncio.to_thread(self._compute_all, list(zip(chips, models, strict=True)))

    def reconfigure(self, config: dict[str, Any]) -> None:
        """Take the size of a batch and the wait for it; both may change while the application runs."""
        batching: Any = self.upscale
        batching.set_max_batch_size(config["max_batch"])
        batching.set_batch_wait_timeout_s(config["batch_seconds"])

    def _compute_all(self, jobs: Sequence[Job]) -> list[Outcome]:
        outcomes: list[Outcome | None] = [None] * len(jobs)
        for indexes in _alike(jobs):
            made = self._compute([jobs[index][0] for index in indexes], jobs[indexes[0]][1])
            for index, outcome in zip(indexes, made, strict=True):
                outcomes[index] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _compute(self, chips: Sequence[Chip], model: Model) -> Sequence[Outcome]:
        try:
            items = [(chip.reflectance, chip.valid) for chip in chips]
            return superresolve_together(items, self._runtime(model), model)
        except SuperResolutionError as error:
            return [error] * len(chips)

    def _runtime(self, model: Model) -> Runtime:
        if model.sha256 not in self._runtimes:
            name: RuntimeName = "torch" if self._device.startswith("cuda") and model.weights else "onnx"
            self._runtimes[model.sha256] = open_runtime(model, name, self._device, self._threads)
            logger.info("Loaded %s %s on %s", model.id, model.version, self._device)
        return self._runtimes[model.sha256]


def build(options: Options) -> serve.Application:
    """Return the application, for `serve.run` or a Serve config."""
    deployment: Any = serve.deployment(
        Replica,
        name="Replica",
        ray_actor_options={"num_cpus": options.cpus, "num_gpus": options.gpus},
        autoscaling_config={
            "min_replicas": options.min_replicas,
            "max_replicas": options.max_replicas,
            "target_ongoing_requests": options.max_batch,
        },
        # Twice a batch, so that the next one gathers while one is computed.
        max_ongoing_requests=2 * options.max_batch,
        max_queued_requests=options.queue,
        user_config={"max_batch": options.max_batch, "batch_seconds": options.batch_seconds},
        graceful_shutdown_timeout_s=60,
        health_check_period_s=5,
    )
    application: serve.Application = deployment.bind(options)
    return application


def _alike(jobs: Sequence[Job]) -> list[list[int]]:
    """Return the numbers of the jobs that can go in one prediction: one model, one shape."""
    groups: dict[tuple[str, tuple[int, ...]], list[int]] = defaultdict(list)
    for index, (chip, model) in enumerate(jobs):
        groups[model.sha256, chip.reflectance.shape].append(index)
    return list(groups.values())
