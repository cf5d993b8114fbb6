"""The two published tables, for the places of the sample."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ingest.sample.place import AREA, Place
from ingest.sample.revisits import Revisit

VERSIONS = ("v1.0", "v1.1")
"""The published versions; v1.1 names the first column of metadata.csv."""

_METADATA = (
    "n", "lowres_date", "highres_date", "delta", "lon", "lat", "bounds", "area", "cloud_cover", "LCCS", "SMOD",
    "IPCC Class", "LCCS class", "SMOD Class",
)  # fmt: skip
_SPLITS = ("", "tile", "IPCC Class", "SMOD", "source", "joint_class", "split")


def write_tables(root: Path, revisits: Mapping[Place, Sequence[Revisit]], version: str) -> None:
    """Write metadata.csv and stratified_train_val_test_split.csv into `root`."""
    first = "" if version == "v1.0" else "tile"
    rows = (_describe(place, revisit) for place, series in revisits.items() for revisit in series)
    _write(root / "metadata.csv", (first, *_METADATA), rows)
    _write(root / "stratified_train_val_test_split.csv", _SPLITS, _list_splits(revisits))


def _describe(place: Place, revisit: Revisit) -> tuple[object, ...]:
    """Return a row of metadata.csv."""
    classes = place.classes
    return (
        place.name, revisit.n, revisit.lowres_date, place.highres_date, revisit.delta, place.lon, place.lat,
        str(list(place.bounds)), AREA, revisit.cloud_cover, classes.lccs, classes.smod,
        classes.ipcc, classes.lccs_label, classes.smod_label,
    )  # fmt: skip


def _list_splits(revisits: Mapping[Place, Sequence[Revisit]]) -> Iterable[tuple[object, ...]]:
    """Yield the rows of the split table: one for each split that a place is listed in, none where it has none."""
    row = 0
    for place, series in revisits.items():
        classes = place.classes
        joint = f"{place.source}/{classes.ipcc}/{classes.smod}"
        for split in place.splits:
            yield row, place.name, classes.ipcc, classes.smod, place.source, joint, split
        row += len(series)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV with Unix line ends."""
    with path.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
