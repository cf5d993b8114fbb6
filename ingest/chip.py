"""A raster of one block a band to the bytes of a COG and back: a chip's header takes GDAL longer than its pixels."""

import struct
from io import BytesIO
from typing import Any, Final
from xml.sax.saxutils import escape

import numpy as np
from affine import Affine
from imagecodecs import TiffError, tiff_decode
from tifffile import TiffWriter

from catalog.bands import Product
from ingest.errors import RasterError
from ingest.pixels import StoredPixels
from ingest.raster import Grid, Pixels

LARGEST_BLOCK: Final = 512
"""Longest side of a block; a raster that is larger has several, and overviews."""
BLOCK_MULTIPLE: Final = 16
"""TIFF wants the sides of a block to be multiples of it."""
ZSTD_LEVEL: Final = 1
"""A higher level saves 1 % of a chip and takes twice as long."""
_SHORT, _ASCII, _DOUBLE = 3, 2, 12
_TILE_OFFSETS, _PIXEL_SCALE, _TIEPOINT, _GEO_KEYS, _GDAL_METADATA, _GDAL_NODATA = 324, 33550, 33922, 34735, 42112, 42113
# Version 1.1.0, then (key, 0, 1, value): a geographic model, pixels are areas, EPSG:4326, degrees.
_WGS84: Final = (1, 1, 0, 4, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326, 2054, 0, 1, 9102)

Tag = tuple[int, int, int, Any, bool]
"""Code, type, count (0 where the value tells), value, and whether only the first page has it."""


def fits(grid: Grid) -> bool:
    """Tell whether a raster is one block a band, north-up."""
    transform = grid.transform
    north_up = not (transform.b or transform.d) and transform.a > 0 > transform.e
    return north_up and max(grid.height, grid.width) <= LARGEST_BLOCK


def encode(stored: StoredPixels, grid: Grid, product: Product) -> bytes:
    """Write a raster that fits as a COG: all its tags first, then one block a band."""
    pixels, out = stored.pixels, BytesIO()
    with TiffWriter(out, byteorder="<") as tiff:
        tiff.write(
            pixels if len(pixels) > 1 else pixels[0],
            tile=tuple(-(-side // BLOCK_MULTIPLE) * BLOCK_MULTIPLE for side in (grid.height, grid.width)),
            planarconfig="separate" if len(pixels) > 1 else None,
            photometric="minisblack",
            compression="zstd",
            compressionargs={"level": ZSTD_LEVEL},
            predictor=True,
            software=False,
            metadata=None,
            extratags=_tags(stored, grid.transform, product),
        )
    return out.getvalue()


def read_back(data: bytes) -> tuple[Pixels, int]:
    """Return the pixels of a COG, (band, y, x), by another library than wrote it, and the size of its header.

    Raises:
        RasterError: it cannot be decoded.
    """
    try:
        pixels: Pixels = tiff_decode(data)
        begin = _first_block(data)
    except (TiffError, ValueError, IndexError, struct.error) as error:
        raise RasterError(f"its COG cannot be read back: {error}") from error
    return (pixels if pixels.ndim > 2 else pixels[np.newaxis]), begin  # noqa: PLR2004


def _first_block(data: bytes) -> int:
    """Return where the first block begins, behind the directory that stands first in the file."""
    (count,) = struct.unpack_from("<H", data, 8)
    for code, _, number, value in struct.iter_unpack("<HHII", data[10 : 10 + 12 * count]):
        if code == _TILE_OFFSETS:
            return int(min(struct.unpack_from(f"<{number}I", data, value)) if number > 1 else value)
    raise RasterError("its COG has no blocks")


def _tags(stored: StoredPixels, transform: Affine, product: Product) -> list[Tag]:
    """Return the tags of GeoTIFF and of GDAL."""
    tags: list[Tag] = [
        (_PIXEL_SCALE, _DOUBLE, 3, (transform.a, -transform.e, 0.0), True),
        (_TIEPOINT, _DOUBLE, 6, (0.0, 0.0, 0.0, transform.c, transform.f, 0.0), True),
        (_GEO_KEYS, _SHORT, len(_WGS84), _WGS84, True),
        (_GDAL_METADATA, _ASCII, 0, _describe(stored, product), True),
    ]
    if stored.nodata is not None:
        tags.append((_GDAL_NODATA, _ASCII, 0, f"{stored.nodata:g}", True))
    return tags


def _describe(stored: StoredPixels, product: Product) -> str:
    """Return names and scale of the bands as GDAL writes them."""
    lines = ["<GDALMetadata>"]
    for sample, band in enumerate(product.bands):
        lines.append(f'  <Item name="DESCRIPTION" sample="{sample}" role="description">{escape(band.name)}</Item>')
        if stored.scale is not None:
            lines.append(f'  <Item name="OFFSET" sample="{sample}" role="offset">0</Item>')
            lines.append(f'  <Item name="SCALE" sample="{sample}" role="scale">{stored.scale!r}</Item>')
    return "\n".join([*lines, "</GDALMetadata>", ""])
