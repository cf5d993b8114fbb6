"""The processes that paint places side by side and write their files."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.sample.canvas import Canvas
from ingest.sample.errors import SampleError
from ingest.sample.noise import create_generator
from ingest.sample.place import Place
from ingest.sample.revisits import Revisit
from ingest.sample.sentinel2 import Ground, write_revisit
from ingest.sample.settings import SampleSettings
from ingest.sample.spot import HR_SIZE, write_spot
from ingest.sample.sun import compute_sun

if TYPE_CHECKING:  # a generic only to type checkers
    from multiprocessing.sharedctypes import Synchronized

_TICK = 0.2
"""Seconds between two reports of progress."""


class _Shared:
    """What a process of the crew shares with the one that started it."""

    stop: Event
    """Set when everybody is to go home."""
    written: "Synchronized[int]"
    """Files written so far, by all."""


def write_places(
    root: Path,
    plan: Mapping[Place, Sequence[Revisit]],
    settings: SampleSettings,
    *,
    workers: int | None,
    progress: Callable[[int, int], None],
) -> None:
    """Write the rasters of all places under `root`.

    Args:
        root: the dataset's folder.
        plan: the places and their revisits.
        settings: levels and seed.
        workers: processes; one per core if None.
        progress: told how many files of how many are written.

    Raises:
        OSError: a file cannot be written.
        SampleError: a process was killed.
    """
    total = sum(_count_files(place, settings) for place in plan)
    crew = min(workers or len(os.sched_getaffinity(0)), len(plan))
    context = multiprocessing.get_context("spawn")
    stop, written = context.Event(), context.Value("q", 0)
    pool = ProcessPoolExecutor(crew, context, initializer=_join, initargs=(stop, written))
    try:
        with _deaf_children():
            pending = {pool.submit(_write_place, root, place, series, settings) for place, series in plan.items()}
        while pending:
            pending = _collect(pending)
            progress(written.value, total)
    except BrokenProcessPool as error:
        raise SampleError("A process that was painting was killed, perhaps for its memory; try --workers 1.") from error
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Hold Ctrl-C back while processes start: they inherit that, so it is left to the parent, which sets `stop`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _collect(pending: set[Future[None]]) -> set[Future[None]]:
    """Wait a moment, raise what went wrong, and return what is still under way."""
    done, under_way = wait(pending, timeout=_TICK, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
    return under_way


def _count_files(place: Place, settings: SampleSettings) -> int:
    """Return how many files a place has: four of SPOT, five of every revisit, and its angles or its classification."""
    beside = [4 if place.has_angles else int(level == "L2A") for level in settings.levels]
    return 4 + settings.revisits * sum(5 + more for more in beside)


def _join(stop: Event, written: "Synchronized[int]") -> None:
    """Keep what is shared, and watch for the end."""
    _Shared.stop, _Shared.written = stop, written
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    """End this process, whatever it is doing, when it is told to stop or its parent has been killed."""
    parent = multiprocessing.parent_process()
    while parent is not None and parent.is_alive():
        if _Shared.stop.wait(_TICK):
            break
    os._exit(1)


def _write_place(root: Path, place: Place, revisits: Sequence[Revisit], settings: SampleSettings) -> None:
    """Paint one place and write its files."""
    rng = create_generator(settings.seed, "ground", place.name)
    canvas = Canvas(HR_SIZE, rng, compute_sun(place.highres_date, place.lat))
    place.paint(canvas)
    for _ in write_spot(root / "hr_dataset" / place.name, place, canvas, settings.seed):
        _count()
    ground = Ground.averaged(canvas, place.lr_size)
    folder = root / "lr_dataset" / place.name
    for revisit in revisits:
        for _ in write_revisit(folder, place, revisit, ground, levels=settings.levels, seed=settings.seed):
            _count()


def _count() -> None:
    """Count a file."""
    with _Shared.written.get_lock():
        _Shared.written.value += 1
