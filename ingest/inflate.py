"""What a member of a zip archive unpacks to: never more than its directory announces, whatever the method.

Python's own reader limits deflate alone: 50 kB of bzip2 would become a gigabyte before anybody could count it.
"""

import bz2
import lzma
import struct
import zipfile
import zlib
from typing import Any, Final

METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
"""Methods that can be read."""
ERRORS: Final = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)
"""What damaged bytes raise; that they end too early is seen by their length."""

_LZMA_HEADER: Final = struct.Struct("<2xHBI")
"""Behind two bytes of a version: the size of the properties, their first byte, the size of the dictionary."""
_LZMA_PROPERTIES: Final = 5
_SMALLEST_DICTIONARY: Final = 4096
_LC, _LP, _PB = 9, 5, 5


def inflate(data: bytes, method: int, size: int) -> bytes:
    """Return what compressed bytes unpack to: at most one byte more than `size`, by which a lie is seen.

    Args:
        data: the bytes as they lie in the archive.
        method: how they are compressed, one of `METHODS`.
        size: how many they become, as the directory says.

    Raises:
        zlib.error, lzma.LZMAError, OSError, EOFError, ValueError: they are damaged.
    """
    if method == zipfile.ZIP_STORED:
        return data[: size + 1]
    if method == zipfile.ZIP_DEFLATED:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size + 1)
    if method == zipfile.ZIP_BZIP2:
        return bz2.BZ2Decompressor().decompress(data, size + 1)
    filters, begin = _lzma_filters(data, size)
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters).decompress(data[begin:], size + 1)


def _lzma_filters(data: bytes, size: int) -> tuple[list[dict[str, Any]], int]:
    """Return how LZMA is unpacked, and where the packed bytes begin (section 5.8.8 of the zip format's note)."""
    if len(data) < _LZMA_HEADER.size:
        raise EOFError("no LZMA header")
    length, packed, dictionary = _LZMA_HEADER.unpack_from(data)
    if length != _LZMA_PROPERTIES or packed >= _LC * _LP * _PB:
        raise ValueError("no properties of LZMA")
    rest, lc = divmod(packed, _LC)
    pb, lp = divmod(rest, _LP)
    # It is allocated at once, and no more of it is ever used than there are bytes.
    within = max(_SMALLEST_DICTIONARY, min(dictionary, size))
    return [{"id": lzma.FILTER_LZMA1, "dict_size": within, "lc": lc, "lp": lp, "pb": pb}], _LZMA_HEADER.size
