"""A raster of one block a band to the bytes of a COG and back: a chip's header takes GDAL longer than its pixels."""

from typing import Final
from xml.sax.saxutils import escape

import numpy as np
from affine import Affine
from imagecodecs import TiffError, delta_encode, floatpred_encode, tiff_decode, zstd_encode

from catalog.bands import Product
from ingest.errors import RasterError
from ingest.pixels import StoredPixels
from ingest.raster import Grid, Pixels
from ingest.tiff import (
    DOUBLE,
    FLOAT_PREDICTOR,
    INTEGER_PREDICTOR,
    LONG,
    RATIONAL,
    SHORT,
    Code,
    Tag,
    read_directory,
    text,
    write_file,
)

LARGEST_BLOCK: Final = 512
"""Longest side of a block; a raster that is larger has several, and overviews."""
BLOCK_MULTIPLE: Final = 16
"""TIFF wants the sides of a block to be multiples of it."""
ZSTD_LEVEL: Final = 1
"""A higher level saves 1 % of a chip and takes twice as long."""
_SEPARATE, _MINISBLACK, _FLOATING, _NO_UNIT, _ZSTD = 2, 1, 3, 1, 50000
# Version 1.1.0, then (key, 0, 1, value): a geographic model, pixels are areas, EPSG:4326, degrees.
_WGS84: Final = (1, 1, 0, 4, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326, 2054, 0, 1, 9102)


def fits(grid: Grid) -> bool:
    """Tell whether a raster is one block a band, north-up."""
    transform = grid.transform
    north_up = not (transform.b or transform.d) and transform.a > 0 > transform.e
    return north_up and max(grid.height, grid.width) <= LARGEST_BLOCK


def encode(stored: StoredPixels, grid: Grid, product: Product) -> bytes:
    """Write a raster that fits as a COG: all its tags first, then one block a band."""
    pixels = stored.pixels
    block = _round_up(grid.height), _round_up(grid.width)
    padded = np.zeros((len(pixels), *block), pixels.dtype.newbyteorder("<"))
    padded[:, : grid.height, : grid.width] = pixels
    predict = floatpred_encode if pixels.dtype.kind == "f" else delta_encode
    blocks = [zstd_encode(predict(band, axis=-1).tobytes(), level=ZSTD_LEVEL) for band in padded]
    return write_file(_layout(pixels, block) | _place(grid.transform) | _meaning(stored, product), blocks)


def read_back(data: bytes) -> tuple[Pixels, int]:
    """Return the pixels of a COG, (band, y, x), by another library than wrote it, and the size of its header.

    Raises:
        RasterError: it cannot be decoded.
    """
    try:
        pixels: Pixels = tiff_decode(data)
        begin = _first_block(data)
    except (TiffError, ValueError, IndexError) as error:
        raise RasterError(f"its COG cannot be read back: {error}") from error
    return (pixels if pixels.ndim > 2 else pixels[np.newaxis]), begin  # noqa: PLR2004


def _first_block(data: bytes) -> int:
    """Return where the first block begins, behind the directory that stands first in the file."""
    offsets = read_directory(data, frozenset({Code.TILE_OFFSETS})).get(Code.TILE_OFFSETS)
    if offsets is None:
        raise RasterError("its COG has no blocks")
    return int(min(offsets.values))


def _round_up(side: int) -> int:
    return -(-side // BLOCK_MULTIPLE) * BLOCK_MULTIPLE


def _layout(pixels: Pixels, block: tuple[int, int]) -> dict[Code, Tag]:
    """Return the tags that tell how to read the blocks."""
    (bands, height, width), (rows, columns) = pixels.shape, block
    floating = pixels.dtype.kind == "f"
    one = Tag(RATIONAL, (1, 1))
    tags = {
        Code.WIDTH: Tag(LONG, (width,)),
        Code.LENGTH: Tag(LONG, (height,)),
        Code.BITS: _shorts(*[8 * pixels.dtype.itemsize] * bands),
        Code.COMPRESSION: _shorts(_ZSTD),
        Code.PHOTOMETRIC: _shorts(_MINISBLACK),
        Code.SAMPLES: _shorts(bands),
        Code.X_RESOLUTION: one,
        Code.Y_RESOLUTION: one,
        Code.RESOLUTION_UNIT: _shorts(_NO_UNIT),
        Code.PREDICTOR: _shorts(FLOAT_PREDICTOR if floating else INTEGER_PREDICTOR),
        Code.TILE_WIDTH: Tag(LONG, (columns,)),
        Code.TILE_LENGTH: Tag(LONG, (rows,)),
    }
    if floating:
        tags[Code.SAMPLE_FORMAT] = _shorts(*[_FLOATING] * bands)
    if bands > 1:
        tags |= {Code.PLANAR: _shorts(_SEPARATE), Code.EXTRA_SAMPLES: _shorts(*[0] * (bands - 1))}
    return tags


def _place(transform: Affine) -> dict[Code, Tag]:
    """Return the tags of GeoTIFF."""
    return {
        Code.PIXEL_SCALE: Tag(DOUBLE, (transform.a, -transform.e, 0.0)),
        Code.TIEPOINT: Tag(DOUBLE, (0.0, 0.0, 0.0, transform.c, transform.f, 0.0)),
        Code.GEO_KEYS: _shorts(*_WGS84),
    }


def _meaning(stored: StoredPixels, product: Product) -> dict[Code, Tag]:
    """Return the tags of GDAL: names and scale of the bands, the number that means no data."""
    tags = {Code.GDAL_METADATA: text(_describe(stored, product))}
    if stored.nodata is not None:
        tags[Code.GDAL_NODATA] = text(f"{stored.nodata:g}")
    return tags


def _shorts(*values: int) -> Tag:
    return Tag(SHORT, values)


def _describe(stored: StoredPixels, product: Product) -> str:
    """Return names and scale of the bands as GDAL writes them."""
    lines = ["<GDALMetadata>"]
    for sample, band in enumerate(product.bands):
        lines.append(f'  <Item name="DESCRIPTION" sample="{sample}" role="description">{escape(band.name)}</Item>')
        if stored.scale is not None:
            lines.append(f'  <Item name="OFFSET" sample="{sample}" role="offset">0</Item>')
            lines.append(f'  <Item name="SCALE" sample="{sample}" role="scale">{stored.scale!r}</Item>')
    return "\n".join([*lines, "</GDALMetadata>", ""])
