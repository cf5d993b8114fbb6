"""A whole sample written to a folder: all of it, or nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.sample.errors import SampleError
from ingest.sample.noise import create_generator
from ingest.sample.place import MOST_PLACES, Place, select_places
from ingest.sample.revisits import MOST_REVISITS, Revisit, choose_revisits
from ingest.sample.sentinel2 import LEVELS, Ground, write_revisit
from ingest.sample.spot import HR_SIZE, write_spot
from ingest.sample.sun import compute_sun
from ingest.sample.tables import VERSIONS, write_tables

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

MANIFEST = "SAMPLE.json"
"""The file that tells a complete sample, and of which arguments it is."""

README = "README.txt"

_GENERATION = 1
"""Raised when the same arguments make other bytes than before."""

_TEXT = """\
A procedural sample in the layout of the WorldStrat dataset (Zenodo {version})
==============================================================================

These are not real pixels. Every image here was computed: no satellite took it, and nothing in it
says anything about the places, people or years that its tables name. It exists so that the WorldStrat
data server can be tried, demonstrated and tested without a download of 107 GB.

Names follow the published scheme, and a few of them are published ones; coordinates, dates and clouds
are made up. "Amnesty POI-5-2-2" is listed in two splits and "UNHCR-NERs009627" in none, as they are in
the published table. SPOT and Sentinel-2 show the same ground, without a shift between them.

Made by `worldstrat sample`; {manifest} has its arguments. The dataset itself: https://doi.org/10.5281/zenodo.6810791
"""


@dataclass(frozen=True)
class SampleSettings:
    """What a sample is made of; the same settings make the same bytes."""

    aois: int = 8
    """How many AOIs, 1 to 400."""
    revisits: int = MOST_REVISITS
    """Sentinel-2 revisits of each AOI, 1 to 16."""
    levels: tuple[str, ...] = LEVELS
    """Processing levels of Sentinel-2."""
    version: str = VERSIONS[0]
    """Which publication's form."""
    seed: int = 0
    """Another seed, other ground, dates and clouds."""

    def __post_init__(self) -> None:
        """Refuse what cannot be made."""
        if not 1 <= self.aois <= MOST_PLACES:
            raise SampleError(f"A sample has 1 to {MOST_PLACES} AOIs, not {self.aois}.")
        if not 1 <= self.revisits <= MOST_REVISITS:
            raise SampleError(f"An AOI has 1 to {MOST_REVISITS} revisits, not {self.revisits}.")
        if not self.levels or set(self.levels) - set(LEVELS):
            raise SampleError(f"Levels are {' and '.join(LEVELS)}, not {','.join(self.levels) or 'none'}.")
        if self.version not in VERSIONS:
            raise SampleError(f"Versions are {' and '.join(VERSIONS)}, not {self.version}.")


@dataclass(frozen=True)
class Sample:
    """A sample that was written, or was there already."""

    out: str
    """Its folder."""
    aois: int
    """AOIs in it."""
    files: int
    """Files of the dataset, the two tables included."""
    bytes: int
    """Their size."""
    seconds: float
    """What it took."""
    created: bool
    """Whether it was written now; false where it was there already."""


def build_sample(
    out: Path, settings: SampleSettings, *, workers: int | None = None, progress: Callable[[int, int], None] | None = None
) -> Sample:
    """Write a sample to `out`, or leave the one that is there.

    The files appear in `out` at once when all are written; an interrupted run leaves nothing.

    Args:
        out: the folder to make; absent, empty, or a sample of the same settings.
        settings: what to make.
        workers: processes; as many as there are cores if not given.
        progress: told how many files of how many are written.

    Raises:
        SampleError: `out` holds something else, or cannot be written.
    """
    started = time.perf_counter()
    if _is_complete(out, settings):
        return _describe(out, settings, started, created=False)
    partial = out.with_name(f"{out.name}.partial")
    try:
        _prepare(partial, settings)
        _fill(partial, settings, workers or len(os.sched_getaffinity(0)), progress or (lambda _done, _total: None))
        (partial / MANIFEST).write_text(_manifest(settings), encoding="utf-8")
        partial.replace(out)
    except OSError as error:
        raise SampleError(f"The sample cannot be written to {out}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return _describe(out, settings, started, created=True)


def _manifest(settings: SampleSettings) -> str:
    """Return the manifest's text."""
    return json.dumps({"procedural": True, "generation": _GENERATION, **asdict(settings)}, indent=2) + "\n"


def _is_complete(out: Path, settings: SampleSettings) -> bool:
    """Tell whether `out` is this very sample; refuse any other content."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    manifest = out / MANIFEST
    if not manifest.is_file():
        raise SampleError(f"{out} is not empty and no sample of ours; name a new folder.")
    if manifest.read_text(encoding="utf-8") != _manifest(settings):
        raise SampleError(f"{out} holds a sample of other arguments (see {manifest}); delete it or name a new folder.")
    return True


def _prepare(partial: Path, settings: SampleSettings) -> None:
    """Make the folder that is filled; one left by a killed run is made anew."""
    if partial.exists():
        if not (partial / README).is_file():
            raise SampleError(f"{partial} is in the way and not ours; move it or name another folder.")
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    text = _TEXT.format(version=settings.version, manifest=MANIFEST)
    (partial / README).write_text(text, encoding="utf-8")


def _describe(out: Path, settings: SampleSettings, started: float, *, created: bool) -> Sample:
    """Count what is in a finished sample."""
    sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file() and path.name not in {README, MANIFEST}]
    seconds = round(time.perf_counter() - started, 2)
    return Sample(str(out), settings.aois, len(sizes), sum(sizes), seconds, created)


def _fill(partial: Path, settings: SampleSettings, workers: int, progress: Callable[[int, int], None]) -> None:
    """Write the tables and, in a pool, the AOIs."""
    plan = {
        place: choose_revisits(place, settings.revisits, settings.seed) for place in select_places(settings.aois)
    }
    write_tables(partial, plan, settings.version)
    total = sum(_count_files(place, settings) for place in plan)
    context = multiprocessing.get_context("spawn")
    stop, written = context.Event(), context.Value("q", 0)
    pool = ProcessPoolExecutor(min(workers, len(plan)), context, initializer=_start_worker, initargs=(stop, written))
    try:
        pending = {pool.submit(_write_aoi, partial, place, series, settings) for place, series in plan.items()}
        while pending:
            pending = _gather(pending)
            progress(written.value, total)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _gather(pending: set[Future[None]]) -> set[Future[None]]:
    """Wait a moment, raise what a worker raised, and return what is still running."""
    done, running = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
    return running


def _count_files(place: Place, settings: SampleSettings) -> int:
    """Return how many files an AOI has."""
    common = 5  # data, CLM, CLP, dataMask and .metadata
    beside = {level: 4 if place.has_angles else int(level == "L2A") for level in settings.levels}
    return 4 + settings.revisits * sum(common + more for more in beside.values())


class _Worker:
    """What a worker process shares with the one that started it."""

    stop: Event
    written: multiprocessing.sharedctypes.Synchronized[int]


def _start_worker(stop: Event, written: multiprocessing.sharedctypes.Synchronized[int]) -> None:
    """Keep the shared state; leave Ctrl-C to the parent, which then sets `stop`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Worker.stop, _Worker.written = stop, written


def _write_aoi(root: Path, place: Place, revisits: list[Revisit], settings: SampleSettings) -> None:
    """Paint one place and write its files."""
    sun = compute_sun(place.highres_date, place.lat)
    canvas = place.paint(create_generator(settings.seed, "ground", place.name), HR_SIZE, sun)
    for _path in write_spot(root / "hr_dataset" / place.name, place, canvas, settings.seed):
        if not _go_on():
            return
    ground = Ground.averaged(canvas, place.lr_size)
    for revisit in revisits:
        folder = root / "lr_dataset" / place.name
        for _path in write_revisit(folder, place, revisit, ground, settings.levels, settings.seed):
            if not _go_on():
                return


def _go_on() -> bool:
    """Count a file; tell whether to write the next."""
    with _Worker.written.get_lock():
        _Worker.written.value += 1
    return not _Worker.stop.is_set()
