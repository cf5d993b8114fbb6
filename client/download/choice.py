"""What of an item is downloaded: whole assets as the catalog names them, or crops that the server cuts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from client.query import Bbox

_CHECKSUM: Final = "file:checksum"
_SHA256: Final = "1220"
"""What a multihash of SHA2-256 begins with."""
_SMALL: Final = frozenset({"thumbnail"})
_GEOTIFF: Final = "image/tiff"


@dataclass(frozen=True)
class Wanted:
    """One file to get."""

    key: str
    """Key of its asset."""
    href: str
    """Its address."""
    size: int | None = None
    """Bytes, where the item says."""
    sha256: str | None = None
    """Hexadecimal SHA-256, where the item says."""
    bands: tuple[str, ...] = ()
    """Bands by name of a crop, which does not say so itself."""


@dataclass(frozen=True)
class Choice:
    """Which files of each item."""

    assets: tuple[str, ...] = ()
    """Keys of assets; all but thumbnails where none is named."""
    bands: tuple[str, ...] = ()
    """Bands by name, cut out by the server; all where none is named."""
    crop: Bbox | None = None
    """Part of the world to cut out, as west, south, east, north; whole rasters without one."""
    server: str = ""
    """Address of the server that cuts, without `/stac`."""

    @property
    def cuts(self) -> bool:
        """Whether the server has to make the files."""
        return bool(self.bands or self.crop)

    def files(self, item: Mapping[str, Any], held: Collection[str] = ()) -> list[Wanted]:
        """Return the files of an item, given as JSON; whole assets that the folder holds already stay part of it."""
        if self.cuts:
            return self._cut(item)
        return [_whole(key, asset) for key, asset in item["assets"].items() if key in held or self._is_chosen(key)]

    def _is_chosen(self, key: str) -> bool:
        return key in self.assets if self.assets else key not in _SMALL

    def _cut(self, item: Mapping[str, Any]) -> list[Wanted]:
        box = _common(self.crop, item["bbox"]) if self.crop else tuple(item["bbox"])
        if box is None:
            return []
        place = f"collections/{quote(item['collection'], safe='')}/items/{quote(item['id'], safe='')}"
        corners = ",".join(map(repr, box))
        found = []
        for key, asset in item["assets"].items():
            names = [name for name in _bands(asset) if not self.bands or name in self.bands]
            if names and asset.get("type", "").startswith(_GEOTIFF) and self._is_chosen(key):
                asked = {"assets": key, "bands": ",".join(names), "unscale": "false", "return_mask": "false"}
                href = f"{self.server}/raster/{place}/bbox/{corners}.tif?{urlencode(asked)}"
                found.append(Wanted(key, href, bands=tuple(names)))
        return found


def _whole(key: str, asset: Mapping[str, Any]) -> Wanted:
    checksum, size = str(asset.get(_CHECKSUM) or "").lower(), asset.get("file:size")
    sha256 = checksum.removeprefix(_SHA256) if checksum.startswith(_SHA256) else None
    return Wanted(key, asset["href"], size if isinstance(size, int) else None, sha256)


def _bands(asset: Mapping[str, Any]) -> list[str]:
    return [band["name"] for band in asset.get("eo:bands") or asset.get("bands") or () if "name" in band]


def _common(first: Bbox, second: Bbox) -> Bbox | None:
    """Return where two boxes overlap, None where they do not."""
    west, south = max(first[0], second[0]), max(first[1], second[1])
    east, north = min(first[2], second[2]), min(first[3], second[3])
    return (west, south, east, north) if west < east and south < north else None
