"""The receipt of a run: what it meant to bring, held against what pgSTAC and the store hold at its end."""

from dataclasses import dataclass
from typing import Any, Final

import psycopg

from catalog.errors import ReceiptError
from catalog.objects import ObjectStore
from catalog.stored import StoredItems
from ingest.audit import Auditor, batch_of
from ingest.findings import Finding
from ingest.marks import mark
from ingest.object_audit import ObjectAuditor

AOIS_AT_ONCE: Final = 10
"""AOIs whose items are in memory at a time."""
_SHOWN: Final = 3

_NAMES: Final = "SELECT aoi FROM worldstrat.aoi_runs WHERE run = %s AND status IN ('done', 'partial') ORDER BY aoi"
_ITEMS: Final = "SELECT aoi, items FROM worldstrat.aoi_runs WHERE run = %s AND aoi = ANY(%s)"


@dataclass(frozen=True)
class Receipt:
    """What a run brought and the catalog holds, compared."""

    items: int
    """Items, equal by content."""
    objects: int
    """Objects that they name, equal in size; each was compared byte by byte when it was put."""
    bytes: int
    """Bytes of these objects."""

    def __str__(self) -> str:
        """Return the receipt in words."""
        return (
            f"Receipt: {self.items:,} items are in pgSTAC as they were made, "
            f"and the {self.objects:,} objects that they name ({self.bytes / 1e6:,.1f} MB) are in the store."
        )


def take_receipt(connection: psycopg.Connection[Any], run: int, store: ObjectStore) -> Receipt:
    """Read back what a run has brought.

    Args:
        connection: to the catalog, whose lock it holds.
        run: number of the run.
        store: where the objects are.

    Raises:
        ReceiptError: something is not as it was meant; its AOIs are marked, so that the next run makes them again.
        ObjectStoreError: the store does not answer.
    """
    names = [name for (name,) in connection.execute(_NAMES, (run,))]
    findings: list[Finding] = []
    with ObjectAuditor(store, quick=True) as objects:
        auditor = Auditor(StoredItems(connection), objects, None)
        for start in range(0, len(names), AOIS_AT_ONCE):
            states = connection.execute(_ITEMS, (run, names[start : start + AOIS_AT_ONCE])).fetchall()
            findings += auditor.check(batch_of(states))
    if findings:
        _refuse(connection, run, findings)
    return Receipt(auditor.items, objects.objects, objects.bytes)


def _refuse(connection: psycopg.Connection[Any], run: int, findings: list[Finding]) -> None:
    damaged: dict[str, list[Finding]] = {}
    for finding in findings:
        damaged.setdefault(finding.aoi, []).append(finding)
    mark(connection, run, damaged)
    named = "; ".join(f"{one.kind} {one.href or one.item}" for one in findings[:_SHOWN])
    raise ReceiptError(
        f"The catalog is not what the run brought, in {len(findings):,} places of {len(damaged):,} AOIs: {named}. "
        "The same command makes these AOIs again."
    )
