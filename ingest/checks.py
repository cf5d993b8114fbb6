"""Oddities of an AOI that are accepted and said: missing files, rows without files, masks that contradict."""

from collections import defaultdict

from catalog.bands import SENTINEL2_PRODUCTS, SPOT_PRODUCTS
from catalog.constants import MAX_REVISIT
from catalog.metadata import METADATA_CSV, Aoi
from ingest.convert import ItemParts
from ingest.ledger import Ledger
from ingest.names import RGB
from ingest.source import AoiFiles

_MASKS = ("clm", "clp", "data-mask")
_ANGLES = ("sun-azimuth", "sun-zenith", "view-azimuth", "view-zenith")
# Two groups of AOIs were downloaded by two programs, one of which kept the scene classes, the other the angles.
_L2A_KINDS = {
    "Landcover": (*_MASKS, "scl"),
    "UNHCR": (*_MASKS, "scl"),
    "ASMSpotter": (*_MASKS, *_ANGLES),
    "Amnesty": (*_MASKS, *_ANGLES),
}
_SUFFIXES = {product.key: product.suffix for product in SENTINEL2_PRODUCTS["L2A"]}


def note_files(aoi: Aoi, files: AoiFiles, ledger: Ledger) -> None:
    """Note files of no published kind, published files that are missing, and rows without files."""
    for problem in files.problems:
        ledger.note(problem.name, problem.reason)
    if not aoi.revisits and aoi.spot_date is None:
        ledger.note(METADATA_CSV, "no row names this AOI; what its own files say is used")
    _note_spot(files, ledger)
    _note_rows(aoi, files, ledger)
    _note_masks(aoi, files, ledger)


def note_contents(parts: ItemParts, ledger: Ledger, file: str) -> None:
    """Note a revisit without any data, and one whose cloud mask and cloud probability contradict each other."""
    data, clm, clp = (parts.statistics_of(key) for key in ("data", "clm", "clp"))
    if data == []:
        _note(parts, ledger, file, "no pixel holds data")
    if clm and clp and clm[0] == (1, 1) and clp[0] == (0, 0):
        _note(parts, ledger, file, "CLM is cloud everywhere and CLP nowhere: trust neither")


def _note(parts: ItemParts, ledger: Ledger, file: str, reason: str) -> None:
    parts.notes.append(reason)
    ledger.note(file, reason)


def _note_spot(files: AoiFiles, ledger: Ledger) -> None:
    found = {file.kind for file in files.files if file.level == "SPOT"}
    expected = [*(product.key for product in SPOT_PRODUCTS), RGB]
    missing = [kind for kind in expected if kind not in found]
    if not found:
        ledger.note("hr_dataset", "no SPOT files")
    elif missing:
        ledger.note("hr_dataset", f"no SPOT {', '.join(missing)}")


def _note_rows(aoi: Aoi, files: AoiFiles, ledger: Ledger) -> None:
    """Note the revisits that the table lists and a level's folder lacks."""
    listed = {revisit.n for revisit in aoi.revisits}
    levels: dict[str, set[int]] = defaultdict(set)
    for file in files.files:
        if file.revisit is not None:
            levels[file.level].add(file.revisit)
    if listed and "L2A" not in levels:
        ledger.note("lr_dataset", "no L2A files")
    for level, found in sorted(levels.items()):
        if listed - found:
            ledger.note(METADATA_CSV, f"rows without {level} files: revisits {_ranks(listed - found)}")


def _note_masks(aoi: Aoi, files: AoiFiles, ledger: Ledger) -> None:
    """Note masks and angles that an L2A revisit should have; what L1C has is not known from the published dataset."""
    kinds: dict[int, set[str]] = defaultdict(set)
    for file in files.files:
        if file.level == "L2A" and file.revisit is not None and file.revisit <= MAX_REVISIT:
            kinds[file.revisit].add(file.kind)
    for expected in _L2A_KINDS.get(aoi.source, ()):
        lacking = {n for n, found in kinds.items() if "data" in found and expected not in found}
        if lacking:
            ledger.note("lr_dataset", f"L2A without {_SUFFIXES[expected]}: revisits {_ranks(lacking)}")


def _ranks(revisits: set[int]) -> str:
    return ", ".join(str(n) for n in sorted(revisits))
