"""What the names of published files say: which AOI, level, kind and revisit, in whatever wrapper they come."""

import re
from collections.abc import Sequence
from typing import Final

from catalog.bands import SENTINEL2_PRODUCTS, SPOT_PRODUCTS
from catalog.constants import Level

RGB: Final = "rgb"
"""Kind of the published 8-bit preview."""
REVISIT_METADATA: Final = "metadata"
"""Kind of the JSON beside the rasters of a revisit."""
HR: Final = "hr_dataset"
LR: Final = "lr_dataset"
RAW: Final = "hr_dataset_raw"
"""What Airbus delivered, which is published too and not ingested."""
TWELVE_BIT: Final = "12bit"
"""A folder between `hr_dataset` and the AOIs in an older layout of Kaggle."""
LEVELS: Final[tuple[Level, ...]] = ("L2A", "L1C")

_DIGITS: Final = 9
"""Of a revisit's number; Python refuses to read those of thousands."""
NOT_AOIS: Final = frozenset({HR, LR, TWELVE_BIT, "8bit", RAW, "__MACOSX"})
"""Names of folders that are no AOI's."""
_JUNK: Final = re.compile(r"^(\..*|Thumbs\.db|desktop\.ini|__MACOSX)$", re.IGNORECASE)
_SPOT_KINDS: Final = {f"{product.suffix}.tiff": product.key for product in SPOT_PRODUCTS} | {"rgb.png": RGB}
_SENTINEL2_KINDS: Final[dict[Level, dict[str, str]]] = {
    level: {f"{product.suffix}.tiff": product.key for product in products}
    for level, products in SENTINEL2_PRODUCTS.items()
}


def as_text(name: str) -> str:
    """Return the name of a file as text that can be stored: bytes that are no UTF-8, and NUL, are spelled out."""
    plain = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return plain.replace("\0", "\\x00")


def is_junk(name: str) -> bool:
    """Tell whether a file or folder is a dropping of an operating system."""
    return _JUNK.match(name) is not None


def kind_of_root(name: str) -> str | None:
    """Return `hr_dataset` or `lr_dataset` for a folder or archive of such AOIs, by its name; None for others."""
    if name.startswith(RAW):
        return None
    return next((kind for kind in (HR, LR) if name.startswith(kind)), None)


def canonical(kind: str, *, twelve_bit: bool, aoi: str, level: Level | None, filename: str) -> str:
    """Return the path of a file inside the dataset, the same in every wrapper and archive."""
    parts = [kind, *([TWELVE_BIT] if twelve_bit else []), aoi, *([level] if level else []), filename]
    return "/".join(parts)


def parse_path(path: str, kind: str | None = None) -> tuple[str, Level | None, str] | None:
    """Return (AOI, Sentinel-2 level or None, canonical path) of a member of an archive, None where it is no AOI's.

    Args:
        path: `hr_dataset/<AOI>/<file>`, `lr_dataset/<AOI>/<level>/<file>`, in any wrapper folders, or in none.
        kind: `hr_dataset` or `lr_dataset`, what the archive's own name says for paths that do not.
    """
    parts = path.split("/")
    if any(is_junk(part) for part in parts):
        return None
    level = next((level for level in LEVELS if level == parts[-2:-1][0]), None) if len(parts) > 1 else None
    tail = 3 if level else 2
    if len(parts) < tail:
        return None
    aoi, wrappers = parts[-tail], parts[:-tail]
    found = _kind(wrappers, kind or (LR if level else HR))
    if found is None or aoi in NOT_AOIS:
        return None
    name = canonical(found, twelve_bit=TWELVE_BIT in wrappers, aoi=aoi, level=level, filename=parts[-1])
    return aoi, level, name


def _kind(wrappers: Sequence[str], default: str) -> str | None:
    """Return the kind that the innermost wrapper names; None where one says that these are no AOIs of ours."""
    if any(part == "8bit" or part.startswith(RAW) for part in wrappers):
        return None
    named = [index for index, part in enumerate(wrappers) if kind_of_root(part)]
    if not named:
        return default if all(part == TWELVE_BIT for part in wrappers[1:]) else None
    inside = wrappers[named[-1] + 1 :]
    return kind_of_root(wrappers[named[-1]]) if all(part == TWELVE_BIT for part in inside) else None


def parse_spot(filename: str, aoi: str) -> tuple[str, None] | str:
    """Return (kind, None) of a file of the high-resolution folder, or why it is none."""
    owner, _, rest = filename.rpartition("_")
    if rest not in _SPOT_KINDS:
        return "no published kind of SPOT file"
    return (_SPOT_KINDS[rest], None) if owner == aoi else f"named for another AOI, {owner!r}"


def parse_sentinel2(filename: str, aoi: str, level: Level) -> tuple[str, int] | str:
    """Return (kind, revisit) of a file of a low-resolution folder, or why it is none.

    Names are read from the right, since those of AOIs end in digits too: `ASMSpotter-1-1-1-7-CLM.tiff` is revisit 7.
    """
    if filename.endswith(".metadata"):
        owner, _, revisit = filename.removesuffix(".metadata").rpartition("-")
        kind: str | None = REVISIT_METADATA
    else:
        head, _, suffix = filename.rpartition("-")
        # The one suffix with a hyphen before it in the file's name is the level's: `-L2A_data` needs no care.
        owner, _, revisit = head.rpartition("-")
        kind = _SENTINEL2_KINDS[level].get(suffix)
    if kind is None or not revisit.isdecimal() or len(revisit) > _DIGITS:
        return f"no published kind of {level} file"
    return (kind, int(revisit)) if owner == aoi else f"named for another AOI, {owner!r}"
