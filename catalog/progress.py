"""How far a run is: a bar on a terminal, a line now and then anywhere else."""

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_PERIOD: Final = 10.0
"""Seconds between two lines where there is no terminal."""


class StepProgress(AbstractContextManager["StepProgress"]):
    """Shows steps towards a total, with a word on how it goes."""

    def __init__(self, console: Console, title: str, total: int | None) -> None:
        self._console, self._title, self._total = console, title, total
        self._said = time.monotonic()
        columns = (
            TextColumn(title, markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[word]}", markup=False),
        )
        self._bar = Progress(
            *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal
        )
        self._task = self._bar.add_task(title, total=total, word="")

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()

    def at(self, step: int, word: str = "") -> None:
        """Show a step."""
        self._bar.update(self._task, completed=step, word=word)
        if not self._console.is_terminal and time.monotonic() - self._said > _PERIOD:
            self._said = time.monotonic()
            of = f" of {self._total:,}" if self._total else ""
            self._console.print(f"{self._title}: {step:,}{of} {word}".rstrip(), highlight=False, markup=False)
