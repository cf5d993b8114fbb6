"""A run: AOIs from the source through the workers into the catalog, and the receipt."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from rich.console import Console

from catalog.errors import SettingsError, WorldStratError
from catalog.metadata import Problem
from ingest.errors import SourceError
from ingest.loader import CatalogLoader
from ingest.options import Options
from ingest.plan import Change, Found, Gone, survey, told_others
from ingest.progress import RunProgress
from ingest.ray_token import present_token
from ingest.report import Report
from ingest.source import Source
from ingest.sources import open_source
from ingest.task import Ingested, Task

if TYPE_CHECKING:
    from catalog.objects import ObjectStore

__all__ = ["PARTLY_VALIDATED", "Executor", "Options", "check", "create_executor", "ingest", "names_of"]

SCHEMA_INDEX = "index.json"
PARTLY_VALIDATED = (
    "Items were validated against the STAC core and the worldstrat extension; "
    "--schemas DIR validates all their extensions."
)


class Executor(Protocol):
    """Runs tasks somewhere, a bounded number at a time."""

    def run(self, tasks: Iterator[Task]) -> Iterator[Ingested]:
        """Yield what came of each task as it is done, in no order; tasks are drawn as others end."""


def ingest(options: Options, console: Console, source: Source | None = None) -> Report:
    """Bring the catalog to what the source holds; progress goes to the console.

    Ctrl-C ends the run early: what was done stays, and the report says that it was interrupted.

    Args:
        options: what the run is asked to do.
        console: where progress goes.
        source: an open source; `options.src` is opened where none is given.

    Raises:
        WorldStratError: the source is no dataset, or a service failed; what was done stays.
    """
    source = source or open_source(options.src, options.indexes, console)
    check(options, source)
    loader = CatalogLoader(options.database, options.sources, options.asked)
    try:
        with loader:
            if loader.is_behind:
                # There will be work, too: the workers import what they need while the catalog is made ready.
                warm_up(options)
                loader.prepare()
            Run(options, source, loader).execute(console)
    except KeyboardInterrupt:
        if not loader.report.run:
            raise
    except WorldStratError:
        if loader.loaded:
            console.print(
                f"Stopped: {loader.loaded} AOIs are in the catalog and stay. The same command goes on from there."
            )
        raise
    if options.snapshot and not loader.report.interrupted:
        # What it imports, a run of a program that wants none does not need.
        from ingest.snapshots import keep_snapshots  # noqa: PLC0415

        loader.report.remarks += keep_snapshots(options.database, options.store)
    return loader.report


def check(options: Options, source: Source) -> None:
    """Find what is wrong with the options before anything is changed.

    Raises:
        SourceError: an AOI was asked for that the source does not have.
        SettingsError: the folder of schemas is none.
    """
    unknown = sorted(set(options.only) - set(source.names())) if options.only else []
    if unknown:
        raise SourceError(f"{source.name} has no AOI {', '.join(map(repr, unknown))}.")
    if options.schemas is not None and not (options.schemas / SCHEMA_INDEX).is_file():
        raise SettingsError(f"{options.schemas} is no folder of schemas: it has no {SCHEMA_INDEX}.")


class Failed(Protocol):
    """Knows which AOIs have failures."""

    def failed(self) -> list[str]:
        """Return the names of the AOIs whose last ingest refused something."""


def names_of(options: Options, source: Source, known: Failed) -> list[str]:
    """Return the names of the AOIs that a run looks at."""
    names = list(dict.fromkeys(options.only)) or source.names()
    if not options.retry_failed:
        return names
    failed = set(known.failed())
    return [name for name in names if name in failed]


class Run:
    """One run over one source."""

    def __init__(self, options: Options, source: Source, loader: CatalogLoader) -> None:
        self._options = options
        self._source = source
        self._loader = loader
        self._gone = Gone()
        self._found: dict[str, Found] = {}
        """AOIs at work."""
        self._noted = _by_aoi(source.tables.problems)

    def execute(self, console: Console) -> None:
        """Ingest what is new or changed, and note what is there."""
        names = names_of(self._options, self._source, self._loader)
        with RunProgress(console, len(names)) as progress:
            tasks = self._plan(names, progress)
            first = next(tasks, None)
            if first is not None:
                self._work(chain([first], tasks), progress)
        self._tell(names)

    def _work(self, tasks: Iterator[Task], progress: RunProgress) -> None:
        if self._options.schemas is None:
            self._loader.remarks.append(PARTLY_VALIDATED)
        with create_executor(self._options) as executor:
            self._loader.prepare()
            store = open_store(self._options)
            for ingested in executor.run(tasks):
                self._loader.add(ingested, self._found.pop(ingested.aoi), self._noted.get(ingested.aoi, ()))
                progress.advance(len(ingested.items))
        self._loader.receipt(store)

    def _plan(self, names: Sequence[str], progress: RunProgress) -> Iterator[Task]:
        """Yield a task for each AOI that is not in the catalog as it is in the source; note the others."""
        for found in survey(self._source, names, self._loader.states, self._options):
            self._gone.look(found)
            if found.change.is_work:
                self._found[found.aoi.name] = found
                yield Task(found.aoi, found.files, self._options.store, self._options.schemas)
            else:
                self._leave(found)
                progress.advance(0 if found.state is None else found.state.item_counts.total())

    def _leave(self, found: Found) -> None:
        """Note an AOI that there is nothing to do for."""
        name = found.aoi.name
        if found.change is Change.UNREADABLE and found.problem is not None:
            self._loader.add(
                Ingested(name, failures=(found.problem,), finished=False), found, self._noted.get(name, ())
            )
        elif found.change is Change.ABSENT and found.problem is not None:
            self._loader.leave(name, "absent", [found.problem, *self._noted.get(name, ())])
        else:
            self._loader.leave(name, "skipped")

    def _tell(self, names: Sequence[str]) -> None:
        """Say what only the whole source shows."""
        self._loader.failures += self._source.failures
        self._loader.notes += [*self._source.notes, *self._gone.problems()]
        if self._options.only or self._options.retry_failed:
            return
        others = self._loader.others(names)
        if others:
            self._loader.remarks.append(told_others(others))


def _by_aoi(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    noted: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        noted[problem.aoi].append(problem)
    return noted


def open_store(options: Options) -> "ObjectStore":
    """Return the object store, once it is known that it can be written.

    Raises:
        ObjectStoreError: it cannot.
    """
    from catalog.objects import ObjectStore  # noqa: PLC0415 - a run that finds nothing to do needs neither
    from ingest.store import check_writable  # noqa: PLC0415

    store = ObjectStore.open(options.store)
    check_writable(store)
    return store


def warm_up(options: Options) -> None:
    """Begin to start the pool of this machine, where that is what the run will use."""
    if options.ray_address is None:
        from ingest.executor import start_server  # noqa: PLC0415 - as below

        start_server()


def create_executor(options: Options) -> AbstractContextManager[Executor]:
    """Start the pool, or connect to Ray; only now is what they need imported."""
    # A run that finds nothing to do ends before these imports would.
    from ingest.executor import PoolExecutor, work  # noqa: PLC0415

    if options.ray_address is not None:
        present_token()
        try:
            from ingest.ray_executor import RayExecutor  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise SettingsError("--ray-address needs Ray: install worldstrat[ray].") from error
        return RayExecutor(options.ray_address, options.workers, work)
    return PoolExecutor(options.workers, work)
