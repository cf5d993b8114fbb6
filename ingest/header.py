"""What a published TIFF says of itself, read from its tags: GDAL takes longer to open a chip than to decode it."""

from dataclasses import dataclass
from typing import Any, Final

import rasterio
from affine import Affine
from rasterio.enums import Compression, Interleaving

from catalog.constants import CRS
from ingest.tiff import DOUBLE, LONG, SHORT, Code, Tag, read_directory

_DTYPES: Final = {(1, 8): "uint8", (1, 16): "uint16", (3, 32): "float32"}
_COMPRESSIONS: Final = frozenset({1, 5, 8, 32946, 50000})  # none, LZW, two names of deflate, ZSTD
_PLAIN: Final = frozenset({None, Compression.deflate, Compression.lzw, Compression.zstd})
_GRAY_OR_RGB: Final = frozenset({1, 2})
_DOUBLES: Final = frozenset({Code.PIXEL_SCALE, Code.TIEPOINT, Code.TRANSFORMATION, Code.GEO_DOUBLES})
_NUMBERS: Final = frozenset(
    {
        Code.WIDTH,
        Code.LENGTH,
        Code.BITS,
        Code.COMPRESSION,
        Code.PHOTOMETRIC,
        Code.FILL_ORDER,
        Code.ORIENTATION,
        Code.SAMPLES,
        Code.PLANAR,
        Code.SAMPLE_FORMAT,
        Code.GEO_KEYS,
    }
)
_GEO: Final = frozenset({Code.PIXEL_SCALE, Code.TIEPOINT, Code.TRANSFORMATION, Code.GEO_KEYS})
# What GDAL writes of EPSG:4326: a geographic model, pixels are areas, the code, degrees, two numbers of the ellipsoid.
_WGS84: Final = {1024: 2, 1025: 1, 2048: 4326, 2054: 9102, 2057: 6378137.0, 2059: 298.257223563}
_NEEDED_KEYS: Final = frozenset({1024, 1025, 2048})
_CITATION: Final = 2049


@dataclass(frozen=True, slots=True)
class Header:
    """Shape and place of a raster, as its file tells them."""

    count: int
    """Bands."""
    height: int
    """Rows."""
    width: int
    """Columns."""
    dtypes: tuple[str, ...]
    """Types of the numbers of each band."""
    transform: Affine
    """Pixel to ground; the identity where the file does not say it."""
    crs: str | None
    """Coordinate reference system."""
    is_plain: bool
    """Whether libtiff alone decodes it."""
    by_pixel: bool
    """Whether the numbers of a pixel lie side by side."""

    @classmethod
    def of(cls, src: rasterio.DatasetReader) -> "Header":
        """Return what GDAL says of a file."""
        crs = src.crs.to_string() if src.crs else None
        plain, by_pixel = src.compression in _PLAIN, src.interleaving is Interleaving.pixel
        return cls(src.count, src.height, src.width, tuple(src.dtypes), src.transform, crs, plain, by_pixel)

    @classmethod
    def parse(cls, data: bytes) -> "Header | None":
        """Return what the tags say, None where it takes GDAL to understand them."""
        try:
            tags = read_directory(data, _DOUBLES | _NUMBERS)
            count = _number(tags, Code.SAMPLES, 1)
            bits, formats = _all(tags, Code.BITS, (1,)), _all(tags, Code.SAMPLE_FORMAT, (1,) * count)
            dtype = _DTYPES.get((formats[0], bits[0]))
            if dtype is None or bits != bits[:1] * count or formats != formats[:1] * count or not _is_usual(tags):
                return None
            height, width = _number(tags, Code.LENGTH), _number(tags, Code.WIDTH)
            transform, crs = _place(tags)
        except (ValueError, IndexError):  # a `TiffHeaderError` is one, too
            return None
        if min(count, height, width) < 1:
            return None
        by_pixel = _number(tags, Code.PLANAR, 1) == 1 and count > 1
        return cls(count, height, width, (dtype,) * count, transform, crs, True, by_pixel)


def _is_usual(tags: dict[Code, Tag]) -> bool:
    """Tell whether the tags are of the types that they should be, and the pixels stored in a way with one meaning."""
    of_their_kind = all(
        tag.kind == DOUBLE if code in _DOUBLES else tag.kind in {SHORT, LONG} for code, tag in tags.items()
    )
    return (
        of_their_kind
        and _number(tags, Code.COMPRESSION, 1) in _COMPRESSIONS
        and _number(tags, Code.PHOTOMETRIC) in _GRAY_OR_RGB
        and _number(tags, Code.FILL_ORDER, 1) == 1
        and _number(tags, Code.ORIENTATION, 1) == 1
        and _number(tags, Code.PLANAR, 1) in {1, 2}
    )


def _place(tags: dict[Code, Tag]) -> tuple[Affine, str | None]:
    """Return transform and CRS.

    Raises:
        ValueError: they are not told in the plain way: a scale and a tie point, areas, WGS 84.
    """
    given = _GEO & tags.keys()
    if not given:
        return Affine.identity(), None
    _check_keys(_all(tags, Code.GEO_KEYS), _all(tags, Code.GEO_DOUBLES, ()))
    if given == {Code.GEO_KEYS}:
        return Affine.identity(), CRS
    if given != {Code.GEO_KEYS, Code.PIXEL_SCALE, Code.TIEPOINT}:
        raise ValueError("another kind of place")
    (across, down, _), (column, row, _, x, y, _) = _all(tags, Code.PIXEL_SCALE), _all(tags, Code.TIEPOINT)
    if column or row or not (across > 0 < down):
        raise ValueError("a tie point that is no corner")
    return Affine(across, 0.0, x, 0.0, -down, y), CRS


def _check_keys(keys: tuple[int, ...], doubles: tuple[float, ...]) -> None:
    """Make sure that GeoTIFF's keys say WGS 84 and nothing else.

    Raises:
        ValueError: they say something else, or nothing.
    """
    version, entries = keys[:3], [keys[start : start + 4] for start in range(4, len(keys), 4)]
    if version != (1, 1, 0) or keys[3] != len(entries):
        raise ValueError("another version of GeoTIFF, or a directory that is cut")
    said: dict[int, Any] = {
        key: value if place == 0 else doubles[value] for key, place, _, value in entries if key != _CITATION
    }
    if not said.items() <= _WGS84.items() or not said.keys() >= _NEEDED_KEYS:
        raise ValueError("another CRS")


def _value(place: int, value: int, doubles: tuple[float, ...]) -> float:
    if place not in {0, Code.GEO_DOUBLES}:
        raise ValueError("a key whose value is elsewhere")
    return doubles[value] if place else value


def _all(tags: dict[Code, Tag], code: Code, default: tuple[Any, ...] | None = None) -> tuple[Any, ...]:
    """Return the values of a tag; a needed one that is absent is a `ValueError`."""
    tag = tags.get(code)
    if tag is not None:
        return tag.values
    if default is None:
        raise ValueError(f"no tag {code.name}")
    return default


def _number(tags: dict[Code, Tag], code: Code, default: int | None = None) -> int:
    """Return the one number of a tag."""
    (number,) = _all(tags, code, None if default is None else (default,))
    return int(number)
