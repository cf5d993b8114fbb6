"""One AOI: its published files to objects in the store and items; no pool and no Ray here."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pystac

from catalog.bands import SENTINEL2_PRODUCTS, SPOT_PRODUCTS
from catalog.constants import COLLECTION_SPOT, LEVEL_COLLECTIONS, MAX_REVISIT, Level
from catalog.errors import InvalidItemError
from catalog.item import create_sentinel2_item, create_spot_item, link_related, sentinel2_id, spot_id
from catalog.metadata import Aoi, Bounds, Revisit
from catalog.objects import ObjectStore
from ingest import checks
from ingest.convert import Converter, ItemParts
from ingest.ledger import Ledger
from ingest.names import RGB
from ingest.revisits import complete_revisits
from ingest.source import AoiFiles, SourceFile
from ingest.store import Uploader
from ingest.task import Ingested
from ingest.validate import ItemValidator

Kinds = Mapping[str, SourceFile]
"""Files of one item by kind."""


def ingest_aoi(aoi: Aoi, files: AoiFiles, store: ObjectStore, validator: ItemValidator) -> Ingested:
    """Convert and store all files of an AOI and return its items.

    One bad file refuses no other item of the AOI: it is listed in the answer.

    Args:
        aoi: what the tables say of it.
        files: its files.
        store: where its objects go.
        validator: what its items have to pass.

    Raises:
        ObjectStoreError: the store is full, absent, or refuses; or the bucket of the source does not answer.
    """
    ledger = Ledger(aoi.name)
    grouped = _group(files)
    checks.note_files(aoi, files, ledger)
    aoi = complete_revisits(aoi, files, ledger)
    with Uploader(store) as uploader:
        items = _create_items(aoi, grouped, Converter(uploader, ledger))
    link_related(items)
    return Ingested(
        aoi=aoi.name,
        items=tuple(_valid(items, validator, ledger)),
        files=ledger.files,
        bytes_in=ledger.size,
        bytes_out=uploader.size,
        failures=tuple(ledger.failures),
        notes=tuple(ledger.notes),
        finished=not ledger.unread,
    )


def _group(files: AoiFiles) -> dict[tuple[str, int], dict[str, SourceFile]]:
    """Return the files by (level, revisit), 0 for SPOT, and by kind."""
    grouped: dict[tuple[str, int], dict[str, SourceFile]] = defaultdict(dict)
    for file in files.files:
        grouped[file.level, file.revisit or 0][file.kind] = file
    return grouped


def _create_items(aoi: Aoi, grouped: Mapping[tuple[str, int], Kinds], converter: Converter) -> list[pystac.Item]:
    items: list[pystac.Item] = []
    bounds = aoi.bounds
    for level in LEVEL_COLLECTIONS:
        for revisit in sorted(n for found, n in grouped if found == level):
            item = _sentinel2(aoi, level, revisit, grouped[level, revisit], converter)
            if item is not None:
                items.append(item)
                bounds = bounds or cast("Bounds", tuple(item.bbox or ()))
    if ("SPOT", 0) in grouped:
        # A place that no table describes lies where its Sentinel-2 images do.
        items += _spot(replace(aoi, bounds=bounds), grouped["SPOT", 0], converter)
    return items


def _sentinel2(aoi: Aoi, level: Level, n: int, files: Kinds, converter: Converter) -> pystac.Item | None:
    data, *others = SENTINEL2_PRODUCTS[level]
    first = files.get(data.key) or next(iter(files.values()))
    if not 1 <= n <= MAX_REVISIT:
        converter.ledger.fail(first.name, f"revisit {n} is not 1 to {MAX_REVISIT}; its {len(files)} files are left out")
        return None
    if data.key not in files:
        converter.ledger.fail(first.name, f"revisit {n} has no {data.suffix}; its {len(files)} files are left out")
        return None
    parts = ItemParts(sentinel2_id(aoi, level, n), f"{LEVEL_COLLECTIONS[level]}/{aoi.slug}")
    grid = converter.add_raster(parts, files[data.key], data, aoi.bounds)
    if grid is None:
        return None
    converter.add_rasters(parts, files, others, aoi.bounds, grid)
    checks.note_contents(parts, converter.ledger, first.name)
    return create_sentinel2_item(aoi, aoi.revisit(n) or Revisit(n), level, parts.rasters, parts.notes)


def _spot(aoi: Aoi, files: Kinds, converter: Converter) -> list[pystac.Item]:
    parts = ItemParts(spot_id(aoi), f"{COLLECTION_SPOT}/{aoi.slug}")
    converter.add_rasters(parts, files, SPOT_PRODUCTS, aoi.bounds)
    if not parts.rasters:
        first = next(iter(files.values()))
        converter.ledger.fail(first.name, "none of its SPOT rasters is good: the AOI has no SPOT item")
        return []
    if RGB in files:
        converter.add_preview(parts, files[RGB])
    return [create_spot_item(aoi, parts.rasters, parts.images, parts.notes)]


def _valid(items: list[pystac.Item], validator: ItemValidator, ledger: Ledger) -> list[dict[str, Any]]:
    """Return the items that pass their schemas, as JSON; the others are failures."""
    valid = []
    for item in items:
        # Through text and back: tuples become lists, and no NaN gets into a document.
        text = json.dumps(item.to_dict(include_self_link=False, transform_hrefs=False), allow_nan=False)
        document = json.loads(text)
        try:
            validator.check(document)
        except InvalidItemError as error:
            ledger.fail(item.id, str(error))
        else:
            valid.append(document)
    return valid
