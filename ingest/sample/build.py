"""A whole sample written to a folder: all of it, or nothing."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.sample.crew import write_places
from ingest.sample.errors import SampleError
from ingest.sample.place import select_places
from ingest.sample.revisits import choose_revisits
from ingest.sample.settings import SampleSettings
from ingest.sample.tables import write_tables

MANIFEST = "SAMPLE.json"
"""The file that tells a complete sample, and of which arguments it is."""

README = "README.txt"
"""The file that tells a person what this is; the first one written, so that an unfinished sample is known by it."""

_TEXT = """\
A procedural sample in the layout of the WorldStrat dataset (Zenodo {version})
==============================================================================

These are not real pixels. Every image here was computed: no satellite took it, and nothing in it
says anything about the places, people or years that its tables name. It exists so that the WorldStrat
data server can be tried, demonstrated and tested without a download of 107 GB.

Names follow the published scheme, and some of them are published ones; coordinates, classes, splits,
dates and clouds are made up. "Amnesty POI-5-2-2" is listed in two splits and "UNHCR-NERs009627" in none,
as they are in the published table. SPOT and Sentinel-2 show the same ground, without a shift between them.

Made by `worldstrat sample`; {manifest} has its arguments.
The dataset itself: https://doi.org/10.5281/zenodo.6810792
"""


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
    out: Path,
    settings: SampleSettings,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
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
    created = not _is_complete(out, settings)
    if created:
        try:
            _write(out, settings, workers, progress)
        except OSError as error:
            # GDAL says why only on standard error.
            reason = error.strerror or "a raster could not be written; is the disk full?"
            raise SampleError(f"The sample cannot be written to {out}: {reason}") from error
    sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file() and path.name not in {README, MANIFEST}]
    seconds = round(time.perf_counter() - started, 2)
    return Sample(str(out), settings.aois, len(sizes), sum(sizes), seconds, created)


def _write(out: Path, settings: SampleSettings, workers: int | None, progress: Callable[[int, int], None]) -> None:
    """Write everything beside `out`, then give it its name."""
    with _stage(out.with_name(f"{out.name}.partial")) as partial:
        text = _TEXT.format(version=settings.version, manifest=MANIFEST)
        (partial / README).write_text(text, encoding="utf-8")
        places = select_places(settings.aois)
        plan = {place: choose_revisits(place, settings.revisits, settings.seed) for place in places}
        write_tables(partial, plan, settings.version)
        write_places(partial, plan, settings, workers=workers, progress=progress)
        (partial / MANIFEST).write_text(_describe(settings), encoding="utf-8")
        partial.replace(out)


@contextmanager
def _stage(partial: Path) -> Iterator[Path]:
    """Make the folder that is filled, and take it away if it is still there at the end."""
    if partial.exists():
        if not (partial / README).is_file():
            raise SampleError(f"{partial} is in the way and no sample; move it, or name another folder.")
        shutil.rmtree(partial)  # what a killed run has left
    partial.mkdir(parents=True)
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _describe(settings: SampleSettings) -> str:
    """Return the manifest's text."""
    return json.dumps({"procedural": True, **asdict(settings)}, indent=2) + "\n"


def _is_complete(out: Path, settings: SampleSettings) -> bool:
    """Tell whether `out` is this very sample; refuse any other content."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    manifest = out / MANIFEST
    if not manifest.is_file():
        raise SampleError(f"{out} exists and is no sample; name a folder that does not exist.")
    if manifest.read_text(encoding="utf-8") != _describe(settings):
        raise SampleError(f"{out} is a sample of other arguments (see {manifest}); delete it, or name another folder.")
    return True
