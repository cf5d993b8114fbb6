"""What an AOI is made of, as a fingerprint of each of its images: the same inputs need no second ingest."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from catalog.metadata import Aoi, Revisit
from ingest.source import AoiFiles

FORMAT: Final = 3
"""Version of what ingest makes of a file; a higher one makes every AOI new."""
_DIGITS: Final = 20

Fingerprints = Mapping[str, str]
"""Fingerprint of each image of an AOI, by `SPOT`, `L2A/1`, `L1C/16`."""


def software_version() -> str:
    """Return the version of this software as states have it."""
    return f"{version('worldstrat')}, format {FORMAT}"


def fingerprints(aoi: Aoi, files: AoiFiles, store_url: str) -> dict[str, str]:
    """Return a digest for each image of all that it is made of: the AOI's rows, its files, and where it goes.

    One for each, since the dataset comes in several archives that may be ingested one after the other.
    """
    listed: dict[str, list[str]] = defaultdict(list)
    for file in files.files:
        listed[image_of(file.level, file.revisit)].append(
            f"{file.name.rpartition('/')[2]}\t{file.size}\t{file.version}"
        )
    made_of = f"{FORMAT}\n{store_url}\n{_facts(aoi)}\n"
    return {
        image: hashlib.sha256((made_of + "\n".join(lines)).encode()).hexdigest()[:_DIGITS]
        for image, lines in listed.items()
    }


def _facts(aoi: Aoi) -> str:
    """Return what the tables say of an AOI; a later version's new field changes nothing where it is empty."""
    revisits = [_known(revisit) for revisit in aoi.revisits]
    return repr({**_known(aoi), "revisits": revisits})


def _known(row: Aoi | Revisit) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if value is not None}


def image_of(level: str, revisit: int | None) -> str:
    """Return the name of an image among those of its AOI."""
    return level if revisit is None else f"{level}/{revisit}"


def level_of(image: str) -> str:
    """Return the level of an image by its name."""
    return image.partition("/")[0]
