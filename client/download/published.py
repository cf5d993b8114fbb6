"""The published layout: the folders, files and numbers that the dataset's authors and their followers read."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from catalog.bands import SENTINEL2_PRODUCTS, SPOT_PRODUCTS
from catalog.constants import COLLECTION_SPOT, LEVEL_COLLECTIONS, REFLECTANCE_SCALE
from catalog.landuse import LCCS_CLASSES, SMOD_CLASSES
from catalog.metadata import METADATA_CSV, SPLIT_CSV, source_of
from client.download.layout import Downloaded
from client.download.manifest import Entry, Written, write_whole
from client.errors import DownloadError

_LEVELS: Final = {collection: level for level, collection in LEVEL_COLLECTIONS.items()}
_PREVIEW: Final = "overview"
_METADATA: Final = (
    *("tile", "n", "lowres_date", "highres_date", "delta", "lon", "lat", "bounds", "area", "cloud_cover"),
    *("LCCS", "SMOD", "IPCC Class", "LCCS class", "SMOD Class"),
)
_SPLITS: Final = ("", "tile", "IPCC Class", "SMOD", "source", "joint_class", "split")
_AREA: Final = 2.5
_AOI: Final = "worldstrat:aoi"
_NODATA: Final = 0.0


class PublishedLayout:
    """`hr_dataset/<AOI>/`, `lr_dataset/<AOI>/<level>/` and the two tables, as on Zenodo.

    Sentinel-2 reflectance, masks and angles are single-precision numbers again, as published. Unlike there, SPOT files
    say where they lie, and masks do not call their zeros "no data".
    """

    name = "published"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, downloaded: Downloaded) -> Sequence[Entry]:
        """Write an item's files under their published names.

        Raises:
            DownloadError: it is of no place, or a file of it is no raster.
        """
        item, files = downloaded.item, list[Written]()
        if _AOI not in item["properties"]:
            raise DownloadError("the published layout is of places, and this item names none")
        for key, content in downloaded.contents.items():
            name = published_name(item, key)
            if name is None:
                continue
            published = content if name.endswith(".png") else _restore(content, spot="hr_dataset" in name)
            path = self._folder / name
            write_whole(path, published)
            files.append(Written.of(self._folder, path, published))
        return [downloaded.entry(files, _facts(item))]

    def close(self) -> Sequence[Entry]:
        """Return nothing: items wait for no others."""
        return ()

    def complete(self, entries: Iterable[Entry]) -> Sequence[Entry]:
        """Write `metadata.csv` and the table of splits of the places that are here."""
        rows = [entry.facts for entry in entries]
        places = {row["tile"]: row for row in sorted(rows, key=lambda row: row["n"] or 0)}
        # One row a revisit, whatever its levels; a place without any has one row without a rank.
        revisits = {(row["tile"], row["n"]): row for row in rows if row["n"]}
        visited = {tile for tile, _ in revisits}
        alone = [row for name, row in places.items() if name not in visited]
        listed = sorted([*revisits.values(), *alone], key=lambda row: (row["tile"], row["n"] or 0))
        # A table that a place's name does not already tell the source of says it, as `worldstrat extend` does.
        named = all(row["source"] == source_of(row["tile"]) for row in rows)
        self._write(METADATA_CSV, _METADATA if named else (*_METADATA, "source"), listed)
        splits = [
            {**row, "": index, "split": split, "joint_class": f"{row['source']}/{row['IPCC Class']}/{row['SMOD']}"}
            for index, row in enumerate(sorted(places.values(), key=lambda row: str(row["tile"])))
            for split in row["splits"]
        ]
        self._write(SPLIT_CSV, _SPLITS, splits)
        return ()

    def _write(self, name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
        out = io.StringIO(newline="")
        table = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_whole(self._folder / name, out.getvalue().encode())


def published_name(item: Mapping[str, Any], key: str) -> str | None:
    """Return the path of an asset's file in the published dataset, None where it has none."""
    aoi = item["properties"][_AOI]
    if item["collection"] == COLLECTION_SPOT:
        if key == _PREVIEW:
            return f"hr_dataset/{aoi}/{aoi}_rgb.png"
        suffix = next((product.suffix for product in SPOT_PRODUCTS if product.key == key), None)
        return suffix and f"hr_dataset/{aoi}/{aoi}_{suffix}.tiff"
    level = _LEVELS.get(item["collection"])
    if level is None:
        return None
    suffix = next((product.suffix for product in SENTINEL2_PRODUCTS[level] if product.key == key), None)
    return suffix and f"lr_dataset/{aoi}/{level}/{aoi}-{item['properties']['worldstrat:revisit']}-{suffix}.tiff"


def _restore(content: bytes, *, spot: bool) -> bytes:
    """Return a COG as a plain GeoTIFF of the published type; SPOT's numbers stay as they are."""
    try:
        with MemoryFile(content) as memory, memory.open() as src:
            stored, names, scale, nodata = src.read(), src.descriptions, src.scales[0], src.nodata
            profile = {"crs": src.crs, "transform": src.transform, "height": src.height, "width": src.width}
    except RasterioError as error:
        raise DownloadError(f"what came is no raster: {error}") from error
    if not spot:
        # GDAL multiplies in double precision, then rounds to single: the published numbers come back exactly.
        stored = (stored * scale).astype(np.float32) if scale != 1 else stored.astype(np.float32)
        nodata = _NODATA if scale == REFLECTANCE_SCALE or nodata == _NODATA else None
    options = {"driver": "GTiff", "count": len(stored), "dtype": stored.dtype, "compress": "deflate", "nodata": nodata}
    with MemoryFile() as memory:
        with memory.open(**profile, **options) as dst:
            dst.write(stored)
            dst.descriptions = names
        return bytes(memory.getbuffer())


def _facts(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the tables say of an item."""
    told, (west, south, east, north) = item["properties"], item["bbox"]
    dated = told.get("datetime")
    rank = told.get("worldstrat:revisit")
    lccs, smod = told.get("worldstrat:lccs"), told.get("worldstrat:smod")
    split = told.get("worldstrat:split")
    return {
        "tile": told[_AOI],
        "n": rank,
        "lowres_date": (dated or "")[:10] if rank else "",
        "highres_date": told.get("worldstrat:spot_date") or "",
        "delta": told.get("worldstrat:delta"),
        "lon": (west + east) / 2,
        "lat": (south + north) / 2,
        "bounds": str([west, south, east, north]),
        "area": _AREA,
        "cloud_cover": told.get("eo:cloud_cover"),
        "LCCS": lccs,
        "SMOD": smod,
        "IPCC Class": told.get("worldstrat:ipcc") or "",
        "LCCS class": LCCS_CLASSES.get(lccs, "") if lccs is not None else "",
        "SMOD Class": SMOD_CLASSES.get(smod, "") if smod is not None else "",
        "source": told.get("worldstrat:source"),
        "splits": told.get("worldstrat:splits") or ([split] if split else []),
    }
