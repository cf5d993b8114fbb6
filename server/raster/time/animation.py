"""A stack as moving pictures: one frame per date, painted as the tiles of an item are."""

import io
from typing import Any, Literal

from PIL import Image, ImageDraw, ImageFont
from rio_tiler.constants import WGS84_CRS
from rio_tiler.models import ImageData
from titiler.core.resources.enums import ImageType

from server.limits.gone import stop_if_gone
from server.raster.display import attach, render_image
from server.raster.time.stack import TimeStack

Animation = Literal["gif", "webp"]
_OPTIONS: dict[Animation, dict[str, Any]] = {
    "gif": {"disposal": 2, "optimize": False},
    "webp": {"lossless": True, "quality": 20, "method": 2},
}
_MARGIN = 4


def encode_animation(stack: TimeStack, output: Animation, *, fps: float, dates: bool = False, **paint: Any) -> bytes:
    """Return the dates of a stack as an endless animation.

    Args:
        stack: the dates.
        output: the format.
        fps: dates a second.
        dates: write each date into its frame.
        paint: colours, as `render_image` takes them.

    Raises:
        InvalidRequestError: the bands make no picture.
    """
    frames = [_paint(stack, index, paint) for index in range(len(stack.values))]
    if dates:
        for frame, revisit in zip(frames, stack.layers.revisits, strict=True):
            _write(frame, f"{revisit.datetime:%Y-%m-%d}")
    memory = io.BytesIO()
    duration = round(1000 / fps)
    options = _OPTIONS[output] | {"save_all": True, "duration": duration, "loop": 0}
    frames[0].save(memory, format=output, append_images=frames[1:], **options)
    return memory.getvalue()


def _paint(stack: TimeStack, index: int, paint: dict[str, Any]) -> Image.Image:
    """Paint one date by way of a PNG, so that a frame is what the other endpoints show."""
    stop_if_gone()
    # Painting writes into the array of an image.
    image = ImageData(stack.values[index].copy(), bounds=stack.grid.bounds, crs=WGS84_CRS, band_names=list(stack.names))
    picture, _ = render_image(attach(image, stack.layers.selections[index]), output_format=ImageType.png, **paint)
    return Image.open(io.BytesIO(picture)).convert("RGBA")


def _write(frame: Image.Image, text: str) -> None:
    """Write white on black into the lower left corner."""
    draw = ImageDraw.Draw(frame)
    size = max(10, frame.height // 24)
    font = ImageFont.load_default(size)
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    place = _MARGIN, frame.height - (bottom - top) - 2 * _MARGIN
    box = place[0] - 2, place[1] - 2, place[0] + right - left + 2, place[1] + bottom - top + 2
    draw.rectangle(box, fill=(0, 0, 0, 255))
    draw.text((place[0] - left, place[1] - top), text, font=font, fill=(255, 255, 255, 255))
