import io

import numpy as np
import pytest
from PIL import Image

from server.raster.png import encode_png


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("shape", [(256, 256), (1, 1), (7, 300)])
def test_a_png_holds_the_pixels_it_was_made_of(mode: str, shape: tuple[int, int]) -> None:
    count, masked = len(mode.removesuffix("A")), mode.endswith("A")
    rng = np.random.default_rng(3)
    data = rng.integers(0, 256, (count, *shape), dtype="uint8")
    mask = rng.choice(np.array([0, 255], "uint8"), shape) if masked else None
    image = Image.open(io.BytesIO(encode_png(data, mask)))
    assert image.mode == mode
    seen = np.asarray(image).reshape(*shape, -1)
    np.testing.assert_array_equal(np.moveaxis(seen[..., :count], -1, 0), data)
    if mask is not None:
        np.testing.assert_array_equal(seen[..., -1], mask)
