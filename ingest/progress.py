"""How far a run is: a bar on a terminal, a line now and then anywhere else."""

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_PERIOD: Final = 10.0
"""Seconds between two lines where there is no terminal."""


class RunProgress(AbstractContextManager["RunProgress"]):
    """Counts AOIs towards a total, on the given console."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._done = self._items = 0
        self._said = time.monotonic()
        columns = (TextColumn("AOIs"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[items]} items"))
        self._bar = Progress(
            *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal
        )
        self._task = self._bar.add_task("AOIs", total=total, items="0")

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()

    def advance(self, items: int) -> None:
        """Count one AOI with its items."""
        self._done += 1
        self._items += items
        self._bar.update(self._task, advance=1, items=f"{self._items:,}")
        if not self._console.is_terminal and time.monotonic() - self._said > _PERIOD:
            self._said = time.monotonic()
            self._console.print(f"{self._done:,} of {self._total:,} AOIs, {self._items:,} items")
