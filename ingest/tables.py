"""A published table that is given as a file of its own."""

from collections.abc import Iterator, Mapping

from catalog.metadata import METADATA_CSV, SPLIT_CSV, Problem
from ingest.errors import SourceError
from ingest.source import Entry, Origin


class TablePart:
    """`metadata.csv` or the table of splits, and no images."""

    failures: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    holds_images = False

    def __init__(self, table: Origin) -> None:
        self.place = table.place
        name = self.place.rpartition("/")[2]
        if name not in {METADATA_CSV, SPLIT_CSV}:
            raise SourceError(
                f"{self.place} is neither {METADATA_CSV} nor {SPLIT_CSV}; tables are known by their names."
            )
        self.tables: Mapping[str, Origin] = {name: table}

    def aois(self) -> list[str]:
        """Return no names: it holds no images."""
        return []

    def entries(self, aoi: str) -> Iterator[Entry]:  # noqa: ARG002 - a part's signature
        """Yield nothing: it holds no images."""
        return iter(())
