"""The published tables, parsed into frozen facts; what is wrong with them is listed, never lost."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from catalog.constants import MAX_REVISIT, slug
from catalog.errors import MetadataError
from catalog.landuse import IPCC_CLASSES, LCCS_CLASSES, SMOD_CLASSES, ascii_hyphens

METADATA_CSV = "metadata.csv"
SPLIT_CSV = "stratified_train_val_test_split.csv"
SPLITS = ("train", "val", "test")

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""
Row = Mapping[str, str]

_REQUIRED = ("n", "lowres_date", "highres_date", "bounds")
_TABLE_LIMIT = 1 << 20
_LARGEST_WHOLE = 2**53
"""JSON's numbers are doubles; a larger one is no count of anything."""


@dataclass(frozen=True)
class Revisit:
    """One Sentinel-2 revisit of an AOI, as its row of `metadata.csv` has it."""

    n: int
    """Rank 1..16, the best first; not chronological."""
    lowres_date: date | None = None
    """Day of the Sentinel-2 image."""
    highres_date: date | None = None
    """Day of the SPOT image."""
    delta: int | None = None
    """Days from the SPOT image to this one, negative before it."""
    cloud_cover: float | None = None
    """Per cent of clouds in the whole Sentinel-2 product, not in the AOI."""
    source_item: str | None = None
    """Address of the STAC item that the image was cut from, where there was one."""
    product_id: str | None = None
    """Name of the Sentinel-2 product, where the table has the column `product_id`."""


@dataclass(frozen=True)
class Aoi:
    """One place: what the published tables say of it."""

    name: str
    """Name as published, spaces included."""
    source: str
    """Why it was chosen: `Landcover`, `UNHCR`, `ASMSpotter` or `Amnesty`."""
    bounds: Bounds | None = None
    """Extent; None where no row has readable bounds."""
    lon: float | None = None
    """Longitude of the centre."""
    lat: float | None = None
    """Latitude of the centre."""
    area: float | None = None
    """Square kilometres."""
    lccs: int | None = None
    """LCCS code."""
    lccs_label: str | None = None
    """LCCS label, U+2010 as a plain hyphen."""
    ipcc: str | None = None
    """IPCC class; None for permanent snow and ice."""
    smod: int | None = None
    """SMOD code."""
    smod_label: str | None = None
    """SMOD label."""
    splits: tuple[str, ...] = ()
    """Every split the published table lists it in, first-listed first."""
    product_id: str | None = None
    """Airbus' id of the SPOT product, where the table has the column `airbus_product_id`."""
    revisits: tuple[Revisit, ...] = ()
    """Revisits by rank."""
    highres_date: date | None = None
    """Day of the SPOT image, where the table has one row without a revisit; as downloads of SPOT images alone do."""

    @property
    def slug(self) -> str:
        """The name as ids and object keys write it."""
        return slug(self.name)

    @property
    def split(self) -> str | None:
        """The one split it belongs to; None where the table lists none, or several."""
        return self.splits[0] if len(self.splits) == 1 else None

    @property
    def spot_date(self) -> date | None:
        """Day of the SPOT image."""
        return next((revisit.highres_date for revisit in self.revisits if revisit.highres_date), self.highres_date)

    def revisit(self, n: int) -> Revisit | None:
        """Return the revisit of rank `n`, None where the table has no row for it."""
        return next((revisit for revisit in self.revisits if revisit.n == n), None)


@dataclass(frozen=True)
class Problem:
    """Something wrong in the tables that did not stop the reading."""

    aoi: str
    """Name of the AOI."""
    file: str
    """The table."""
    reason: str
    """What is wrong, with the value, and what was done about it."""


@dataclass(frozen=True)
class Tables:
    """The published tables of one dataset."""

    aois: Mapping[str, Aoi]
    """AOIs by name, in the table's order."""
    problems: tuple[Problem, ...] = ()
    """What was wrong."""


@dataclass
class _Reader:
    """Collects the problems of one AOI's rows while they are parsed."""

    aoi: str
    file: str = METADATA_CSV
    problems: list[Problem] = field(default_factory=list)

    def report(self, reason: str) -> None:
        """Note one problem."""
        self.problems.append(Problem(self.aoi, self.file, reason))


def read_tables(metadata_csv: Path, split_csv: Path) -> Tables:
    """Read both published tables (v1.0 or v1.1).

    Raises:
        MetadataError: a table is missing, not UTF-8, or lacks a column.
    """
    splits = read_splits(split_csv)
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in _rows(metadata_csv, _REQUIRED):
        rows[row["tile"]].append(row)
    aois: dict[str, Aoi] = {}
    problems: list[Problem] = []
    for name, own in rows.items():
        reader = _Reader(name)
        listed = splits.get(name, ())
        aois[name] = _read_aoi(reader, own, tuple(split for split in listed if split in SPLITS))
        problems += reader.problems + _split_problems(aois[name], listed)
    return Tables(aois, tuple(problems))


def read_splits(split_csv: Path) -> dict[str, tuple[str, ...]]:
    """Return the distinct splits of every AOI, in the order the table lists them; a repeated row counts once.

    Raises:
        MetadataError: the table is missing, not UTF-8, or lacks a column.
    """
    listed: dict[str, tuple[str, ...]] = {}
    for row in _rows(split_csv, ("tile", "split")):
        name, split = row["tile"], row["split"]
        if split not in listed.get(name, ()):
            listed[name] = (*listed.get(name, ()), split)
    return listed


def source_of(name: str) -> str:
    """Return the source that an AOI's name begins with: `Amnesty POI-1-1-1` is of `Amnesty`."""
    return name.partition("-")[0].partition(" ")[0]


def read_revisit_json(text: str, n: int) -> Revisit:
    """Parse a revisit's `.metadata` file, in either of its two published dialects.

    Raises:
        MetadataError: it is no JSON object.
    """
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MetadataError(f"not JSON: {error}") from error
    if not isinstance(facts, dict):
        raise MetadataError(f"a JSON object was expected, not {type(facts).__name__}")
    return Revisit(
        n=n,
        lowres_date=_date(facts.get("lowres_date", facts.get("datetime"))),
        highres_date=_date(facts.get("highres_date", facts.get("target_date"))),
        delta=_integer(facts.get("delta")),
        cloud_cover=_percent(facts.get("cloud_cover")),
        source_item=_address(facts.get("source_item")),
        product_id=_text(facts.get("product_id")),
    )


def complete(revisit: Revisit, other: Revisit) -> Revisit:
    """Return `revisit` with what it lacks taken from `other`."""
    lacking = {name: value for name, value in vars(revisit).items() if value is None}
    return replace(revisit, **{name: getattr(other, name) for name in lacking})


def _rows(path: Path, required: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield the rows of a table; the name's column is called `tile` whatever it is called there."""
    csv.field_size_limit(_TABLE_LIMIT)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(_lines(file), restval="")
            columns = _columns(path, table.fieldnames, required)
            table.fieldnames = columns
            yield from table
    except FileNotFoundError as error:
        raise MetadataError(f"{path} does not exist. It is published beside the archives; put it there.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MetadataError(f"{path} cannot be read as UTF-8 CSV: {error}.") from error


def _lines(file: Iterable[str]) -> Iterator[str]:
    """Yield lines; a block of zeros, as a broken disk or download leaves it, is no table."""
    for line in file:
        if "\0" in line:
            raise csv.Error("a line holds NUL bytes")
        yield line


def _columns(path: Path, header: Any, required: Iterable[str]) -> list[str]:
    columns = list(header or [])
    # v1.0 leaves the name's column of metadata.csv unnamed; the split table's unnamed one is a row number.
    if columns and "tile" not in columns and columns[0] in {"", "Unnamed: 0"}:
        columns[0] = "tile"
    missing = [name for name in ("tile", *required) if name not in columns]
    if missing:
        raise MetadataError(f"{path} has no column {', '.join(missing)}; is it the published table?")
    return columns


def _read_aoi(reader: _Reader, rows: list[Row], splits: tuple[str, ...]) -> Aoi:
    first = rows[0]
    alone = len(rows) == 1 and not first["n"]
    lccs, smod = _integer(first.get("LCCS")), _integer(first.get("SMOD"))
    ipcc = first.get("IPCC Class", "")
    return Aoi(
        name=reader.aoi,
        source=first.get("source") or source_of(reader.aoi),
        bounds=_read_bounds(reader, rows),
        lon=_number(first.get("lon")),
        lat=_number(first.get("lat")),
        area=_number(first.get("area")),
        lccs=lccs,
        lccs_label=ascii_hyphens(first.get("LCCS class", "")) or LCCS_CLASSES.get(lccs or 0),
        # The table writes "None" or nothing for permanent snow and ice: both mean that there is no class.
        ipcc=ipcc if ipcc in IPCC_CLASSES else None,
        smod=smod if smod in SMOD_CLASSES else None,
        smod_label=SMOD_CLASSES.get(smod) if smod is not None else None,
        splits=splits,
        product_id=first.get("airbus_product_id") or None,
        revisits=() if alone else _read_revisits(reader, rows),
        highres_date=_date(first["highres_date"]) if alone else None,
    )


def _read_bounds(reader: _Reader, rows: list[Row]) -> Bounds | None:
    found = {row["bounds"]: _bounds(row["bounds"]) for row in rows}
    good = [bounds for bounds in found.values() if bounds]
    for text, bounds in found.items():
        if bounds is None:
            remedy = "taken from the AOI's other rows" if good else "no other row has them"
            reader.report(f"bounds {text!r} are malformed; {remedy}")
    if len(set(good)) > 1:
        reader.report(f"rows disagree on bounds; the first are used: {good[0]}")
    return good[0] if good else None


def _read_revisits(reader: _Reader, rows: list[Row]) -> tuple[Revisit, ...]:
    revisits: dict[int, Revisit] = {}
    for row in rows:
        n = _integer(row["n"])
        if n is None or not 1 <= n <= MAX_REVISIT:
            reader.report(f"n is {row['n']!r}, not 1 to {MAX_REVISIT}; the row is left out")
            continue
        revisit = _read_revisit(reader, row, n)
        if revisits.setdefault(n, revisit) != revisit:
            reader.report(f"two rows for n {n} that differ; the first is kept")
    return tuple(revisits[n] for n in sorted(revisits))


def _read_revisit(reader: _Reader, row: Row, n: int) -> Revisit:
    dates = {column: _date(row[column]) for column in ("lowres_date", "highres_date")}
    for column, value in dates.items():
        # An AOI without a SPOT image says so by an empty highres_date; an image of Sentinel-2 has a day.
        if value is None and (row[column] or column == "lowres_date"):
            reader.report(f"{column} {row[column]!r} of n {n} is no date; the .metadata file is asked instead")
    return Revisit(
        n,
        dates["lowres_date"],
        dates["highres_date"],
        _integer(row.get("delta")),
        _percent(row.get("cloud_cover")),
        _address(row.get("source_item")),
        _text(row.get("product_id")),
    )


def _split_problems(aoi: Aoi, listed: tuple[str, ...]) -> list[Problem]:
    reasons = [
        f"its split {split!r} is none of {', '.join(SPLITS)} and is left out" for split in listed if split not in SPLITS
    ]
    if len(aoi.splits) > 1:
        reasons.append(f"listed in {' and '.join(aoi.splits)}: a leak; split is null")
    if not listed:
        reasons.append("not listed; split is null")
    return [Problem(aoi.name, SPLIT_CSV, reason) for reason in reasons]


def _bounds(text: str) -> Bounds | None:
    try:
        west, south, east, north = (float(part) for part in json.loads(text))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    ordered = -180 <= west < east <= 180 and -90 <= south < north <= 90  # noqa: PLR2004
    return (west, south, east, north) if ordered else None


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _address(value: Any) -> str | None:
    """Return a web address, None for anything else: items publish it as a link."""
    text = _text(value)
    return text if text and text.startswith(("https://", "http://")) else None


def _text(value: Any) -> str | None:
    # PostgreSQL takes neither NUL nor half a surrogate pair, both of which JSON can spell.
    return value if isinstance(value, str) and value and value.isprintable() else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None


def _integer(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() and abs(number) <= _LARGEST_WHOLE else None


def _percent(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= 100 else None  # noqa: PLR2004
