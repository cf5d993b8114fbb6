"""Query parameters that choose how numbers become colours, and how they are summed up."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from color_operations import parse_operations  # type: ignore[import-untyped]
from fastapi import Query
from pydantic import AfterValidator, BeforeValidator
from rio_tiler.types import ColorMapType
from titiler.core.dependencies import HistogramParams, ImageRenderingParams, StatisticsParams

from server.raster.colormaps import COLORMAPS, parse_colormap

MAX_RANGES = 16
MAX_BINS = 1000
MAX_CLASSES = 256
MAX_PERCENTILES = 20

if TYPE_CHECKING:
    ColormapName = str
else:
    ColormapName = Literal[tuple(COLORMAPS.list())]


def check_ranges(values: list[str]) -> list[str]:
    """Check `low,high` of each range.

    Raises:
        ValueError: a range is not two numbers, the first smaller.
    """
    if len(values) > MAX_RANGES:
        raise ValueError(f"at most {MAX_RANGES} ranges")
    for value in values:
        low, high = _numbers(value, 2)
        if not low < high:
            raise ValueError(f"{value!r} is no range: the first number is the smaller")
    return values


def check_formula(formula: str) -> str:
    """Check a colour correction by applying it to some colours: much of what can be wrong is found only then.

    Raises:
        ValueError: it is none.
    """
    corrected = np.stack(np.meshgrid(*[np.linspace(0, 1, 5)] * 3, indexing="ij")).reshape(3, 5, 25)
    try:
        with np.errstate(all="ignore"):
            for operation in parse_operations(formula):
                corrected = operation(corrected)
    except Exception as error:  # of a dozen kinds, which color_operations does not name
        raise ValueError(f"{formula!r} is no colour correction: {error}") from error
    if not np.isfinite(corrected).all():
        raise ValueError(f"{formula!r} makes numbers that are no colours")
    return formula


def colormap_params(
    colormap_name: Annotated[
        ColormapName | None,
        Query(description="Colours by name, for a single band: `viridis`, `rdylgn`, `scl` (scene classification) …"),
    ] = None,
    colormap: Annotated[
        str | None,
        AfterValidator(lambda value: parse_colormap(value) if value else None),
        Query(
            description='Colours as JSON: by value (`{"4": "#10d32d"}`) or range (`[[[0, 0.5], "#ff0000"]]`).',
        ),
    ] = None,
) -> ColorMapType | None:
    """Return the colours that a caller asks for, None for none."""
    return COLORMAPS.get(colormap_name) if colormap_name else colormap  # type: ignore[return-value]


@dataclass
class PaintParams(ImageRenderingParams):
    """How an image is painted."""

    rescale: Annotated[
        list[str] | None,
        BeforeValidator(lambda values: check_ranges(values) if values else None),
        Query(
            title="Range",
            description=(
                "Values that become black and white, as `low,high`: once for all bands or once for each. "
                "Reflectance is 0 to 1, ordinary land up to 0.3. Without one, pictures get one that suits the bands."
            ),
            openapi_examples={"none": {"value": None}, "reflectance": {"value": ["0,0.3"]}},
        ),
    ] = None
    color_formula: Annotated[
        str | None,
        AfterValidator(lambda value: check_formula(value) if value else value),
        Query(max_length=200, description="Colour correction such as `gamma RGB 1.5 saturation 1.1`."),
    ] = None
    add_mask: Annotated[
        bool | None,
        Query(alias="return_mask", description="Make pixels without data transparent; yes unless `false`."),
    ] = None


@dataclass
class SummaryParams(StatisticsParams):
    """Which statistics are computed."""

    categorical: Annotated[bool | None, Query(description="Count each value, as of classes, instead of ranges.")] = None
    categories: Annotated[
        list[float] | None,
        Query(alias="c", max_length=MAX_CLASSES, description="Values to count, where `categorical` is on."),
    ] = None
    percentiles: Annotated[
        list[Annotated[int, Query(ge=0, le=100)]] | None,
        Query(alias="p", max_length=MAX_PERCENTILES, description="Percentiles to compute; 2 and 98 unless given."),
    ] = None


@dataclass
class BinsParams(HistogramParams):
    """How values are counted in ranges."""

    bins: Annotated[
        str | None,
        AfterValidator(lambda value: _check_bins(value) if value else None),
        Query(
            alias="histogram_bins",
            description="Number of ranges of equal width (10 unless given), or the edges of the ranges, by commas.",
        ),
    ] = None
    range: Annotated[
        str | None,
        AfterValidator(lambda value: check_ranges([value])[0] if value else None),
        Query(alias="histogram_range", description="Lowest and highest value counted, as `low,high`."),
    ] = None


def _check_bins(value: str) -> str:
    edges = _numbers(value)
    if len(edges) > MAX_BINS or (len(edges) == 1 and not (1 <= edges[0] <= MAX_BINS and edges[0].is_integer())):
        raise ValueError(f"1 to {MAX_BINS} ranges")
    if any(low >= high for low, high in pairwise(edges)):
        raise ValueError("edges grow")
    return value if len(edges) > 1 else str(int(edges[0]))


def _numbers(value: str, count: int | None = None) -> list[float]:
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError as error:
        raise ValueError(f"{value!r} is not numbers separated by commas") from error
    if not all(map(math.isfinite, numbers)) or (count and len(numbers) != count):
        raise ValueError(f"{value!r} is not {count or 'some'} finite numbers")
    return numbers


def no_processing() -> Any:
    """Offer none of titiler's algorithms: elevation is not what we serve."""
    return None
