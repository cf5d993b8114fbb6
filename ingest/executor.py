"""Many AOIs at once on this machine: a pool of processes that bounds its memory and survives a dying worker."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from multiprocessing.connection import wait as wait_for_any
from multiprocessing.forkserver import ensure_running
from types import TracebackType
from typing import Final, Self

from catalog.metadata import Problem
from ingest.task import Ingested, Task

IN_FLIGHT_PER_WORKER: Final = 3
"""AOIs handed out per worker: one at work, two that wait while the driver loads a batch into the database; no more,
so that memory does not grow with the dataset."""

Work = Callable[[Task], Ingested]


def work(task: Task) -> Ingested:
    """Ingest one AOI in this process; only a worker imports the libraries of rasters, the driver goes without.

    Raises:
        ObjectStoreError: the store is full, absent, or refuses.
    """
    from ingest.work import work as work_here  # noqa: PLC0415

    return work_here(task)


class PoolExecutor(AbstractContextManager["PoolExecutor"]):
    """A pool of processes on this machine."""

    def __init__(self, workers: int, work: Work) -> None:
        self._workers = workers
        self._work = work
        self._pool = _create_pool(workers)

    def __enter__(self) -> Self:
        """Return the executor itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the pool; AOIs that a worker has begun are finished first."""
        self._pool.shutdown(cancel_futures=True)

    def run(self, tasks: Iterable[Task]) -> Iterator[Ingested]:
        """Yield what came of each task as it is done, in no order.

        When a worker dies, the AOIs that were at work are tried again one at a time, and the one that kills its
        worker again is a failure.
        """
        waiting = iter(tasks)
        running: dict[Future[Ingested], Task] = {}
        while True:
            self._fill(running, waiting)
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
                yield from self._retry(running)
                continue
            for future in done:
                del running[future]
                yield future.result()

    def _fill(self, running: dict[Future[Ingested], Task], waiting: Iterator[Task]) -> None:
        """Hand out tasks until enough are in flight."""
        while len(running) < self._workers * IN_FLIGHT_PER_WORKER:
            task = next(waiting, None)
            if task is None:
                return
            running[self._submit(task)] = task

    def _submit(self, task: Task) -> Future[Ingested]:
        try:
            return self._pool.submit(self._work, task)
        except BrokenProcessPool as error:
            # The pool says so later, for this task and for those that were at work.
            broken: Future[Ingested] = Future()
            broken.set_exception(error)
            return broken

    def _retry(self, running: dict[Future[Ingested], Task]) -> Iterator[Ingested]:
        """Run what a broken pool left undone in new pools, one AOI at a time."""
        wait(running)
        left = dict(running)
        running.clear()
        for future, task in left.items():
            if isinstance(future.exception(), BrokenProcessPool):
                yield self._run_alone(task)
            else:
                yield future.result()
        self._pool.shutdown()
        self._pool = _create_pool(self._workers)

    def _run_alone(self, task: Task) -> Ingested:
        with _create_pool(1) as pool:
            try:
                return pool.submit(self._work, task).result()
            except BrokenProcessPool:
                return worker_died(task)


def worker_died(task: Task) -> Ingested:
    """Return the failure of an AOI whose worker did not live to report one."""
    reason = "its worker process died twice, perhaps for want of memory; nothing of the AOI was ingested"
    return Ingested(task.aoi.name, failures=(Problem(task.aoi.name, "", reason),), finished=False)


def start_server() -> None:
    """Start the process that workers are forked from, which does the slow imports; return before it has done them."""
    # Not from a process with threads and connections.
    multiprocessing.get_context("forkserver").set_forkserver_preload(["ingest.work"])
    ensure_running()


def _create_pool(workers: int) -> ProcessPoolExecutor:
    start_server()
    return ProcessPoolExecutor(workers, multiprocessing.get_context("forkserver"), initializer=_begin_worker)


def _begin_worker() -> None:
    # Ctrl-C goes to every process of the terminal; the driver alone decides what becomes of the run.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_driver, daemon=True).start()


def _end_with_driver() -> None:
    """End this worker when the driver was killed: its queue would never say so."""
    driver = multiprocessing.parent_process()
    if driver is not None:
        wait_for_any([driver.sentinel])
        os._exit(1)
