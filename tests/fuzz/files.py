"""Harnesses of files that strangers publish: tables, archives, rasters, lists of places."""

import contextlib
import gzip
import io
import json
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import numpy as np
import rasterio
from affine import Affine
from pydantic import ValidationError
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from rich.console import Console

from catalog.bands import SENTINEL2_PRODUCTS
from catalog.errors import MetadataError
from catalog.metadata import read_revisit_json, read_tables
from catalog.objects import ObjectStore
from catalog.settings import StoreSettings
from infra.manifest import Manifest
from ingest.blobs import LocalBlob
from ingest.errors import RasterError, SourceError
from ingest.extend.errors import ExtendError
from ingest.extend.wanted import read_wanted
from ingest.inflate import ERRORS, METHODS, inflate
from ingest.listing import leads_outside
from ingest.names import as_text, kind_of_root, parse_path, parse_sentinel2, parse_spot
from ingest.raster import read_raster
from ingest.tarred import TarPart
from ingest.zipped import ZipPart
from server.raster.chip import ChipCache
from server.raster.errors import RasterError as ChipError
from server.raster.record import AssetRecord, BandRecord, Grid, ItemRecord
from tests.fuzz.harness import Harness, text_of

_NAME = "Landcover-8379"
_TABLE = (
    ",tile,lowres_date,highres_date,delta,n,lon,lat,bounds,cloud_cover,LCCS,SMOD,IPCC Class\n"
    f'0,{_NAME},2019-01-02,2019-01-05,-3,1,11.2,43.3,"[11.1, 43.2, 11.3, 43.4]",1.5,10,11,Cropland\n'
)
_SPLIT = f",tile,split\n0,{_NAME},train\n"
_CLM = next(product for product in SENTINEL2_PRODUCTS["L2A"] if product.key == "clm")
_DATA = SENTINEL2_PRODUCTS["L2A"][0]
_QUIET = Console(quiet=True)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        yield Path(folder)


def names(data: bytes) -> None:
    """Names in archives: what they say, and no path that leads outside."""
    name = data.decode("utf-8", "surrogateescape")
    text = as_text(name)
    text.encode("utf-8")
    assert "\0" not in text
    kind_of_root(text)
    for kind in (None, "hr_dataset", "lr_dataset"):
        found = None if leads_outside(text) else parse_path(text, kind)
        if found:
            aoi, level, path = found
            assert ".." not in path.split("/")
            filename = path.rpartition("/")[2]
            parse_sentinel2(filename, aoi, level) if level else parse_spot(filename, aoi)


def tables(data: bytes) -> None:
    """The published tables, and the JSON beside a revisit."""
    with _folder() as folder:
        for metadata, split in ((data, _SPLIT.encode()), (_TABLE.encode(), data)):
            (folder / "metadata.csv").write_bytes(metadata)
            (folder / "split.csv").write_bytes(split)
            with contextlib.suppress(MetadataError):
                read_tables(folder / "metadata.csv", folder / "split.csv")
    with contextlib.suppress(MetadataError):
        read_revisit_json(text_of(data), 1)


def places(data: bytes) -> None:
    """A list of places that revisits are wanted of."""
    with _folder() as folder:
        (folder / "aois.geojson").write_bytes(data)
        with contextlib.suppress(ExtendError):
            read_wanted(folder / "aois.geojson")


def tar(data: bytes) -> None:
    """A tar archive, packed or not."""
    for suffix, content in ((".tar", data), (".tar.gz", data), (".tar.gz", gzip.compress(data, 1))):
        with _folder() as folder:
            archive = folder / f"hr_dataset{suffix}"
            archive.write_bytes(content)
            with contextlib.suppress(SourceError):
                part = TarPart(archive, folder / "indexes", _QUIET)
                for origin in [
                    *part.tables.values(),
                    *(entry.origin for aoi in part.aois() for entry in part.entries(aoi)),
                ]:
                    with contextlib.suppress(SourceError):
                        origin.read()


def zip_archive(data: bytes) -> None:
    """A zip archive: its directory, and its members."""
    with _folder() as folder:
        archive = folder / "lr_dataset.zip"
        archive.write_bytes(data)
        with contextlib.suppress(SourceError):
            part = ZipPart(LocalBlob(archive))
            for origin in [
                *part.tables.values(),
                *(entry.origin for aoi in part.aois() for entry in part.entries(aoi)),
            ]:
                with contextlib.suppress(SourceError, OSError):
                    origin.read()


def packed(data: bytes) -> None:
    """A packed member: never more than one byte beyond what was announced."""
    for method in METHODS:
        with contextlib.suppress(*ERRORS):
            assert len(inflate(data, method, 1000)) <= 1001


def raster(data: bytes) -> None:
    """A published raster as ingest reads it; what ingest itself wrote is read by others."""
    for product in (_CLM, _DATA):
        with contextlib.suppress(RasterError):
            read_raster(data, product)


def chip(data: bytes) -> None:
    """An object of the store as tiles read it."""
    with _folder() as folder:
        store = ObjectStore.open(StoreSettings(url=folder.as_uri()))
        store.put("chip.tif", data, "image/tiff")
        grid = Grid(Affine.identity(), 8, 8)
        asset = AssetRecord(
            "data",
            store.href("chip.tif"),
            "1",
            None,
            grid,
            (BandRecord("B04", None, None),),
            None,
            MappingProxyType({}),
        )
        item = ItemRecord("c", "i", MappingProxyType({"data": asset}), MappingProxyType({}), "1")
        chips = ChipCache(lambda: store, 1 << 20, 1 << 22)
        for coarse in (False, True):
            with contextlib.suppress(ChipError):
                chips.decoded(item, asset, coarse=coarse)


def manifest(data: bytes) -> None:
    """What a backup says of itself."""
    with contextlib.suppress(ValidationError):
        Manifest.model_validate_json(data)


def _tiff(**options: object) -> bytes:
    pixels = np.arange(64 * 64, dtype=np.float32).reshape(1, 64, 64) % 7
    profile = {
        "width": 64,
        "height": 64,
        "count": 1,
        "dtype": "float32",
        "crs": "EPSG:4326",
        "transform": from_origin(11, 43, 0.01, 0.01),
    }
    with MemoryFile() as memory:
        with rasterio.open(memory.name, "w", driver="GTiff", **profile, **options) as out:
            out.write(pixels)
        return bytes(memory.getbuffer())


def _tar(form: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in (
            (f"hr_dataset/{_NAME}/{_NAME}_ps.tiff", b"pixels" * 20),
            ("metadata.csv", _TABLE.encode()),
            ("x/" * 70 + "long", b"y"),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _zip(method: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(f"lr_dataset/{_NAME}/L2A/{_NAME}-1-CLM.tiff", b"pixels" * 20)
        archive.writestr("metadata.csv", _TABLE)
    return out.getvalue()


def _member(method: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("a", b"abc" * 300)
        info = archive.getinfo("a")
    return out.getvalue()[31 : 31 + info.compress_size]


_FEATURE = {
    "type": "Feature",
    "properties": {"name": "Camp 1", "lccs": 10, "target_date": "2020-05-13"},
    "geometry": {"type": "Point", "coordinates": [11, 43]},
}
_SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [0.02, 0], [0.02, 0.02], [0, 0.02], [0, 0]]]}
_MANIFEST = {
    "format": 1,
    "created": "2026-01-01T00:00:00Z",
    "worldstrat": "1",
    "size": 1,
    "checksum": "12",
    "origin": {},
    "contents": {},
}
_PLACES = [
    json.dumps({"type": "FeatureCollection", "features": [_FEATURE, {**_FEATURE, "geometry": _SQUARE}]}).encode()
]


def _harness(name: str, run: Callable[[bytes], None], *seeds: bytes) -> Harness:
    return Harness(name, run, seeds)


def files() -> tuple[Harness, ...]:
    """Return all of this file; their seeds are made when they are asked for."""
    rasters = (
        _tiff(),
        _tiff(compress="deflate", predictor=3, tiled=True, blockxsize=32, blockysize=32),
        _tiff(BIGTIFF="YES"),
        _tiff(compress="zstd"),
    )
    return (
        _harness(
            "names",
            names,
            f"hr_dataset/12bit/{_NAME}/{_NAME}_ps.tiff".encode(),
            f"a/lr_dataset_l2a/{_NAME}/L2A/{_NAME}-1-L2A_data.tiff".encode(),
        ),
        _harness(
            "tables",
            tables,
            _TABLE.encode(),
            _SPLIT.encode(),
            b'{"lowres_date":"2020-01-01","delta":3,"cloud_cover":1.5}',
        ),
        _harness("places", places, *_PLACES),
        _harness("tar", tar, _tar(tarfile.PAX_FORMAT), _tar(tarfile.GNU_FORMAT), _tar(tarfile.USTAR_FORMAT)),
        _harness("zip_archive", zip_archive, *(_zip(method) for method in sorted(METHODS))),
        _harness("packed", packed, *(_member(method) for method in sorted(METHODS)), zlib.compress(b"abc" * 300)[2:-4]),
        _harness("raster", raster, *rasters),
        _harness("chip", chip, *rasters),
        _harness("manifest", manifest, json.dumps(_MANIFEST).encode()),
    )
