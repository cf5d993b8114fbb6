"""What is known of an item before a byte of it is read: its rasters, their grids and bands, its stored renders."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from affine import Affine
from psycopg_pool import ConnectionPool

from server.raster.cache import LoadingCache
from server.raster.errors import InvalidRecordError, ItemNotFoundError

RECORD_SECONDS = 60.0
"""How long a record is believed."""
ABSENT_SECONDS = 5.0
"""How long it is believed that there is no such item."""
MAX_RECORDS = 20_000
"""Most records kept; one takes about 10 kB."""
DEFAULT_RENDER = "true-color"
"""The stored render that a caller gets who asks for none."""

_SQL_RENDERS = "SELECT pgstac.get_collection(%(collection)s) -> 'renders'"
_SQL = f"{_SQL_RENDERS}, pgstac.get_item(%(item)s, %(collection)s)"


@dataclass(frozen=True)
class BandRecord:
    """One band of a raster."""

    name: str
    """Name, such as `B04`."""
    common_name: str | None
    """Common name, such as `red`."""
    description: str | None
    """The band in words."""


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a raster lie."""

    transform: Affine
    """Pixel to longitude and latitude."""
    height: int
    """Rows."""
    width: int
    """Columns."""

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        left, top = self.transform * (0, 0)
        right, bottom = self.transform * (self.width, self.height)
        return left, bottom, right, top


@dataclass(frozen=True)
class AssetRecord:
    """One raster of an item."""

    key: str
    """Key of the asset."""
    href: str
    """Canonical href."""
    version: str
    """Changes when the object does."""
    title: str | None
    """Title of the asset."""
    grid: Grid
    """Where its pixels lie."""
    bands: tuple[BandRecord, ...]
    """Bands in the order of the file."""
    unit: str | None
    """Unit of the numbers after scaling: `1` for reflectance."""
    colormap: Mapping[int, tuple[int, int, int, int]]
    """Colours of its classes; empty where the numbers are not classes."""
    checksum: str | None = None
    """Multihash of the object, where the item tells it."""


@dataclass(frozen=True)
class ItemRecord:
    """One item."""

    collection: str
    """Collection of the item."""
    id: str
    """Id of the item."""
    assets: Mapping[str, AssetRecord]
    """Its rasters by key."""
    renders: Mapping[str, Mapping[str, Any]]
    """Renders that its collection stores, by name."""
    version: str
    """Changes whenever an answer about this item might."""

    @property
    def default_render(self) -> str | None:
        """Name of the render that a caller gets who asks for none."""
        return DEFAULT_RENDER if DEFAULT_RENDER in self.renders else next(iter(self.renders), None)

    @property
    def default_asset(self) -> AssetRecord:
        """The raster that a caller gets who asks for none: that of the default render."""
        named = self.renders.get(self.default_render or "", {}).get("assets", ())
        candidates = [*named, *sorted(self.assets, key=lambda key: -len(self.assets[key].bands))]
        return next(self.assets[key] for key in candidates if key in self.assets)


class RecordCache:
    """Records of items, read from pgSTAC once a minute at most; that an item is absent is remembered too."""

    def __init__(self, pool: Callable[[], ConnectionPool]) -> None:
        """Create an empty cache; `pool` gives the database's connections once the application runs."""
        self._pool = pool
        self._records: LoadingCache[tuple[str, str], ItemRecord | None] = LoadingCache(
            MAX_RECORDS, seconds=lambda record: RECORD_SECONDS if record else ABSENT_SECONDS
        )

    def get(self, collection: str, item: str) -> ItemRecord:
        """Return the record of an item.

        Raises:
            ItemNotFoundError: there is no such item.
            InvalidRecordError: the item has no raster that could be read.
        """
        record = self._records.get((collection, item), lambda: self._load(collection, item))
        if record is None:
            raise ItemNotFoundError(f"There is no item {item!r} in the collection {collection!r}.")
        return record

    def kept(self, collection: str, item: str) -> ItemRecord | None:
        """Return the record of an item where it is at hand, without asking the database."""
        return self._records.kept((collection, item))

    def renders(self, collection: str) -> Mapping[str, Any]:
        """Return the renders that a collection stores, none where there is no such collection."""
        with self._pool().connection() as connection:
            row = connection.execute(_SQL_RENDERS, {"collection": collection}).fetchone()
        return _in_order(row[0] or {}) if row else {}

    def clear(self) -> None:
        """Forget all records."""
        self._records.clear()

    def _load(self, collection: str, item: str) -> ItemRecord | None:
        with self._pool().connection() as connection:
            row = connection.execute(_SQL, {"item": item, "collection": collection}).fetchone()
        renders, content = row or (None, None)
        return create_record(content, renders or {}) if content else None


def create_record(item: Mapping[str, Any], renders: Mapping[str, Any]) -> ItemRecord:
    """Return the record of a STAC item and of the renders that its collection stores.

    Raises:
        InvalidRecordError: it has no raster that could be read.
    """
    assets = {
        key: _create_asset(item, key, asset)
        for key, asset in sorted(item["assets"].items())
        if asset.get("type", "").startswith("image/tiff")
    }
    if not assets:
        raise InvalidRecordError(f"The item {item['id']!r} has no GeoTIFF asset.")
    facts = [item["properties"].get("updated"), [(key, asset.version) for key, asset in assets.items()], renders]
    return ItemRecord(
        collection=item["collection"],
        id=item["id"],
        assets=MappingProxyType(assets),
        renders=MappingProxyType(_in_order(renders)),
        version=digest([item["collection"], item["id"], *facts]),
    )


def _create_asset(item: Mapping[str, Any], key: str, asset: Mapping[str, Any]) -> AssetRecord:
    fields = item["properties"] | asset
    try:
        height, width = fields["proj:shape"]
        transform = Affine(*fields["proj:transform"][:6])
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidRecordError(f"The asset {key!r} of {item['id']!r} lacks proj:shape or proj:transform.") from error
    return AssetRecord(
        key=key,
        href=asset["href"],
        version=asset.get("file:checksum") or digest([asset["href"], item["properties"].get("updated")]),
        title=asset.get("title"),
        grid=Grid(transform, height, width),
        bands=tuple(_create_band(band, key) for band in asset.get("bands") or asset.get("eo:bands") or [{}]),
        unit=asset.get("unit") or next((band.get("unit") for band in asset.get("raster:bands", ())), None),
        colormap=MappingProxyType(_colormap(asset.get("classification:classes", ()))),
        checksum=asset.get("file:checksum"),
    )


def _create_band(band: Mapping[str, Any], key: str) -> BandRecord:
    common_name = band.get("eo:common_name") or band.get("common_name")
    return BandRecord(band.get("name") or common_name or key, common_name, band.get("description"))


def _colormap(classes: Iterable[Mapping[str, Any]]) -> dict[int, tuple[int, int, int, int]]:
    hints = {entry["value"]: bytes.fromhex(entry["color_hint"]) for entry in classes if "color_hint" in entry}
    return {value: (rgb[0], rgb[1], rgb[2], 255) for value, rgb in hints.items()}


def _in_order(renders: Mapping[str, Any]) -> dict[str, Any]:
    # jsonb keeps no order; the default comes first, the others by name.
    return {name: renders[name] for name in sorted(renders, key=lambda name: (name != DEFAULT_RENDER, name))}


def digest(facts: Sequence[Any]) -> str:
    """Return what changes with any of the facts."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
