"""Names that a server gave and files will bear: none may lead out of the folder."""

import re
from collections.abc import Mapping
from typing import Any, Final

from client.errors import DownloadError

_NAME: Final = re.compile(r"[^./\\][^/\\]*")
_LONGEST: Final = 200
"""Bytes: file systems take 255, and what is downloaded adds a suffix."""
_AOI, _REVISIT = "worldstrat:aoi", "worldstrat:revisit"


def is_file_name(name: object) -> bool:
    """Tell whether a name is that of one visible file, in whatever folder it is put."""
    if not isinstance(name, str) or not name.isprintable():
        return False
    return bool(_NAME.fullmatch(name)) and len(name.encode()) <= _LONGEST


def check_item(item: Mapping[str, Any]) -> None:
    """Check what files are named after: an item's id, collection, place and rank, and the keys of its assets.

    Raises:
        DownloadError: it is no STAC item, or one of these could not be, or should not be, part of a path.
    """
    shape = {"id": str, "collection": str, "bbox": list, "properties": dict, "assets": dict}
    lacking = [name for name, kind in shape.items() if not isinstance(item.get(name), kind)]
    if lacking:
        raise DownloadError(f"is no STAC item: it has no {', no '.join(lacking)}")
    for key, asset in item["assets"].items():
        if not isinstance(asset, dict) or not isinstance(asset.get("href"), str):
            raise DownloadError(f"is no STAC item: its asset {key!r} has no href")
    told = item["properties"]
    names = [item["id"], item["collection"], *item["assets"], *([told[_AOI]] if _AOI in told else [])]
    if odd := [name for name in names if not is_file_name(name)]:
        raise DownloadError(f"{odd[0]!r} is no name for a file")
    if not isinstance(told.get(_REVISIT, 0), int):
        raise DownloadError(f"{told[_REVISIT]!r} is no rank of a revisit")
