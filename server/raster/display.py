"""How an image is painted where the caller does not say: stored renders, and ranges that suit the numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rio_tiler.models import ImageData
from rio_tiler.types import ColorMapType
from rio_tiler.utils import render
from titiler.core.resources.enums import ImageType

from server.raster.colormaps import COLORMAPS, read_colormap
from server.raster.encoders import PICTURE_FORMATS, PNG_FORMATS, encode_picture
from server.raster.errors import InvalidRequestError
from server.raster.selection import Selection
from server.raster.tile import TileImage

Ranges = tuple[tuple[float, float], ...]

REFLECTANCE_RANGE = (0.0, 0.3)
"""Dark to bright of ordinary land."""
DEGREE_RANGE = (0.0, 360.0)
"""Angles."""
EXPRESSION_RANGE = (-1.0, 1.0)
"""Normalized differences, which most expressions are."""

_GEOTIFF_FORMATS = {ImageType.tif, ImageType.tiff}
_DATA_FORMATS = {*_GEOTIFF_FORMATS, ImageType.npy}
_PICTURE_BANDS = {1, 3}
_RAMP_SIZE = 256
_ZLEVEL = 1  # of a PNG of numbers as they are stored
_KEY = "worldstrat:display"


@dataclass(frozen=True)
class Display:
    """How to paint an image, in physical units."""

    rescale: Ranges = ()
    """What becomes black and white, for all bands or each; empty for bytes, which are painted as they are."""
    colormap: ColorMapType | None = None
    """Colours of the values of a single band."""
    explicit: bool = False
    """The caller named the stored render that this is."""

    def keeps_ranges(self, colormap: ColorMapType | None, rescale: Ranges | None) -> bool:
        """Tell whether its ranges count beside a caller's colours and ranges: colours of values go without any."""
        return not rescale and (colormap is None or _is_ramp(colormap))

    def choose_colors(self, colormap: ColorMapType | None, rescale: Ranges | None) -> ColorMapType | None:
        """Return the colours that count beside a caller's: its own are of no use where another range makes bytes."""
        own = self.explicit or not rescale or (self.colormap is not None and _is_ramp(self.colormap))
        return colormap or (self.colormap if own else None)

    def painted(self, colormap: ColorMapType | None, rescale: Ranges | None) -> "Display":
        """Return what a picture is painted by where a caller gives some colours or ranges: what its legend tells."""
        ranges = self.rescale if self.keeps_ranges(colormap, rescale) else rescale or ()
        return Display(ranges, self.choose_colors(colormap, rescale), self.explicit)


def choose_display(selection: Selection) -> Display:
    """Return how a selection is painted where the caller does not say."""
    if selection.render:
        rescale = tuple((float(low), float(high)) for low, high in selection.render.get("rescale") or ())
        return Display(rescale, read_colormap(selection.render), selection.explicit)
    if selection.indices:
        first, single = selection.indices[0], len(selection.indices) == 1
        colors = COLORMAPS.get(first.colormap_name) if single else None
        return Display(tuple(index.rescale for index in selection.indices), colors)
    if selection.expression:
        return Display((EXPRESSION_RANGE,))
    units = {pick.asset.unit for pick in selection.picks}
    if units == {"degree"}:
        return Display((DEGREE_RANGE,))
    if units == {"1"}:
        return Display((REFLECTANCE_RANGE,))
    classes = selection.picks[0].asset.colormap if len(selection.picks) == 1 else {}
    return Display(colormap=dict(classes) or None)


def attach(image: ImageData, selection: Selection) -> ImageData:
    """Note on an image how it is painted where the caller does not say."""
    image.metadata = {**(image.metadata or {}), _KEY: choose_display(selection)}
    return image


def render_image(
    image: ImageData,
    *,
    colormap: ColorMapType | None = None,
    output_format: ImageType | None = None,
    rescale: Ranges | None = None,
    color_formula: str | None = None,
    add_mask: bool = True,
) -> tuple[bytes, str]:
    """Encode an image as the caller asks, and as its display says where the caller is silent.

    Args:
        image: the image, with the note that `attach` left.
        colormap: the caller's colours.
        output_format: the caller's format; without one PNG where there is something to see through, else JPEG.
        rescale: the caller's ranges, in the units of the image.
        color_formula: the caller's colour correction.
        add_mask: make pixels without data transparent.

    Returns:
        The encoded image and its media type.

    Raises:
        InvalidRequestError: the format cannot hold so many bands, or the colour correction does not suit them.
    """
    display: Display = (image.metadata or {}).get(_KEY) or Display()
    if display.explicit or output_format not in _DATA_FORMATS:
        colors = display.choose_colors(colormap, rescale)
        if display.keeps_ranges(colormap, rescale):
            rescale = _ranges(image, display, output_format)
        colormap = colors
    if output_format not in _DATA_FORMATS:
        _check_bands(image, colormap, output_format)
    if rescale:
        image.rescale(rescale)
    if color_formula:
        _correct(image, color_formula)
    chosen = output_format or (ImageType.png if colormap or not image.mask.all() else ImageType.jpeg)
    data, mask, options = _layers(image, chosen) if add_mask else (image.array.data, None, {})
    if chosen in PICTURE_FORMATS and (colormap or data.dtype == np.uint8):
        return encode_picture(data, mask, chosen, colormap), chosen.mediatype
    options |= _creation_options(image, chosen)
    return render(data, mask, img_format=chosen.driver, colormap=colormap, **options), chosen.mediatype


def _correct(image: ImageData, formula: str) -> None:
    try:
        image.apply_color_formula(formula)
    except (IndexError, TypeError, ValueError, KeyError) as error:
        count = image.count
        raise InvalidRequestError(f"color_formula={formula!r} does not suit {count} bands of these numbers.") from error


def _layers(image: ImageData, output_format: ImageType) -> tuple[NDArray[Any], NDArray[Any] | None, dict[str, Any]]:
    """Return bands, mask and options that tell a reader where there is no data."""
    if not np.issubdtype(image.array.dtype, np.floating):
        return image.array.data, image.mask, {}
    if output_format in _GEOTIFF_FORMATS:
        # GDAL takes a band of floats for no mask: what has no data is NaN instead.
        return image.array.filled(np.nan), None, {"nodata": np.nan}
    return image.array.data, np.where(image.mask > 0, 255, 0).astype(image.array.dtype), {}


def _creation_options(image: ImageData, output_format: ImageType) -> dict[str, Any]:
    if output_format in PNG_FORMATS:
        return {"zlevel": _ZLEVEL}
    if output_format in _GEOTIFF_FORMATS:
        return {"transform": image.transform, "crs": image.crs}
    return dict(output_format.profile)


def _is_ramp(colormap: ColorMapType) -> bool:
    """Tell whether colours are for bytes 0 to 255, rather than for values as they are."""
    return isinstance(colormap, dict) and len(colormap) == _RAMP_SIZE


def _ranges(image: ImageData, display: Display, output_format: ImageType | None) -> Ranges | None:
    dtype = image.dtype if isinstance(image, TileImage) else image.array.dtype
    stored = dtype == np.uint16 and output_format in PNG_FORMATS
    if dtype == np.uint8 or (stored and not display.explicit):
        return None
    ranges = display.rescale or (_extent(image),)
    if dtype != np.uint8 and any(scale != 1 for scale in image.scales):
        # unscale=false: the image holds stored numbers, the ranges are physical.
        scale, offset = image.scales[0], image.offsets[0]
        return tuple(((low - offset) / scale, (high - offset) / scale) for low, high in ranges)
    return ranges


def _extent(image: ImageData) -> tuple[float, float]:
    valid = image.array.compressed()
    return (float(valid.min()), float(valid.max())) if valid.size and valid.min() < valid.max() else (0.0, 1.0)


def _check_bands(image: ImageData, colormap: ColorMapType | None, output_format: ImageType | None) -> None:
    if image.count not in _PICTURE_BANDS:
        name = output_format.value if output_format else "picture"
        raise InvalidRequestError(f"{image.count} bands make no {name}: choose one or three, or the format tif or npy.")
    if colormap and image.count > 1:
        raise InvalidRequestError(f"Colours are given to one band, not to {image.count}.")
