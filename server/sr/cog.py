"""One item's super-resolution as a file of its own: a COG with its provenance, its STAC item, and both stored."""

from dataclasses import dataclass
from typing import Any

import pystac
import rasterio
from psycopg_pool import ConnectionPool
from rasterio.io import DatasetReader, MemoryFile
from rio_cogeo.cogeo import cog_translate

from catalog.asset import BandStatistics, RasterFacts, Stored
from catalog.constants import COLLECTION_SR
from catalog.keys import object_key
from catalog.objects import ObjectStore, multihash
from catalog.superresolved import SR_PRODUCT, Maker, create_sr_item, sr_item_id
from server.raster.errors import ItemNotFoundError
from server.raster.factories import gdal_environment
from server.sr.product import NODATA, SCALE
from server.sr.record import ASSET, DATA
from server.sr.source import UpscaledSource
from superres.model import BANDS

_BLOCK = 512
_OPTIONS = {
    "driver": "GTiff",
    "interleave": "band",
    "tiled": True,
    "blockxsize": _BLOCK,
    "blockysize": _BLOCK,
    "predictor": 2,
    "compress": "ZSTD",
    "zstd_level": 3,
}
_SQL = "SELECT pgstac.get_item(%(item)s, %(collection)s)"


@dataclass(frozen=True)
class SuperResolvedImage:
    """A file and its description."""

    cog: bytes
    """The COG: four bands, uint16 with scale 0.0001, on the item's own grid."""
    item: pystac.Item
    """Its STAC item; the asset's href is that of the key in the store."""
    key: str
    """Key of the object, where it is stored."""


def create_image(source: UpscaledSource, pool: ConnectionPool, store: ObjectStore) -> SuperResolvedImage:
    """Make the COG and the item of a super-resolved image.

    Raises:
        ItemNotFoundError: the item was deleted meanwhile.
        BusyError: too many are waiting already.
        RasterError: an object cannot be read, or the worker failed.
    """
    cog = encode_cog(source)
    model, record = source.recipe.model, source.original.record
    maker = Maker(model.id, model.version, model.sha256)
    checksum = multihash(cog)
    key = object_key(f"{COLLECTION_SR}/{record.id}", checksum, f"{sr_item_id(record.id, maker)}.tif")
    with pool.connection() as connection:
        row = connection.execute(_SQL, {"item": record.id, "collection": record.collection}).fetchone()
    original: dict[str, Any] | None = row[0] if row else None
    if original is None:
        raise ItemNotFoundError(f"There is no longer an item {record.id!r} in the collection {record.collection!r}.")
    published = original["assets"][DATA]
    stored = Stored(
        href=store.href(key),
        size=len(cog),
        checksum=checksum,
        source_file=published["worldstrat:source_file"],
        source_checksum=published["worldstrat:source_checksum"],
    )
    return SuperResolvedImage(cog, create_sr_item(original, _facts(cog, stored), maker), key)


def encode_cog(source: UpscaledSource) -> bytes:
    """Return the reflectance of a super-resolved item as a COG, provenance in its tags; the errors are its reader's."""
    asset = source.record.assets[ASSET]
    with rasterio.Env(**gdal_environment()), source.chips.open(source.record, asset) as dataset, MemoryFile() as out:
        cog_translate(
            dataset,
            out.name,
            _OPTIONS,
            indexes=list(range(1, len(BANDS) + 1)),
            in_memory=True,
            quiet=True,
            overview_level=2,
            overview_resampling="average",
            additional_cog_metadata=dataset.tags(),
        )
        return bytes(out.getbuffer())


def _facts(cog: bytes, stored: Stored) -> RasterFacts:
    with MemoryFile(cog) as memory, memory.open(driver="GTiff") as dataset:
        return RasterFacts(
            product=SR_PRODUCT,
            stored=stored,
            dtype="uint16",
            shape=dataset.shape,
            transform=tuple(dataset.transform)[:6],
            nodata=NODATA,
            scale=SCALE,
            statistics=_statistics(dataset),
        )


def _statistics(dataset: DatasetReader) -> tuple[BandStatistics | None, ...]:
    bands = [band.compressed() for band in dataset.read(masked=True)]
    pixels = dataset.height * dataset.width
    return tuple(
        BandStatistics(
            float(band.min()), float(band.max()), float(band.mean()), float(band.std()), 100 * band.size / pixels
        )
        if band.size
        else None
        for band in bands
    )
