"""The published 8-bit preview: a picture to show, and a small one for lists."""

from dataclasses import dataclass
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from ingest.errors import RasterError

THUMBNAIL_SIZE = 256
"""Longest side of a thumbnail in pixels: a screen of them weighs less than one published preview."""
_COMPRESS_LEVEL = 6
_SHOWN_MODES = frozenset({"RGB", "RGBA"})


@dataclass(frozen=True)
class Thumbnail:
    """A small PNG, and the size of the picture that it was made of."""

    data: bytes
    """The file."""
    shape: tuple[int, int]
    """Rows, columns of the thumbnail."""
    published_shape: tuple[int, int]
    """Rows, columns of the published picture."""


def create_thumbnail(data: bytes) -> Thumbnail:
    """Return the published picture (RGB or RGBA) made small.

    Raises:
        RasterError: it is no picture.
    """
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            published = (image.height, image.width)
            small = image if image.mode in _SHOWN_MODES else image.convert("RGB")
            small.thumbnail((THUMBNAIL_SIZE, THUMBNAIL_SIZE))
            out = BytesIO()
            small.save(out, "PNG", compress_level=_COMPRESS_LEVEL)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RasterError(f"cannot be read as a PNG: {error}") from error
    return Thumbnail(out.getvalue(), (small.height, small.width), published)
