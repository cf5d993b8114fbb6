"""A run: AOIs from the source through the workers into the catalog, and the receipt."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

from rich.console import Console

from catalog.errors import SettingsError, WorldStratError
from catalog.metadata import Aoi, Problem, source_of
from catalog.objects import ObjectStore
from catalog.settings import DatabaseSettings, StoreSettings
from ingest.errors import SourceError
from ingest.loader import CatalogLoader
from ingest.progress import RunProgress
from ingest.report import Report
from ingest.source import AoiFiles, Source
from ingest.sources import open_source
from ingest.state import AoiState, fingerprint
from ingest.store import check_writable
from ingest.task import Ingested, Task

SCHEMA_INDEX = "index.json"
PARTLY_VALIDATED = (
    "Items were validated against the STAC core and the worldstrat extension; "
    "--schemas DIR validates all their extensions."
)


@dataclass(frozen=True)
class Options:
    """What a run is asked to do."""

    src: str | Path | Sequence[str | Path]
    """What the published dataset comes in, one or several."""
    database: DatabaseSettings
    """Where items go."""
    store: StoreSettings
    """Where objects go."""
    workers: int = 1
    """Processes of the pool, or CPUs of a Ray cluster that is started here."""
    ray_address: str | None = None
    """Ray cluster to use instead of a pool: `local`, `host:port` or `ray://host:port`."""
    schemas: Path | None = None
    """Folder with the extensions' schemas, for full validation."""
    only: tuple[str, ...] = ()
    """Names of the AOIs to ingest; all where there are none."""
    force: bool = False
    """Whether to ingest unchanged AOIs again."""


class Executor(Protocol):
    """Runs tasks somewhere, a bounded number at a time."""

    def run(self, tasks: Iterator[Task]) -> Iterator[Ingested]:
        """Yield what came of each task as it is done, in no order; tasks are drawn as others end."""


def ingest(options: Options, console: Console) -> Report:
    """Bring the catalog to what the folder holds; progress goes to the console.

    Ctrl-C ends the run early: what was done stays, and the report says that it was interrupted.

    Raises:
        WorldStratError: the folder is no dataset, or a service failed; what was done stays.
    """
    started = time.monotonic()
    report = Report()
    source = open_source(options.src)
    run = Run(options, source, report)
    run.check()
    try:
        with CatalogLoader(options.database, report) as loader, RunProgress(console, len(run.names)) as progress:
            run.execute(loader, progress)
    except KeyboardInterrupt:
        report.interrupted = True
    except WorldStratError:
        if report.aois:
            console.print(
                f"Stopped: {report.aois} AOIs are in the catalog and stay. The same command goes on from there."
            )
        raise
    report.seconds = time.monotonic() - started
    report.finish()
    return report


class Run:
    """One run over one source."""

    def __init__(self, options: Options, source: Source, report: Report) -> None:
        self._options = options
        self._source = source
        self._report = report
        self._fingerprints: dict[str, str] = {}
        self.names = list(options.only) or source.names()

    def check(self) -> None:
        """Find what is wrong with the options before anything is changed.

        Raises:
            SourceError: an AOI was asked for that the source does not have.
            SettingsError: the folder of schemas is none.
        """
        unknown = sorted(set(self._options.only) - set(self._source.names()))
        if unknown:
            raise SourceError(f"{self._source.name} has no AOI {', '.join(map(repr, unknown))}.")
        schemas = self._options.schemas
        if schemas is not None and not (schemas / SCHEMA_INDEX).is_file():
            raise SettingsError(f"{schemas} is no folder of schemas: it has no {SCHEMA_INDEX}.")

    def execute(self, loader: CatalogLoader, progress: RunProgress) -> None:
        """Ingest what is new or changed, and count what is there."""
        asked = set(self.names)
        self._report.notes += [problem for problem in self._source.tables.problems if problem.aoi in asked]
        self._report.notes += self._source.notes
        self._report.failures += self._source.failures
        known = loader.states()
        tasks = self._plan({} if self._options.force else known, progress)
        first = next(tasks, None)
        if first is None:
            return
        if self._options.schemas is None:
            self._report.remarks.append(PARTLY_VALIDATED)
        check_writable(ObjectStore.open(self._options.store))
        with create_executor(self._options) as executor:
            for ingested in executor.run(chain([first], tasks)):
                loader.add(ingested, self._fingerprints.pop(ingested.aoi))
                progress.advance(len(ingested.items))

    def _plan(self, states: dict[str, AoiState], progress: RunProgress) -> Iterator[Task]:
        """Yield a task for each AOI that is not in the catalog as it is in the folder; count the others."""
        for name in self.names:
            aoi = self._source.tables.aois.get(name) or Aoi(name, source_of(name))
            files = self._list(name)
            if files is None or not files.files:
                progress.advance(0)
                continue
            digest = fingerprint(aoi, files, self._options.store.url)
            state = states.get(name)
            if state is not None and state.is_done(digest):
                self._report.add(state, skipped=True)
                progress.advance(state.item_counts.total())
                continue
            self._fingerprints[name] = digest
            yield Task(aoi, files, self._options.store, self._options.schemas)

    def _list(self, name: str) -> AoiFiles | None:
        """Return the files of an AOI; where there are none, or they cannot be listed, say so."""
        try:
            files = self._source.files(name)
        except OSError as error:
            self._report.failures.append(Problem(name, str(error.filename), f"cannot be listed: {error.strerror}"))
            return None
        if not files.files:
            self._report.notes.append(Problem(name, "", "no published files; no item"))
        return files


def create_executor(options: Options) -> AbstractContextManager[Executor]:
    """Start the pool, or connect to Ray; only now are the slow libraries imported."""
    # A run that finds nothing to do ends before these imports would.
    from ingest.work import work  # noqa: PLC0415

    if options.ray_address is not None:
        try:
            from ingest.ray_executor import RayExecutor  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise SettingsError("--ray-address needs Ray: install worldstrat[ray].") from error
        return RayExecutor(options.ray_address, options.workers, work)

    from ingest.executor import PoolExecutor  # noqa: PLC0415

    return PoolExecutor(options.workers, work)
