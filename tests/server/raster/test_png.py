import io

import numpy as np
import pytest
from PIL import Image
from rio_tiler.colormap import cmap
from rio_tiler.utils import render
from titiler.core.resources.enums import ImageType

from server.raster.encoders import encode_picture
from server.raster.png import encode_png

CLASSES = {1: (255, 0, 0, 255), 2: (0, 255, 0, 128), 300: (1, 1, 1, 255)}
COLORS = {"none": None, "ramp": cmap.get("viridis"), "classes": CLASSES, "ranges": [((0, 3), (1, 2, 3, 255))]}


def decoded(body: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGBA")).astype(int)


def masks(shape: tuple[int, int]) -> dict[str, np.ndarray | None]:
    half = np.full(shape, 255, "uint8")
    half[: shape[0] // 2] = 0
    return {"all": np.full(shape, 255, "uint8"), "half": half, "nothing": np.zeros(shape, "uint8"), "unmasked": None}


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("shape", [(256, 256), (2, 1), (7, 300)])
def test_a_png_holds_the_pixels_it_was_made_of(mode: str, shape: tuple[int, int]) -> None:
    count, masked = len(mode.removesuffix("A")), mode.endswith("A")
    rng = np.random.default_rng(3)
    data = rng.integers(0, 256, (count, *shape), dtype="uint8")
    mask = masks(shape)["half"] if masked else None
    image = Image.open(io.BytesIO(encode_png(data, mask)))
    assert image.mode == mode
    seen = np.asarray(image).reshape(*shape, -1)
    np.testing.assert_array_equal(np.moveaxis(seen[..., :count], -1, 0), data)
    if mask is not None:
        np.testing.assert_array_equal(seen[..., -1], mask)


@pytest.mark.parametrize("colors", COLORS)
@pytest.mark.parametrize("masked", ["all", "half", "nothing", "unmasked"])
@pytest.mark.parametrize("most", [2, 6, 256])
def test_a_png_decodes_to_what_rio_tilers_does(colors: str, masked: str, most: int) -> None:
    colormap, mask = COLORS[colors], masks((64, 70))[masked]
    rng = np.random.default_rng(most)
    for count in (1, 3) if colormap is None else (1,):
        data = rng.integers(0, most, (count, 64, 70), dtype="uint8")
        if mask is not None:
            data[:, mask == 0] = 0
        ours = decoded(encode_picture(data, mask, ImageType.png, colormap))
        theirs = decoded(render(data, mask, img_format="PNG", colormap=colormap))
        if masked == "nothing":
            assert not ours.any()
            assert not theirs[..., 3].any()
        else:
            np.testing.assert_array_equal(ours, theirs)


def test_a_png_has_no_band_that_says_nothing() -> None:
    data = np.random.default_rng(5).integers(0, 256, (3, 256, 256), dtype="uint8")
    found = masks((256, 256))
    assert Image.open(io.BytesIO(encode_png(data, found["all"]))).mode == "RGB"
    assert Image.open(io.BytesIO(encode_picture(data[:1] // 64, found["half"], ImageType.png, CLASSES))).mode == "P"
    assert len(encode_png(data, found["nothing"])) < 200


@pytest.mark.parametrize("kind", [ImageType.jpg, ImageType.webp])
@pytest.mark.parametrize("masked", ["all", "half", "nothing", "unmasked"])
@pytest.mark.parametrize("count", [1, 3])
def test_lossy_pictures_are_as_close_and_about_as_long_as_rio_tilers(kind: ImageType, masked: str, count: int) -> None:
    y, x = np.mgrid[:256, :256]
    noise = np.random.default_rng(1).normal(0, 8, (count, 256, 256))
    data = np.clip(128 + 60 * np.sin(x / 20) * np.cos(y / 30) + noise, 0, 255).astype("uint8")
    mask = masks((256, 256))[masked]
    if mask is not None:
        data[:, mask == 0] = 0
    ours = encode_picture(data, mask, kind)
    theirs = render(data, mask, img_format=kind.driver, **kind.profile)
    np.testing.assert_array_equal(decoded(ours)[..., 3], decoded(theirs)[..., 3])
    original = np.moveaxis(np.broadcast_to(data, (3, 256, 256)), 0, -1)
    errors = [np.sqrt(((decoded(body)[..., :3] - original) ** 2).mean()) for body in (ours, theirs)]
    assert errors[0] <= errors[1] * 1.06
    assert len(ours) <= len(theirs) * 1.1 + 100
