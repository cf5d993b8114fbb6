"""The pixels of an item on the grid of an AOI: bounded reads of windows, nothing else of the files."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.session import DummySession
from rasterio.vrt import WarpedVRT

from catalog.bands import SENTINEL2_PRODUCTS, Product
from catalog.constants import CRS, Level
from ingest.extend.addresses import Reach
from ingest.extend.bands import ItemLayers, Layer
from ingest.extend.errors import RevisitError
from ingest.extend.radiometry import below_zero, find_transfer
from ingest.raster import Grid

Plane = npt.NDArray[Any]

OPTIONS: Final[dict[str, Any]] = {
    # A folder is not listed and no side-car is looked for: one file is one address.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_CONNECTTIMEOUT": 10,
    "GDAL_HTTP_TIMEOUT": 60,
    "GDAL_HTTP_MAX_RETRY": 4,
    "GDAL_HTTP_RETRY_DELAY": 1,
    "GDAL_HTTP_NETRC": "NO",
    "AWS_NO_SIGN_REQUEST": "YES",
    "GDAL_CACHEMAX": 256 << 20,  # bytes
}
"""No credentials of this machine go anywhere, and a server that stalls does not stall us."""
MAX_BLOCK: Final = 512 << 20
"""Bytes: a whole Sentinel-2 band in one block has 240 million, and a header may claim any number."""
_EXACT: Final = 1e-6
"""Pixels that the transformation may be off: the very pixels are wanted, and 0 is refused by rasterio."""
_SUSPICIOUS: Final = 0.05
"""Share of pixels below zero that no real scene has."""


@dataclass
class Pixels:
    """What an item holds of an AOI."""

    planes: dict[str, Plane] = field(default_factory=dict)
    """Arrays, (band, y, x), by the key of their product."""
    notes: list[str] = field(default_factory=list)
    """What was found odd."""


@contextmanager
def gdal() -> Iterator[None]:
    """Hold the environment that files are read in; each thread needs its own."""
    with rasterio.Env(session=DummySession(), **OPTIONS):
        yield


def read_pixels(item: Mapping[str, Any], address: str, level: Level, grid: Grid, reach: Reach) -> Pixels:
    """Return all that an item holds of an AOI at one level: reflectance, and the masks and angles it has.

    Pixels are the nearest ones, as in the published files. Where an item has no data mask, one is made: data is where
    every band has some.

    Args:
        item: the item.
        address: where it is.
        level: the level.
        grid: the grid of the AOI.
        reach: how far its hrefs are followed.

    Raises:
        RevisitError: the item lacks a band, a file cannot be read, or lies where no honest one does.
    """
    layers = ItemLayers(item, address)
    data, *others = SENTINEL2_PRODUCTS[level]
    bands = layers.bands(data)
    masks = [(product, layer) for product in others if (layer := layers.mask(product)) is not None]
    for href in dict.fromkeys(layer.href for layer in (*bands, *(layer for _, layer in masks))):
        reach.check(href)
    pixels = Pixels()
    with gdal():
        reflectance, valid = _read_reflectance(item, bands, grid, pixels.notes)
        pixels.planes[data.key] = reflectance
        for product, layer in masks:
            pixels.planes[product.key] = _read_other(layer, product, grid)
    pixels.planes.setdefault("data-mask", valid.astype(np.uint8)[np.newaxis])
    return pixels


def _read_reflectance(
    item: Mapping[str, Any], layers: Sequence[Layer], grid: Grid, notes: list[str]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return the bands as reflectance, and where all of them hold data."""
    bands: list[npt.NDArray[np.float32]] = [np.empty(0, np.float32)] * len(layers)
    everywhere = np.ones((grid.height, grid.width), np.bool_)
    by_file: dict[str, list[int]] = defaultdict(list)
    for position, layer in enumerate(layers):
        by_file[layer.href].append(position)
    for href, positions in by_file.items():
        with _open(href) as src:
            for position in positions:
                layer = layers[position]
                numbers, valid = _read_band(src, layer, grid, _nodata(src, layer))
                tags = (src.scales[layer.index - 1], src.offsets[layer.index - 1])
                transfer = find_transfer(item, layer, tags, src.dtypes[layer.index - 1])
                bands[position] = transfer.apply(numbers, valid)
                everywhere &= valid
                share = below_zero(numbers, valid, transfer)
                if share > _SUSPICIOUS and not notes:
                    notes.append(
                        f"the offset {transfer.offset:g} takes {100 * share:.0f} % of a band's pixels below zero: "
                        f"the catalog may be wrong about it (item {item['id']})"
                    )
    return np.stack(bands), everywhere


def _read_other(layer: Layer, product: Product, grid: Grid) -> Plane:
    """Return a mask or an angle, (1, y, x); where nothing is known it says so as published ones do."""
    fill = float("nan") if product.kind == "angle" else float(product.nodata or 0)
    with _open(layer.href) as src:
        stated = layer.nodata if layer.nodata is not None else src.nodatavals[layer.index - 1]
        numbers, valid = _read_band(src, layer, grid, stated)
    filled = np.where(valid, numbers, fill)
    return filled.astype(np.uint8 if product.kind == "mask" else np.float32)[np.newaxis]


def _nodata(src: rasterio.DatasetReader, layer: Layer) -> float:
    stated = layer.nodata if layer.nodata is not None else src.nodatavals[layer.index - 1]
    # All of Sentinel-2's products say 0 where nothing was seen.
    return 0.0 if stated is None else float(stated)


def _read_band(
    src: rasterio.DatasetReader, layer: Layer, grid: Grid, nodata: float | None
) -> tuple[Plane, npt.NDArray[np.bool_]]:
    """Return a band on a grid, (y, x), and where it holds data."""
    empty: dict[str, Any] = {"add_alpha": True} if nodata is None else {"src_nodata": nodata, "nodata": nodata}
    with WarpedVRT(
        src,
        crs=CRS,
        transform=grid.transform,
        width=grid.width,
        height=grid.height,
        resampling=Resampling.nearest,
        tolerance=_EXACT,
        **empty,
    ) as vrt:
        return vrt.read(layer.index), vrt.read_masks(layer.index) > 0


@contextmanager
def _open(href: str) -> Iterator[rasterio.DatasetReader]:
    """Open a file on the web.

    Raises:
        RevisitError: it cannot be reached or read, or its address is of another kind.
    """
    scheme, _, rest = href.partition("://")
    path = {"https": f"/vsicurl/{href}", "http": f"/vsicurl/{href}", "s3": f"/vsis3/{rest}"}.get(scheme)
    if path is None:
        raise RevisitError(f"{_bare(href)} is neither an https:// nor an s3:// address")
    try:
        # Never a VRT or another format that could name further files, this machine's among them.
        jpeg2000 = urlsplit(href).path.lower().endswith(".jp2")
        with rasterio.open(path, driver="JP2OpenJPEG" if jpeg2000 else "GTiff") as src:
            if src.crs is None:
                raise RevisitError(f"{_bare(href)} has no coordinate reference system")
            if _largest_block(src) > MAX_BLOCK:
                raise RevisitError(f"{_bare(href)} has blocks of {_largest_block(src):,} bytes; {MAX_BLOCK:,} are read")
            yield src
    except (RasterioError, IndexError, ValueError) as error:
        raise RevisitError(f"{_bare(href)} cannot be read: {_bare(str(error.__cause__ or error))}") from error


def _largest_block(src: rasterio.DatasetReader) -> int:
    """Return how many bytes GDAL unpacks for one pixel, at worst."""
    return max(
        int(height * width * np.dtype(dtype).itemsize)
        for (height, width), dtype in zip(src.block_shapes, src.dtypes, strict=True)
    )


def _bare(text: str) -> str:
    """Return a text without the queries of addresses, which may hold signatures."""
    return re.sub(r"\?[^\s'\"]+", "", text)
