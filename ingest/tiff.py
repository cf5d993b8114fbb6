"""The first directory of a TIFF, from bytes and to bytes: its tags alone, nobody's pixels."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate
from typing import Any, Final

ASCII: Final = 2
SHORT: Final = 3
LONG: Final = 4
RATIONAL: Final = 5
DOUBLE: Final = 12
INTEGER_PREDICTOR: Final = 2
FLOAT_PREDICTOR: Final = 3


class Code(IntEnum):
    """Tags by their names in TIFF 6, GeoTIFF and GDAL."""

    WIDTH = 256
    LENGTH = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    ORIENTATION = 274
    SAMPLES = 277
    X_RESOLUTION = 282
    Y_RESOLUTION = 283
    PLANAR = 284
    RESOLUTION_UNIT = 296
    PREDICTOR = 317
    TILE_WIDTH = 322
    TILE_LENGTH = 323
    TILE_OFFSETS = 324
    TILE_BYTES = 325
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    PIXEL_SCALE = 33550
    TIEPOINT = 33922
    TRANSFORMATION = 34264
    GEO_KEYS = 34735
    GEO_DOUBLES = 34736
    GDAL_METADATA = 42112
    GDAL_NODATA = 42113


_FORMS: Final = {ASCII: "s", SHORT: "H", LONG: "I", RATIONAL: "II", DOUBLE: "d"}
_MAGIC: Final = b"II*\0"
_MOST_TAGS: Final = 512
_MOST_VALUES: Final = 65_536
_INLINE: Final = 4  # bytes of a value that stands in the directory itself
_ALIGNED: Final = 16  # of the first block


class TiffHeaderError(ValueError):
    """The bytes are no TIFF of the plain kind that is read here."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One entry of a directory."""

    kind: int
    """Type of its values, `ASCII` to `DOUBLE`."""
    values: tuple[Any, ...]
    """Numbers, two for each `RATIONAL`; one `bytes` of text."""

    @property
    def count(self) -> int:
        """How many values TIFF counts."""
        return len(self.values[0]) if self.kind == ASCII else len(self.values) // len(_FORMS[self.kind])

    def pack(self) -> bytes:
        """Return the values as bytes."""
        form = _FORMS[self.kind]
        return bytes(self.values[0]) if self.kind == ASCII else struct.pack("<" + form * self.count, *self.values)


def read_directory(data: bytes, wanted: frozenset[Code]) -> dict[Code, Tag]:
    """Return those tags of the first directory that are wanted, by their code.

    Args:
        data: the whole file: little-endian, not BigTIFF, with one directory.
        wanted: codes.

    Raises:
        TiffHeaderError: it is another kind of file, is cut, names a tag twice, or a wanted tag holds what none does.
    """
    try:
        magic, start = struct.unpack_from("<4sI", data)
        (count,) = struct.unpack_from("<H", data, start)
        if magic != _MAGIC or count > _MOST_TAGS:
            raise TiffHeaderError("no little-endian classic TIFF")
        entries = struct.unpack_from("<" + "HHI4s" * count + "I", data, start + 2)
        if entries[-1]:
            raise TiffHeaderError("several directories")
        if len(set(entries[:-1:4])) < count:
            raise TiffHeaderError("a tag that is there twice")
        found = zip(entries[:-1:4], entries[1::4], entries[2::4], entries[3::4], strict=True)
        return {Code(code): _unpack(data, kind, number, value) for code, kind, number, value in found if code in wanted}
    except struct.error as error:
        raise TiffHeaderError(str(error)) from error


def write_file(tags: Mapping[Code, Tag], blocks: Sequence[bytes | bytearray]) -> bytes:
    """Return a TIFF: its directory, what the tags hold, then the blocks one after the other.

    Args:
        tags: all tags but the places of the blocks.
        blocks: compressed tiles, in their order.
    """
    lengths = Tag(LONG, tuple(map(len, blocks)))
    placed = {**tags, Code.TILE_OFFSETS: lengths, Code.TILE_BYTES: lengths}
    behind = 8 + 2 + 12 * len(placed) + 4
    begin = behind + sum(_stored(size) for size in (len(tag.pack()) for tag in placed.values()) if size > _INLINE)
    begin += -begin % _ALIGNED
    placed[Code.TILE_OFFSETS] = Tag(LONG, tuple(accumulate(lengths.values[:-1], initial=begin)))
    entries, values = [], []
    for code, tag in sorted(placed.items()):
        value = tag.pack()
        if len(value) > _INLINE:
            values.append(value.ljust(_stored(len(value)), b"\0"))
            value, behind = struct.pack("<I", behind), behind + len(values[-1])
        entries.append(struct.pack("<HHI4s", code, tag.kind, tag.count, value))
    head = b"".join([struct.pack("<4sIH", _MAGIC, 8, len(placed)), *entries, bytes(4), *values])
    return b"".join([head.ljust(begin, b"\0"), *blocks])


def text(value: str) -> Tag:
    """Return a tag of text."""
    return Tag(ASCII, (value.encode("ascii") + b"\0",))


def _unpack(data: bytes, kind: int, count: int, value: bytes) -> Tag:
    if kind not in _FORMS or count > _MOST_VALUES:
        raise TiffHeaderError(f"a tag of type {kind} with {count} values")
    form = f"<{count}s" if kind == ASCII else f"<{count * len(_FORMS[kind])}{_FORMS[kind][0]}"
    if struct.calcsize(form) <= _INLINE:
        return Tag(kind, struct.unpack_from(form, value))
    (offset,) = struct.unpack("<I", value)
    return Tag(kind, struct.unpack_from(form, data, offset))


def _stored(size: int) -> int:
    """Return what a value of so many bytes takes: each begins at an even place."""
    return size + size % 2
