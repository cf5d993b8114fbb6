"""How far a run is: its AOIs towards their total, and the items that they gave."""

from rich.console import Console

from catalog.progress import StepProgress


class RunProgress(StepProgress):
    """Counts AOIs and items."""

    def __init__(self, console: Console, total: int) -> None:
        super().__init__(console, "AOIs", total)
        self._done = self._items = 0

    def advance(self, items: int) -> None:
        """Count one AOI with its items."""
        self._done += 1
        self._items += items
        self.at(self._done, f"{self._items:,} items")
