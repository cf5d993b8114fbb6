"""Two images as one picture: beside each other, above each other, in turn, or what differs."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rio_tiler.colormap import apply_cmap
from rio_tiler.types import ColorMapType
from rio_tiler.utils import linear_rescale

from server.raster.display import Ranges
from server.raster.errors import InvalidRequestError
from server.raster.limits import MAX_SIZE

Layout = Literal["side", "stack", "swipe", "blink", "difference"]
PictureFormat = Literal["png", "webp", "jpg", "gif"]
Values = NDArray[np.float64]

MAX_PANEL = MAX_SIZE // 2
"""Most pixels along a side of one of the two images."""
MEDIA_TYPES: dict[str, str] = {"png": "image/png", "webp": "image/webp", "jpg": "image/jpeg", "gif": "image/gif"}
MOVING = ("webp", "gif", "png")
"""Formats that can show two pictures in turn."""

_GAP = 4  # pixels between two images
_CAPTION = 18  # pixels of a line of text
_BLINK = 700  # milliseconds
_PAPER, _INK = (255, 255, 255, 255), (20, 20, 20, 255)
_OPAQUE = 255
_RGB, _SINGLE = 3, 1


@dataclass(frozen=True)
class Paint:
    """How numbers become colours."""

    ranges: Ranges
    """What becomes black and white, for all bands or each."""
    colormap: ColorMapType | None
    """Colours of a single band."""


@dataclass(frozen=True)
class Panel:
    """One painted image."""

    picture: Image.Image
    """The picture."""
    caption: str
    """What it shows."""


def check_format(chosen: PictureFormat, layout: Layout) -> None:
    """Refuse a format that cannot show a layout.

    Raises:
        InvalidRequestError: it shows one picture, and two are to take turns.
    """
    if layout == "blink" and chosen not in MOVING:
        raise InvalidRequestError(f"A {chosen} shows one picture: choose {', '.join(MOVING)} for layout=blink.")


def check_bands(names: Sequence[str], layout: Layout) -> None:
    """Refuse what makes no picture.

    Raises:
        InvalidRequestError: there are two bands, or more than three; a difference is that of their mean.
    """
    if layout != "difference" and len(names) not in {_SINGLE, _RGB}:
        raise InvalidRequestError(f"{len(names)} bands make no picture: choose one or three.")


def paint(values: Values, how: Paint, caption: str, size: int) -> Panel:
    """Paint an image; a pixel stays a square where it becomes larger, and becomes an average where smaller.

    Args:
        values: one band or three, as `(band, y, x)`, NaN where there is nothing.
        how: ranges and colours.
        caption: what it shows.
        size: pixels along the longer side.
    """
    ranges = how.ranges if len(how.ranges) == len(values) else how.ranges[:1] * len(values)
    seen = np.isfinite(values).all(axis=0)
    scaled = [
        linear_rescale(np.where(seen, band, low), (low, high)) for band, (low, high) in zip(values, ranges, strict=True)
    ]
    colors = np.stack(scaled).astype(np.uint8)
    if how.colormap and len(values) == _SINGLE:
        colors, _ = apply_cmap(colors, how.colormap)
    rgb = np.broadcast_to(colors, (_RGB, *seen.shape))
    pixels = np.dstack([*rgb, np.where(seen, _OPAQUE, 0).astype(np.uint8)])
    picture = Image.fromarray(pixels, "RGBA")
    share = size / max(picture.size)
    shape = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    return Panel(picture.resize(shape, Image.Resampling.NEAREST if share >= 1 else Image.Resampling.BOX), caption)


def compose(panels: list[Panel], layout: Layout, *, split: float = 0.5, captions: bool = True) -> list[Image.Image]:
    """Return the frames of a picture: two that take turns, else one."""
    first, second = panels[0], panels[-1]
    if layout == "swipe":
        cut = round(first.picture.width * split)
        joined = first.picture.copy()
        joined.paste(second.picture.crop((cut, 0, *second.picture.size)), (cut, 0))
        ImageDraw.Draw(joined).line((cut, 0, cut, joined.height), _PAPER, 1)
        frames = [[Panel(joined, f"{first.caption}  |  {second.caption}")]]
    elif layout == "blink":
        frames = [[first], [second]]
    else:
        frames = [panels]
    return [_arrange(frame, down=layout == "stack", captions=captions) for frame in frames]


def under(panel: Panel, legend: Image.Image) -> Panel:
    """Return a panel with a legend below the picture."""
    width = max(panel.picture.width, legend.width)
    sheet = Image.new("RGBA", (width, panel.picture.height + legend.height), _PAPER)
    sheet.paste(panel.picture, (0, 0))
    sheet.paste(legend, (0, panel.picture.height))
    return Panel(sheet, panel.caption)


def encode(frames: list[Image.Image], chosen: PictureFormat) -> bytes:
    """Encode frames; several take turns for ever, in a format that `check_format` lets through."""
    out = io.BytesIO()
    if chosen == "jpg":
        _flat(frames[0]).save(out, "JPEG", quality=90)
        return out.getvalue()
    options = {"save_all": True, "append_images": frames[1:], "duration": _BLINK, "loop": 0} if len(frames) > 1 else {}
    if chosen == "gif":
        frames = [_flat(frame) for frame in frames]
        options = options and options | {"append_images": frames[1:]}
    if chosen == "webp":
        options |= {"quality": 88}
    frames[0].save(out, chosen.upper(), **options)
    return out.getvalue()


def _flat(picture: Image.Image) -> Image.Image:
    paper = Image.new("RGBA", picture.size, _PAPER)
    paper.alpha_composite(picture)
    return paper.convert("RGB")


def _arrange(panels: list[Panel], *, down: bool, captions: bool) -> Image.Image:
    head = _CAPTION if captions else 0
    widths = [panel.picture.width for panel in panels]
    heights = [panel.picture.height + head for panel in panels]
    gaps = _GAP * (len(panels) - 1)
    size = (max(widths), sum(heights) + gaps) if down else (sum(widths) + gaps, max(heights))
    sheet = Image.new("RGBA", size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(sheet)
    x = y = 0
    for panel, width, height in zip(panels, widths, heights, strict=True):
        if captions:
            draw.rectangle((x, y, x + width - 1, y + head - 1), _PAPER)
            draw.text((x + 4, y + 2), panel.caption, _INK, ImageFont.load_default(11))
        sheet.paste(panel.picture, (x, y + head))
        x, y = (x, y + height + _GAP) if down else (x + width + _GAP, y)
    return sheet
