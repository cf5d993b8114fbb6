"""Colours by name: those of rio-tiler and those of the scene classification."""

import json
from collections.abc import Mapping
from typing import Any

from rio_tiler.colormap import ColorMaps, cmap, parse_color
from rio_tiler.types import ColorMapType

from catalog.bands import SCL_CLASSES

MAX_LENGTH = 20_000
"""Most characters of a colormap of the caller's own."""
SCL = "scl"
"""Name of the colours of Sentinel-2's scene classification."""


def _scl() -> dict[int, tuple[int, int, int, int]]:
    return {int(str(entry["value"])): parse_color(f"#{entry['color_hint']}") for entry in SCL_CLASSES}


COLORMAPS: ColorMaps = cmap.register({SCL: _scl()})
"""All colormaps that a caller can name."""


def parse_colormap(text: str) -> ColorMapType:
    """Read a colormap written as JSON: `{"4": "#10d32d"}` or `[[[0, 1], "#ff0000"]]`.

    Raises:
        ValueError: it is neither, or too long.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"at most {MAX_LENGTH} characters")
    try:
        return _parse(json.loads(text))
    except RecursionError as error:
        raise ValueError("no colormap: it is nested too deeply") from error


def read_colormap(render: Mapping[str, Any]) -> ColorMapType | None:
    """Return the colours of a stored render, None where it has none."""
    if name := render.get("colormap_name"):
        return COLORMAPS.get(name)
    written = render.get("colormap")
    if not written:
        return None
    return _parse(json.loads(written) if isinstance(written, str) else written)


def _parse(written: Any) -> ColorMapType:
    try:
        if isinstance(written, Mapping):
            return {int(value): parse_color(_color(color)) for value, color in written.items()}
        return [((float(low), float(high)), parse_color(_color(color))) for (low, high), color in written]
    except Exception as error:
        raise ValueError(f"no colormap: {error}") from error


def _color(color: Any) -> Any:
    return color if isinstance(color, str) else tuple(color)
