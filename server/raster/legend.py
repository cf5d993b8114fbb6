"""Legends: what the colours of a picture mean, as numbers, as an SVG and as a PNG."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rio_tiler.types import ColorMapType

from catalog.bands import SENTINEL2_PRODUCTS
from server.raster.display import Display, Ranges
from server.raster.selection import Selection

WIDTH, BAR, LINE, PAD = 256, 16, 18, 8
"""Pixels of a bar's length and thickness, of a line of text, and around it all."""

RGBA = tuple[int, int, int, int]
_RAMP_SIZE = 256
_CHANNELS = ("red", "green", "blue")
CLASS_NAMES: Mapping[str, Mapping[int, Mapping[str, Any]]] = {
    product.key: {int(entry["value"]): entry for entry in product.classes}
    for product in SENTINEL2_PRODUCTS["L2A"]
    if product.classes
}
"""What the classes of each raster mean."""


@dataclass(frozen=True)
class Entry:
    """One colour, of one value or of all from there to the next."""

    value: float
    """The value."""
    color: RGBA
    """Its colour."""
    name: str
    """What it means."""


@dataclass(frozen=True)
class Legend:
    """What the colours of a picture mean: a ramp, classes, or what each of three channels shows."""

    title: str
    """What is shown."""
    ramp: tuple[Entry, ...] = ()
    """256 colours from the lowest to the highest value."""
    classes: tuple[Entry, ...] = ()
    """A colour for each value."""
    channels: tuple[tuple[str, str, float, float], ...] = ()
    """Colour of light, band, and what becomes black and bright."""
    unit: str | None = field(default=None)
    """Unit of the values."""

    def as_json(self) -> dict[str, Any]:
        """Return the numbers."""
        kind = "ramp" if self.ramp else "classes" if self.classes else "channels"
        answer: dict[str, Any] = {"title": self.title, "type": kind, "unit": self.unit}
        if self.ramp:
            answer |= {"range": [self.ramp[0].value, self.ramp[-1].value]}
        if self.channels:
            names = ("color", "band", "low", "high")
            return answer | {"channels": [dict(zip(names, channel, strict=True)) for channel in self.channels]}
        entries = self.ramp[:: len(self.ramp) // 16 or 1] if self.ramp else self.classes
        stops = [*entries, self.ramp[-1]] if self.ramp else entries
        return answer | {"entries": [{"value": e.value, "color": _hex(e.color), "name": e.name} for e in stops]}

    @property
    def rows(self) -> int:
        """Lines below the title."""
        return 1 if self.ramp else len(self.classes) or len(self.channels)


def create_legend(selection: Selection, display: Display) -> Legend:
    """Return the legend of a selection that is painted so."""
    title = str((selection.render or {}).get("title") or _title(selection))
    units = {pick.asset.unit for pick in selection.picks}
    unit = None if selection.expression else {"1": "reflectance"}.get(str(next(iter(units))), next(iter(units)))
    if len(selection.names) > 1:
        ranges = display.rescale if len(display.rescale) > 1 else display.rescale * len(selection.names)
        found = zip(_CHANNELS, selection.names, ranges, strict=False)
        return Legend(title, channels=tuple((color, name, low, high) for color, name, (low, high) in found), unit=unit)
    if not display.rescale and display.colormap:
        names = {} if selection.expression else CLASS_NAMES.get(selection.picks[0].asset.key, {})
        return class_legend(title, display.colormap, names)
    return ramp_legend(title, display.colormap, display.rescale or ((0.0, 255.0),), unit)


def _title(selection: Selection) -> str:
    if len(selection.indices) == 1:
        return f"{selection.indices[0].name}: {selection.indices[0].long_name}"
    return ", ".join(selection.names)


def ramp_legend(title: str, colormap: ColorMapType | None, ranges: Ranges, unit: str | None = None) -> Legend:
    """Return the legend of a range of values; without colours it goes from black to white."""
    low, high = ranges[0]
    values = np.linspace(low, high, _RAMP_SIZE)
    ramp = tuple(Entry(float(value), _color_of(level, colormap), "") for level, value in enumerate(values))
    return Legend(title, ramp=ramp, unit=unit)


def _color_of(level: int, colormap: ColorMapType | None) -> RGBA:
    """Return the colour of a byte; one that a colormap lacks is see-through."""
    if colormap is None:
        return level, level, level, 255
    if isinstance(colormap, Mapping):
        return _rgba(colormap.get(level, (0, 0, 0, 0)))
    return _rgba(next((color for (low, high), color in colormap if low <= level < high), (0, 0, 0, 0)))


def class_legend(title: str, colormap: ColorMapType, names: Mapping[int, Mapping[str, Any]]) -> Legend:
    """Return the legend of values that each have a colour; classes that are see-through are left out."""
    return Legend(title, classes=tuple(entry for entry in _entries(colormap, names) if entry.color[3]))


def _entries(colormap: ColorMapType, names: Mapping[int, Mapping[str, Any]]) -> Iterable[Entry]:
    if isinstance(colormap, Mapping):
        for value, color in sorted(colormap.items()):
            yield Entry(value, _rgba(color), str(names.get(int(value), {}).get("description") or value))
    else:
        for (low, high), color in colormap:
            yield Entry(low, _rgba(color), f"{low:g} to {high:g}")


def draw_png(legend: Legend) -> bytes:
    """Draw a legend as a PNG."""
    sheet = draw(legend)
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def draw(legend: Legend) -> Image.Image:
    """Draw a legend on white."""
    width, height = _size(legend)
    sheet = Image.new("RGBA", (width, height), (255, 255, 255, 255))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    pen.text((PAD, PAD - 2), _head(legend), (20, 20, 20), font)
    for shape in _shapes(legend):
        x, y, wide, color, text = shape
        if color:
            pen.rectangle((x, y, x + wide - 1, y + BAR - 3), color)
        if text:
            pen.text((x, y), text, (20, 20, 20), font)
    return sheet


def draw_svg(legend: Legend) -> bytes:
    """Draw a legend as an SVG, whose text stays text."""
    width, height = _size(legend)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif">',
        f'<title>{_escaped(legend.title)}</title><g font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{PAD}" y="{PAD + 10}">{_escaped(_head(legend))}</text>',
    ]
    for x, y, wide, color, text in _shapes(legend):
        if color:
            opacity = f' fill-opacity="{color[3] / 255:.2g}"' if color[3] < 255 else ""  # noqa: PLR2004
            fill = _hex(color)[:7]
            parts.append(f'<rect x="{x}" y="{y}" width="{wide}" height="{BAR - 2}" fill="{fill}"{opacity}/>')
        if text:
            parts.append(f'<text x="{x}" y="{y + 12}">{_escaped(text)}</text>')
    return "".join([*parts, "</g></svg>"]).encode()


def _escaped(text: str) -> str:
    """Return text for XML, which has no control characters."""
    return escape("".join(letter for letter in text if letter.isprintable()))


Shape = tuple[int, int, int, RGBA | None, str]


def _shapes(legend: Legend) -> Iterable[Shape]:
    """Return boxes and words: left, top, width, colour, text."""
    top = PAD + LINE
    if legend.ramp:
        for step, entry in enumerate(legend.ramp):
            yield PAD + step * WIDTH // _RAMP_SIZE, top, WIDTH // _RAMP_SIZE, entry.color, ""
        for share in (0, 0.5, 1):
            low, high = legend.ramp[0].value, legend.ramp[-1].value
            text = f"{low + share * (high - low):.3g}"
            yield PAD + round(share * (WIDTH - 7 * len(text))), top + BAR, 0, None, text
    for row, entry in enumerate(legend.classes):
        yield PAD, top + row * LINE, BAR, entry.color, ""
        yield PAD + BAR + 6, top + row * LINE, 0, None, entry.name
    for row, (color, band, low, high) in enumerate(legend.channels):
        shown = tuple(255 if color == channel else 0 for channel in _CHANNELS)
        yield PAD, top + row * LINE, BAR, _rgba(shown), ""
        yield PAD + BAR + 6, top + row * LINE, 0, None, f"{band}: {low:g} to {high:g}"


def _size(legend: Legend) -> tuple[int, int]:
    words = max([_head(legend), *(text for *_, text in _shapes(legend))], key=len)
    lines = 2 if legend.ramp else legend.rows
    return max(WIDTH, 8 * len(words)) + 2 * PAD, PAD * 2 + LINE * (1 + lines)


def _head(legend: Legend) -> str:
    return f"{legend.title} ({legend.unit})" if legend.unit else legend.title


def _rgba(color: Any) -> RGBA:
    red, green, blue, *alpha = (int(part) for part in color)
    return red, green, blue, alpha[0] if alpha else 255


def _hex(color: RGBA) -> str:
    return "#" + bytes(color if color[3] < 255 else color[:3]).hex()  # noqa: PLR2004
