"""The directory of a TIFF, beside tifffile's."""

import struct
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from rasterio.transform import from_bounds
from tifffile import TiffFile, TiffWriter

from catalog.bands import Product
from ingest import chip
from ingest.pixels import StoredPixels
from ingest.raster import Grid
from ingest.tiff import Code, TiffHeaderError, read_directory

Find = Callable[[str], Product]
PLACE_AND_MEANING = [
    Code.PIXEL_SCALE, Code.TIEPOINT, Code.GEO_KEYS, Code.GDAL_METADATA, Code.GDAL_NODATA,
]  # fmt: skip
ENTRY = 12  # bytes


def encoded(pixels: np.ndarray[Any, Any], product: Product, nodata: float | None = 0) -> bytes:
    """A chip of these pixels."""
    _, height, width = pixels.shape
    grid = Grid(height, width, from_bounds(13.1, 11.7, 13.2, 11.8, width, height))
    return chip.encode(StoredPixels(pixels, nodata, 0.0001), grid, product)


@pytest.fixture
def cog(product: Find) -> bytes:
    """A chip of one band."""
    return encoded(np.ones((1, 150, 160), "uint8"), product("CLM"))


@pytest.mark.parametrize("nodata", [None, 0, float("nan")])
@pytest.mark.parametrize("shape", [(157, 160), (160, 144), (512, 301)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("suffix", ["L2A_data", "CLM", "rgbn"])
def test_tifffile_would_have_written_the_same_bytes(
    product: Find, suffix: str, dtype: str, shape: tuple[int, int], nodata: float | None
) -> None:
    bands = len(product(suffix).bands)
    pixels = np.random.default_rng(0).uniform(0, 255, (bands, *shape)).astype(dtype)
    ours, out = encoded(pixels, product(suffix), nodata), BytesIO()
    tags = read_directory(ours, frozenset(PLACE_AND_MEANING))
    with TiffWriter(out, byteorder="<") as tiff:
        tiff.write(
            pixels if bands > 1 else pixels[0],
            tile=tuple(-(-side // 16) * 16 for side in shape),
            planarconfig="separate" if bands > 1 else None,
            photometric="minisblack",
            compression="zstd",
            compressionargs={"level": chip.ZSTD_LEVEL},
            predictor=True,
            software=False,
            metadata=None,
            extratags=[
                (code, tag.kind, tag.count, tag.values[0] if code >= Code.GDAL_METADATA else tag.values, True)
                for code, tag in tags.items()
            ],
        )
    assert ours == out.getvalue()


def test_every_tag_is_read_as_tifffile_reads_it(product: Find) -> None:
    data = encoded(np.ones((12, 150, 160), "uint16"), product("L2A_data"))
    with TiffFile(BytesIO(data)) as tiff:
        theirs = {tag.code: tag.value for tag in tiff.pages.first.tags}
    ours = {code: tag.values for code, tag in read_directory(data, frozenset(Code)).items()}
    assert ours.keys() == theirs.keys()
    for code, values in ours.items():
        if isinstance(told := theirs[code], str):
            assert values[0].rstrip(b"\0").decode().strip() == told
        else:
            assert values == (told if isinstance(told, tuple) else (told,))


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (0, b"MM\0*", "no little-endian"),
        (8, struct.pack("<H", 600), "no little-endian"),
        (10 + ENTRY, struct.pack("<H", 256), "twice"),
        (10 + 2, struct.pack("<H", 99), "type 99"),
        (10 + 4, struct.pack("<I", 70_000), "70000 values"),
        (10 + 4, struct.pack("<II", 60_000, 8), "buffer"),
    ],
    ids=["big-endian", "too many tags", "a tag twice", "an unknown type", "too many values", "values behind the end"],
)
def test_a_directory_that_makes_no_sense_is_refused(cog: bytes, place: int, value: bytes, told: str) -> None:
    damaged = cog[:place] + value + cog[place + len(value) :]
    with pytest.raises(TiffHeaderError, match=told):
        read_directory(damaged, frozenset(Code))


def test_a_tag_that_nobody_asked_for_is_not_looked_at(cog: bytes) -> None:
    damaged = cog[: 10 + 2] + b"\x63\0" + cog[10 + 4 :]
    assert Code.WIDTH not in read_directory(damaged, frozenset({Code.LENGTH}))
    assert read_directory(damaged, frozenset({Code.LENGTH}))[Code.LENGTH].values == (150,)
