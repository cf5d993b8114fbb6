"""Pictures as PNG, JPEG and WebP, without GDAL: from bytes to bytes in a millisecond or two."""

from typing import Any

import numpy as np
from imagecodecs import jpeg8_encode, webp_encode
from numpy.typing import NDArray
from rio_tiler.colormap import apply_cmap
from rio_tiler.types import ColorMapType
from titiler.core.resources.enums import ImageType

from server.raster.png import Palette, encode_png

PNG_FORMATS = frozenset({ImageType.png, ImageType.pngraw})
JPEG_FORMATS = frozenset({ImageType.jpeg, ImageType.jpg})
PICTURE_FORMATS = PNG_FORMATS | JPEG_FORMATS | {ImageType.webp}
"""What is encoded here; the others hold numbers."""

JPEG_QUALITY = 85
"""As titiler's."""
WEBP_QUALITY = 75
"""As titiler's."""
WEBP_METHOD = 2
"""How long libwebp looks: its usual 4 takes twice the time, for 4 to 9 % fewer bytes."""

_BYTE = 255


def encode_picture(
    data: NDArray[Any], mask: NDArray[Any] | None, image_format: ImageType, colormap: ColorMapType | None = None
) -> bytes:
    """Encode an image.

    Args:
        data: one band or three, as `(band, y, x)`: bytes, or any numbers where there are colours.
        mask: 0 where there is nothing to see, as `(y, x)`.
        image_format: one of `PICTURE_FORMATS`.
        colormap: colours of the numbers of one band.
    """
    if image_format in PNG_FORMATS and (palette := _palette(data, mask, colormap)) is not None:
        return encode_png(data, mask, palette)
    if colormap:
        data, mask = _color(data, mask, colormap)
    if image_format in PNG_FORMATS:
        return encode_png(data, mask)
    if image_format in JPEG_FORMATS:
        # A copy always: the strides of a single pixel would else be ones that imagecodecs refuses.
        pixels = np.stack([*data], axis=-1) if len(data) > 1 else np.ascontiguousarray(data[0])
        return bytes(jpeg8_encode(pixels, level=JPEG_QUALITY, optimize=True))
    return _encode_webp(data, mask)


def _encode_webp(data: NDArray[np.uint8], mask: NDArray[Any] | None) -> bytes:
    bands = [*data] if len(data) > 1 else [data[0]] * 3  # WebP has no grey
    if mask is not None and not mask.all():
        bands.append(mask)
    pixels = np.stack(bands, axis=-1)
    return bytes(webp_encode(pixels, level=WEBP_QUALITY, lossless=False, method=WEBP_METHOD))


def _color(
    data: NDArray[Any], mask: NDArray[Any] | None, colormap: ColorMapType
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Give colours to a single band; what the colours leave transparent is so."""
    colors, alpha = apply_cmap(data, colormap)
    return colors, None if mask is None else np.where(mask > 0, alpha, 0)


def _palette(data: NDArray[Any], mask: NDArray[Any] | None, colormap: ColorMapType | None) -> Palette | None:
    """Return the colours of bytes as a table, None where they are no bytes or their colours no table."""
    if not isinstance(colormap, dict) or data.dtype != np.uint8:
        return None
    palette = np.zeros((_BYTE + 1, 4), np.uint8)
    for value, color in colormap.items():
        if value in range(_BYTE + 1):
            palette[int(value)] = color
    if mask is None:  # nothing is to be seen through
        palette[:, 3] = _BYTE
    return palette
