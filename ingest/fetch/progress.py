"""How far a download is: a bar for each file on a terminal, a line now and then anywhere else."""

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_PERIOD: Final = 10.0
"""Seconds between two lines where there is no terminal."""


class FetchProgress(AbstractContextManager["FetchProgress"]):
    """The bars of all files."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._said = time.monotonic()
        self.bars = Progress(
            TextColumn("{task.fields[name]}: {task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        """Show the bars."""
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bars as they stand."""
        self.bars.stop()

    def of(self, name: str) -> "FileProgress":
        """Return the progress of one file; its bar appears when it begins."""
        return FileProgress(self, self.bars.add_task("waiting", total=None, start=False, visible=False, name=name))

    def moved(self) -> None:
        """Say a line for every file under way, where no bars are and it is time."""
        if self.console.is_terminal or time.monotonic() - self._said < _PERIOD:
            return
        self._said = time.monotonic()
        for task in self.bars.tasks:
            if task.visible and not task.finished:
                of = f"{task.completed / 1e6:,.0f} of {(task.total or 0) / 1e6:,.0f} MB"
                self.console.print(f"{task.fields['name']}: {task.description} {of}", highlight=False)


@dataclass(frozen=True)
class FileProgress:
    """The bar of one file."""

    _all: FetchProgress
    _task: TaskID

    def begin(self, doing: str, total: int, done: int = 0) -> None:
        """Begin at `done` of `total` bytes."""
        self._all.bars.reset(self._task, total=total, completed=done, visible=True, description=doing)

    def advance(self, count: int) -> None:
        """Go on by so many bytes; from any thread."""
        self._all.bars.advance(self._task, count)
        self._all.moved()

    def tell(self, line: str) -> None:
        """Say something that a person should know."""
        self._all.console.print(line, highlight=False)
