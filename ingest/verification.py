"""What a check of the catalog found, as a value, as JSON and as a table."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catalog.constants import COLLECTIONS
from ingest.counts import counts_table
from ingest.findings import Finding

KEPT: Final = 10_000
"""Findings that are kept one by one; the others are only counted."""
SHOWN: Final = 20
"""Findings that the table names."""
_MEGABYTE: Final = 1e6


@dataclass
class Verification:
    """The sum of a check: what was looked at, and what is not as it was meant."""

    quick: bool = False
    """Whether only the sizes of objects were compared."""
    aois: int = 0
    """AOIs whose items were held against what was ingested."""
    items: int = 0
    """Items that pgSTAC holds."""
    objects: int = 0
    """Objects that they name."""
    bytes: int = 0
    """Bytes of the objects that are there."""
    seconds: float = 0.0
    """Duration of the check."""
    counts: Counter[str] = field(default_factory=Counter)
    """Findings by kind."""
    findings: list[Finding] = field(default_factory=list)
    """The first of them, one by one."""
    damaged: dict[str, list[Finding]] = field(default_factory=dict)
    """AOIs that have findings, with the first of each."""
    repaired: list[str] = field(default_factory=list)
    """AOIs that were made again."""
    marked: list[str] = field(default_factory=list)
    """AOIs that the next ingest makes again."""

    @property
    def is_clean(self) -> bool:
        """Whether all is as it was meant."""
        return not self.counts

    @property
    def is_listed(self) -> bool:
        """Whether every finding was kept."""
        return self.counts.total() == len(self.findings)

    def add(self, finding: Finding) -> None:
        """Count one finding."""
        self.counts[finding.kind] += 1
        if len(self.findings) < KEPT:
            self.findings.append(finding)
        if finding.aoi and finding.collection in COLLECTIONS:
            known = self.damaged.setdefault(finding.aoi, [])
            if len(known) < SHOWN:
                known.append(finding)

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as JSON has it."""
        return {
            "clean": self.is_clean,
            "quick": self.quick,
            "aois": self.aois,
            "items": self.items,
            "objects": self.objects,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "counts": dict(self.counts),
            "findings": [finding.to_json() for finding in self.findings],
            "repaired": self.repaired,
            "marked": self.marked,
        }

    def print(self, console: Console) -> None:
        """Print the outcome for a person."""
        console.print(self._totals())
        if self.findings:
            console.print(_listed(self.findings, self.counts.total()))
        if self.repaired:
            console.print(f"Made again: {len(self.repaired):,} AOIs.")
        if self.marked:
            console.print(
                f"Marked: {len(self.marked):,} AOIs. The next `worldstrat ingest` of the dataset makes them again."
            )
        elif self.damaged:
            console.print("`worldstrat verify --repair SRC...` makes the damaged AOIs again from the dataset.")
        if self.is_clean:
            console.print("All is as it was ingested.")

    def _totals(self) -> Table:
        rows = {
            "AOIs": f"{self.aois:,}",
            "items": f"{self.items:,}",
            "objects": f"{self.objects:,}",
            "MB": f"{self.bytes / _MEGABYTE:,.1f}",
            "seconds": f"{self.seconds:,.1f}",
            **{kind: f"{count:,}" for kind, count in sorted(self.counts.items())},
        }
        return counts_table("Verified" + (" (sizes only)" if self.quick else ""), rows)


def _listed(findings: list[Finding], total: int) -> Table:
    more = f" (the first {SHOWN} of {total:,}; --json has more)" if total > SHOWN else ""
    table = Table("what", "AOI", "item or object", "reason", title="Not as it was meant" + more)
    table.columns[2].overflow = "fold"
    for one in findings[:SHOWN]:
        table.add_row(one.kind, escape(one.aoi), escape(_place(one)), escape(one.reason))
    return table


def _place(finding: Finding) -> str:
    """Return what is meant, as short as it stays clear: an object's key without its collection, or the item."""
    return finding.href.rpartition(f"/{finding.collection}/")[2] or finding.item
