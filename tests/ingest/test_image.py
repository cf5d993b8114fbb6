from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ingest.errors import RasterError
from ingest.image import THUMBNAIL_SIZE, create_thumbnail


def png(mode: str, width: int = 1054, height: int = 1054) -> bytes:
    """A picture of noise."""
    channels = {"RGB": 3, "RGBA": 4, "L": 1}[mode]
    noise = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
    out = BytesIO()
    Image.fromarray(noise.squeeze(), mode if channels == 1 else None).save(out, "PNG", compress_level=1)
    return out.getvalue()


@pytest.mark.parametrize(("mode", "kept"), [("RGB", "RGB"), ("RGBA", "RGBA"), ("L", "RGB")])
def test_a_preview_becomes_a_small_picture_that_every_viewer_shows(mode: str, kept: str) -> None:
    thumbnail = create_thumbnail(png(mode))
    with Image.open(BytesIO(thumbnail.data)) as small:
        assert (small.format, small.mode, small.size) == ("PNG", kept, (THUMBNAIL_SIZE, THUMBNAIL_SIZE))
    assert thumbnail.published_shape == (1054, 1054)


def test_a_thumbnail_keeps_the_proportions_and_is_never_larger() -> None:
    assert create_thumbnail(png("RGB", 512, 256)).shape == (THUMBNAIL_SIZE // 2, THUMBNAIL_SIZE)
    assert create_thumbnail(png("RGB", 50, 40)).shape == (40, 50)


@pytest.mark.parametrize("data", [b"", b"no picture", png("RGB")[:2000]])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(RasterError, match="cannot be read as a PNG"):
        create_thumbnail(data)
