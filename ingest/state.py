"""What is known of an AOI: what it was made of, what it became, and how a later run joins that with its own."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from catalog.constants import COLLECTION_SPOT, LEVEL_COLLECTIONS
from catalog.metadata import Problem
from ingest.inputs import Fingerprints, level_of
from ingest.task import Ingested

Status = Literal["done", "partial", "failed"]
Hashes = Mapping[str, Mapping[str, str | None]]
"""Content hashes of items by collection and id; None where an earlier version did not note them."""

COLLECTION_OF = {**{str(level): collection for level, collection in LEVEL_COLLECTIONS.items()}, "SPOT": COLLECTION_SPOT}
"""Collection of the items of each level."""


@dataclass(frozen=True)
class AoiState:
    """What came of the last ingest of one AOI, without the items themselves."""

    aoi: str
    """Name of the AOI."""
    fingerprints: Fingerprints
    """Fingerprints of the images that it was made of."""
    items: Hashes = field(default_factory=dict)
    """Its items in the catalog."""
    files: int = 0
    """Published files that became objects."""
    bytes_in: int = 0
    """Bytes of these files."""
    bytes_out: int = 0
    """Bytes of the objects."""
    failures: tuple[Problem, ...] = ()
    """Files that were refused."""
    notes: tuple[Problem, ...] = ()
    """Oddities that were accepted."""
    seconds: float = 0.0
    """Time that the worker took."""

    @classmethod
    def of(cls, ingested: Ingested, fingerprints: Fingerprints, items: Hashes) -> "AoiState":
        """Return the state that an ingest leaves behind; `items` are those it made."""
        return cls(
            aoi=ingested.aoi,
            fingerprints=fingerprints if ingested.finished else {},
            items=items,
            files=ingested.files,
            bytes_in=ingested.bytes_in,
            bytes_out=ingested.bytes_out,
            failures=ingested.failures,
            notes=ingested.notes,
            seconds=ingested.seconds,
        )

    @property
    def status(self) -> Status:
        """Whether all went well, some of it, or nothing."""
        if not self.failures:
            return "done"
        return "partial" if self.items else "failed"

    @property
    def item_counts(self) -> Counter[str]:
        """Number of items by collection."""
        return Counter({collection: len(hashes) for collection, hashes in self.items.items()})

    def knows(self, fingerprints: Fingerprints) -> bool:
        """Tell whether the AOI was made of these very images; it may have others besides."""
        return all(self.fingerprints.get(image) == digest for image, digest in fingerprints.items())

    def without_lost(self, present: Mapping[str, Collection[str]]) -> "AoiState":
        """Return this state as the catalog bears it out: where items are lost, all of it is to be made again.

        Args:
            present: ids of the items that the catalog holds, by collection.
        """
        items = {
            name: {i: known for i, known in held.items() if i in present.get(name, ())}
            for name, held in self.items.items()
        }
        if items == self.items:
            return self
        return replace(self, fingerprints={}, items={name: held for name, held in items.items() if held})

    def joined(self, earlier: "AoiState | None", images: Collection[str]) -> "AoiState":
        """Return this state with what an earlier one knew of images that this ingest did not make.

        Their items stay in the catalog: their files may lie in another archive, be gone, or be damaged only now.

        Args:
            earlier: what was known before.
            images: names of the images that this ingest had files of; failures of other levels stand as they were.
        """
        if earlier is None:
            return self
        kept = kept_items(earlier, self.items)
        levels = {level_of(image) for image in images}
        here = {COLLECTION_OF[level] for level in levels}
        count = sum(len(held) for name, held in kept.items() if name in here)
        note = Problem(self.aoi, "", f"{count} items of earlier runs, without good files here, stay in the catalog")
        return replace(
            self,
            fingerprints={i: f for i, f in earlier.fingerprints.items() if i not in images} | dict(self.fingerprints),
            items={name: {**kept.get(name, {}), **self.items.get(name, {})} for name in {**kept, **self.items}},
            failures=(*self.failures, *(p for p in earlier.failures if _level(p) not in {*levels, ""})),
            notes=(*self.notes, note) if count else self.notes,
        )

    def with_hashes(self, hashes: Mapping[tuple[str, str], str]) -> "AoiState":
        """Return this state with the hashes of items that were written anew, by (collection, id)."""
        items = {
            name: {i: hashes.get((name, i), value) for i, value in held.items()} for name, held in self.items.items()
        }
        return replace(self, items=items)


def kept_items(earlier: AoiState | None, made: Mapping[str, Collection[str]]) -> dict[str, dict[str, str | None]]:
    """Return the items of an earlier state, by collection, that are not among those made now."""
    if earlier is None:
        return {}
    kept = {
        name: {i: value for i, value in held.items() if i not in made.get(name, ())}
        for name, held in earlier.items.items()
    }
    return {name: held for name, held in kept.items() if held}


def _level(problem: Problem) -> str:
    """Return the level of a refused file by its name, or of a refused item by its id; empty where it has none."""
    for level, folder in (("L2A", "/L2A/"), ("L1C", "/L1C/"), ("SPOT", "hr_dataset/")):
        if folder in problem.file or f"_{level}" in problem.file.rpartition("/")[2]:
            return level
    return ""
