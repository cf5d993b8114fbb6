"""PNG at the speed of zlib: one filter for all rows, chosen beforehand."""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 1
"""zlib's fastest: a third of the time of the usual 6, for a fifth more bytes."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # grey, grey and alpha, RGB, RGBA
_DEPTH = 8
_SUB = 1  # filter: each byte less the one of the pixel to its left


def encode_png(data: NDArray[np.uint8], mask: NDArray[Any] | None = None) -> bytes:
    """Encode bytes as a PNG.

    libpng tries five filters for each row and keeps the best, which takes longer than the compression. For pictures of
    the Earth the difference to the left does about as well everywhere.

    Args:
        data: one band or three, as `(band, y, x)`.
        mask: 0 where there is nothing to see, as `(y, x)`; it becomes the alpha band.
    """
    count, height, width = data.shape
    channels = count if mask is None else count + 1
    pixels = np.empty((height, width, channels), np.uint8)
    for channel, band in enumerate(data):
        pixels[..., channel] = band
    if mask is not None:
        pixels[..., count] = mask
    rows = np.empty((height, 1 + width * channels), np.uint8)
    rows[:, 0] = _SUB
    flat = pixels.reshape(height, -1)
    rows[:, 1 : 1 + channels] = flat[:, :channels]
    np.subtract(flat[:, channels:], flat[:, :-channels], out=rows[:, 1 + channels :])
    header = struct.pack(">IIBBBBB", width, height, _DEPTH, _COLOR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.data, LEVEL)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
