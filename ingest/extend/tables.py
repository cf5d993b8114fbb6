"""The two tables of a folder that AOIs are added to."""

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from catalog.metadata import METADATA_CSV, SPLIT_CSV
from ingest.extend.errors import ExtendError
from ingest.extend.layout import product_id
from ingest.extend.rank import Choice
from ingest.extend.wanted import Wanted
from ingest.names import HR, LR

_METADATA: Final = (
    "tile", "n", "lowres_date", "highres_date", "delta", "rank", "lon", "lat", "bounds", "area", "cloud_cover", "LCCS",
    "SMOD", "IPCC Class", "LCCS class", "SMOD Class", "source", "source_item", "product_id",
)  # fmt: skip
_SPLITS: Final = ("tile", "IPCC Class", "SMOD", "source", "joint_class", "split")

Row = Mapping[str, Any]


class FolderTables:
    """`metadata.csv` and the split table, kept in memory and written whole."""

    def __init__(self, root: Path) -> None:
        """Read the tables of a folder that an earlier run has made, or begin empty ones.

        Raises:
            ExtendError: they are not of our making: the published dataset is never changed.
        """
        self._root = root
        if not (root / METADATA_CSV).exists() and any((root / name).exists() for name in (HR, LR)):
            # Tables come first: what lies here without them is a published folder that they lie beside.
            raise ExtendError(f"{root} has images of another making; name another folder by --out.")
        self._metadata = _read(root / METADATA_CSV, _METADATA)
        self._splits = _read(root / SPLIT_CSV, _SPLITS)

    def replace(self, wanted: Wanted, choices: Sequence[Choice]) -> None:
        """Put the rows of an AOI in the place of those it had."""
        aoi = wanted.aoi
        self._metadata[aoi.name] = [_describe(wanted, choice) for choice in choices]
        joint = f"{aoi.source}/{aoi.ipcc or 'nan'}/{aoi.smod if aoi.smod is not None else 'nan'}"
        values = (aoi.name, aoi.ipcc, aoi.smod, aoi.source, joint)
        self._splits[aoi.name] = [dict(zip(_SPLITS, (*values, split), strict=True)) for split in aoi.splits]

    def write(self) -> None:
        """Write both tables, each at once."""
        self._root.mkdir(parents=True, exist_ok=True)
        _write(self._root / METADATA_CSV, _METADATA, self._metadata.values())
        _write(self._root / SPLIT_CSV, _SPLITS, self._splits.values())


def _describe(wanted: Wanted, choice: Choice) -> Row:
    aoi, candidate = wanted.aoi, choice.candidate
    values = (
        aoi.name, choice.n, candidate.day, wanted.highres_date, choice.delta, choice.rank, aoi.lon, aoi.lat,
        list(aoi.bounds or ()), aoi.area, candidate.cloud_cover, aoi.lccs, aoi.smod, aoi.ipcc, aoi.lccs_label,
        aoi.smod_label, aoi.source, candidate.address, product_id(candidate.item),
    )  # fmt: skip
    return dict(zip(_METADATA, values, strict=True))


def _read(path: Path, columns: Sequence[str]) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            if tuple(table.fieldnames or ()) != tuple(columns):
                raise ExtendError(f"{path} was not made by `worldstrat extend`; name another folder by --out.")
            for row in table:
                rows.setdefault(row["tile"], []).append(row)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ExtendError(f"{path} cannot be read: {error}.") from error
    return rows


def _write(path: Path, columns: Sequence[str], groups: Iterable[Sequence[Row]]) -> None:
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for rows in groups:
            writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
