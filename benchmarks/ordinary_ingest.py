"""The ordinary way to bring rasters into a catalog, to compare with: rio-cogeo, rio-stac and pypgstac, two processes.

As a script of two evenings would do it, after the three libraries' own documentation: each raster goes through
`cog_translate` with the profile `deflate` to a temporary file and from there to the store, each group of rasters
becomes one item with `create_stac_item`, all items go to one ndjson file, and `pypgstac load` takes that file.

It makes the same items with the same assets as `worldstrat ingest`. It does less than that: nothing is checked or
verified, nothing hashed, no state kept, and a bad file ends it.
"""

import csv
import json
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import pystac
import rasterio
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds
from rio_cogeo.cogeo import cog_translate
from rio_cogeo.profiles import cog_profiles
from rio_stac.stac import (  # type: ignore[import-untyped]
    create_stac_item,
    get_projection_info,
    get_raster_info,
)

COLLECTIONS = {
    "L2A": "worldstrat-sentinel-2-l2a",
    "L1C": "worldstrat-sentinel-2-l1c",
    "SPOT": "worldstrat-spot",
}
KEYS = {
    "L2A_data": "data",
    "L1C_data": "data",
    "CLM": "clm",
    "CLP": "clp",
    "SCL": "scl",
    "dataMask": "data-mask",
    "sunAzimuthAngles": "sun-azimuth",
    "sunZenithAngles": "sun-zenith",
    "viewAzimuthMean": "view-azimuth",
    "viewZenithMean": "view-zenith",
}
MASKS = {"clm", "clp", "scl", "data-mask"}
_NAME = re.compile(r"(?P<aoi>.+)-(?P<n>\d+)-(?P<kind>[^-]+)\.tiff")


@dataclass(frozen=True)
class Group:
    """The rasters of one item."""

    item_id: str
    level: str
    folder: str
    """Folder of its objects."""
    when: datetime
    bounds: tuple[float, float, float, float]
    files: dict[str, Path]
    """By asset key."""


def list_groups(src: Path) -> Iterator[Group]:
    """Yield what becomes an item each, the first of them the images of SPOT."""
    with (src / "metadata.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    for row in rows:
        aoi, n = row.get("tile") or row[""], int(row["n"])
        slug, bounds = aoi.replace(" ", "-"), tuple(json.loads(row["bounds"]))
        if n == 1:
            folder = src / "hr_dataset" / aoi
            files = {kind: folder / f"{aoi}_{kind}.tiff" for kind in ("ps", "pan", "rgbn")}
            files["overview"] = folder / f"{aoi}_rgb.png"
            yield Group(f"{slug}_SPOT", "SPOT", slug, _day(row["highres_date"]), bounds, files)
        for level in ("L2A", "L1C"):
            found = _find(src / "lr_dataset" / aoi / level)[n]
            if found:
                yield Group(f"{slug}_{level}_{n:02d}", level, slug, _day(row["lowres_date"]), bounds, found)


def _find(folder: Path) -> dict[int, dict[str, Path]]:
    found: dict[int, dict[str, Path]] = defaultdict(dict)
    for path in folder.glob("*.tiff"):
        match = _NAME.fullmatch(path.name)
        if match is not None:
            found[int(match["n"])][KEYS[match["kind"]]] = path
    return found


def _day(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


def create_item(group: Group, objects: Path) -> dict[str, Any]:
    """Convert the rasters of an item, copy them to the store and return the item."""
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    folder = objects / COLLECTIONS[group.level] / group.folder
    folder.mkdir(parents=True, exist_ok=True)
    assets = {}
    for key, path in group.files.items():
        stored = folder / f"{group.item_id}_{key}{'.png' if key == 'overview' else '.tif'}"
        if key == "overview":
            shutil.copyfile(path, stored)
            assets[key] = pystac.Asset(stored.as_uri(), media_type="image/png", roles=["overview"])
            small = stored.with_name(f"{group.item_id}_thumbnail.png")
            with Image.open(path) as image:
                image.thumbnail((256, 256))
                image.save(small)
            assets["thumbnail"] = pystac.Asset(small.as_uri(), media_type="image/png", roles=["thumbnail"])
        else:
            convert(path, stored, group, key)
            assets[key] = describe(stored, key)
    first = next(key for key in ("data", "ps") if key in group.files)
    item = create_stac_item(
        str(folder / f"{group.item_id}_{first}.tif"),
        input_datetime=group.when,
        collection=COLLECTIONS[group.level],
        id=group.item_id,
        assets=assets,
        with_proj=True,
    )
    document: dict[str, Any] = item.to_dict()
    return document


def convert(path: Path, stored: Path, group: Group, key: str) -> None:
    """Make a COG of a raster in a temporary file and copy it to the store."""
    profile = cog_profiles.get("deflate")  # type: ignore[no-untyped-call]
    with tempfile.NamedTemporaryFile(suffix=".tif") as temporary:
        if group.level == "SPOT":
            # The published images of SPOT have no place: they get it from the table.
            with rasterio.open(path) as src:
                place = from_bounds(*group.bounds, src.width, src.height)
                with MemoryFile() as memory:
                    with memory.open(**src.profile | {"transform": place, "crs": "EPSG:4326"}) as placed:
                        placed.write(src.read())
                    with memory.open() as placed:
                        cog_translate(placed, temporary.name, profile, quiet=True)
        else:
            dtype = "uint8" if key in MASKS else None
            cog_translate(str(path), temporary.name, profile, dtype=dtype, quiet=True)
        shutil.copyfile(temporary.name, stored)


def describe(stored: Path, key: str) -> pystac.Asset:
    """Return the asset of a COG with statistics of its bands."""
    with rasterio.open(stored) as src:
        bands = get_raster_info(src, max_size=1024)
        projection = {f"proj:{name}": value for name, value in get_projection_info(src).items()}
    return pystac.Asset(
        stored.as_uri(),
        media_type=pystac.MediaType.COG,
        roles=["data"],
        extra_fields={"raster:bands": bands, **projection, "file:size": stored.stat().st_size, "title": key},
    )


@click.command()
@click.argument("src", type=click.Path(path_type=Path))
@click.argument("objects", type=click.Path(path_type=Path))
@click.option("--workers", default=2, show_default=True)
@click.option("--collections", type=click.Path(path_type=Path), required=True, help="ndjson of the collections.")
def main(src: Path, objects: Path, workers: int, collections: Path) -> None:
    """Bring the dataset SRC into the folder OBJECTS and the database that PG* name."""
    groups = list(list_groups(src))
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "items.ndjson"
        with get_context("fork").Pool(workers) as pool, lines.open("w") as out:
            for item in pool.imap_unordered(partial(create_item, objects=objects.resolve()), groups, chunksize=4):
                out.write(json.dumps(item) + "\n")
        for kind, path in (("collections", collections), ("items", lines)):
            command = [str(Path(sys.executable).with_name("pypgstac")), "load", kind, str(path), "--method", "upsert"]
            subprocess.run(command, check=True)
    click.echo(f"{len(groups)} items")


if __name__ == "__main__":
    main()
