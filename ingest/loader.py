"""Ingested AOIs into the catalog, in batches: items first, then what is known of the AOI; and the run's own row."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from catalog.connection import connect, translated
from catalog.errors import DatabaseError
from catalog.metadata import Problem
from catalog.settings import DatabaseSettings
from ingest.plan import Found
from ingest.report import Report
from ingest.report_query import read_report
from ingest.runs import RunEnd, Runs, Untouched
from ingest.state import AoiState
from ingest.task import Ingested

if TYPE_CHECKING:
    from catalog.objects import ObjectStore
    from ingest.batch import BatchWriter

BATCH_SIZE: Final = 200
"""Items of one copy into the database, about six AOIs."""
BATCH_AOIS: Final = 100
"""AOIs of one batch at most, for those that give no items."""
UNTOUCHED_SIZE: Final = 500
"""Rows of AOIs without work that are written at once."""


class CatalogLoader(AbstractContextManager["CatalogLoader"]):
    """Writes what workers made; leaving it writes what is left of the last batch, and how the run ended."""

    def __init__(self, database: DatabaseSettings, sources: Sequence[str], options: Mapping[str, Any]) -> None:
        self._database = database
        self._asked = (sources, options)
        self._open = ExitStack()
        self._writer: BatchWriter | None = None
        self._batch: list[tuple[Ingested, Found]] = []
        self._untouched: list[tuple[str, Untouched, Sequence[Problem]]] = []
        self.failures: list[Problem] = []
        """What of the source as a whole could not be read."""
        self.notes: list[Problem] = []
        """What only the whole run shows of AOIs."""
        self.remarks: list[str] = []
        """What is to be said of the run as a whole."""
        self.loaded = 0
        """AOIs that this run has brought into the catalog."""
        self.report = Report()
        """The run's report, once it is closed."""
        self.is_behind = False
        """Whether the collections have to be made what this version says of them, also where there is no work."""

    def __enter__(self) -> Self:
        """Return the loader itself, once it is the only one.

        Raises:
            StateError: another ingest writes this catalog.
            DatabaseError: the database does not answer, or has no pgSTAC.
        """
        with ExitStack() as stack:
            self._connection = stack.enter_context(closing(connect(self._database)))
            self._runs = Runs(self._connection)
            with translated(self._database):
                after_a_clean_run = self._runs.open(*self._asked)
            self._open = stack.pop_all()
        # Another version made the collections, or a run ended before they were brought up to date.
        self.is_behind = not after_a_clean_run
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Load the last batch and close; an interrupted run keeps what it did."""
        with self._open:
            try:
                if not isinstance(error, DatabaseError):
                    self.flush()
                    if self._writer is not None:
                        self._writer.finish()
            except BaseException as failure:
                self._close(failure)
                raise
            self._close(error)

    def prepare(self) -> "BatchWriter":
        """Make the collections what this version says of them, once; return what writes items."""
        if self._writer is None:
            # pystac and pypgstac take a second to be imported, which a run without work does not need.
            from ingest.batch import BatchWriter  # noqa: PLC0415

            self._writer = self._open.enter_context(BatchWriter(self._database, self._connection))
        return self._writer

    def states(self, names: Sequence[str]) -> dict[str, AoiState]:
        """Return what is known of these AOIs."""
        with translated(self._database):
            return self._runs.states(names)

    def failed(self) -> list[str]:
        """Return the names of the AOIs whose last ingest refused something."""
        with translated(self._database):
            return self._runs.failed()

    def others(self, names: Sequence[str]) -> list[str]:
        """Return the names of AOIs in the catalog that are not among these."""
        with translated(self._database):
            return self._runs.others(names)

    def add(self, ingested: Ingested, found: Found, notes: Sequence[Problem] = ()) -> None:
        """Take one AOI, and what its tables' rows are noted for; its items are loaded with their batch."""
        noted = replace(ingested, notes=(*notes, *ingested.notes)) if notes else ingested
        self._batch.append((noted, found))
        if len(self._batch) >= BATCH_AOIS or sum(len(one.items) for one, _ in self._batch) >= BATCH_SIZE:
            self.flush()

    def leave(self, aoi: str, status: Untouched, notes: Sequence[Problem] = ()) -> None:
        """Note that an AOI was seen and nothing done."""
        self._untouched.append((aoi, status, notes))
        if len(self._untouched) >= UNTOUCHED_SIZE:
            self._write_untouched()

    def flush(self) -> None:
        """Load the batch, ask the database for its receipt, and only then note the AOIs as done.

        Raises:
            DatabaseError: the database does not answer.
            ReceiptError: it lacks items after the load.
        """
        self._write_untouched()
        if not self._batch:
            return
        batch, self._batch = self._batch, []
        states = self.prepare().write(batch)
        with translated(self._database):
            self._runs.save(states)
        self.loaded += len(states)

    def receipt(self, store: "ObjectStore") -> None:
        """Load what is left, then read back all that this run has brought; the outcome becomes a remark.

        Raises:
            ReceiptError: pgSTAC or the store holds something else than what was meant.
        """
        self.flush()
        self.remarks.append(self.prepare().receipt(self._runs.run, store))

    def _write_untouched(self) -> None:
        if self._untouched:
            with translated(self._database):
                self._runs.save_untouched(self._untouched)
            self._untouched.clear()

    def _close(self, error: BaseException | None) -> None:
        """Write how the run ended, and read its report; where the database is what failed, the next run finds out."""
        try:
            with translated(self._database):
                self._runs.close(self._end(error))
                report = read_report(self._connection, self._runs.run)
                self._runs.count(report.counts())
        except DatabaseError:
            if error is None:
                raise
        else:
            self.report = report

    def _end(self, error: BaseException | None) -> RunEnd:
        told = (self.failures, self.notes, self.remarks)
        if error is None:
            return RunEnd("partial" if self.failures or self._runs.has_failures() else "done", None, *told)
        if isinstance(error, KeyboardInterrupt):
            return RunEnd("interrupted", None, *told)
        return RunEnd("failed", f"{type(error).__name__}: {error}", *told)
