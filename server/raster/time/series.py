"""Statistics of each date of a place, over a point, a polygon or all of it."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rio_tiler.constants import WGS84_CRS
from rio_tiler.models import ImageData
from rio_tiler.utils import get_array_statistics

from server.limits.gone import stop_if_gone
from server.raster.chip import Chips
from server.raster.errors import OutsideItemError
from server.raster.limits import check_box, check_point, check_shape
from server.raster.record import Grid
from server.raster.time.align import window
from server.raster.time.aoi import AoiRecord, Revisit
from server.raster.time.stack import Layers, TimeStack, build_stack, turn

DEFAULT_PERCENTILES = (2, 98)
_STATISTICS = ("mean", "min", "max", "std", "median")

Record = dict[str, Any]


def point_window(grid: Grid, lon: float, lat: float) -> Grid:
    """Return the pixel in which a point lies.

    Raises:
        InvalidRequestError: it is no point.
        OutsideItemError: it lies outside.
    """
    check_point(lon, lat)
    west, south, east, north = grid.bounds
    if not (west <= lon <= east and south <= lat <= north):
        raise OutsideItemError(
            f"The point {lon:.6g},{lat:.6g} lies outside the place, {west:.6g}, {south:.6g}, {east:.6g}, {north:.6g}."
        )
    return window(grid, (lon, lat, lon, lat))


def shape_window(grid: Grid, shape: Mapping[str, Any]) -> Grid:
    """Return the pixels that a GeoJSON geometry or feature touches.

    Raises:
        InvalidRequestError: it has too many vertices, or is too wide.
        OutsideItemError: it lies outside.
    """
    box = check_shape(shape)
    west, south, east, north = box
    flat = 1e-12  # a line has no area, but touches pixels
    check_box((west, south, max(east, west + flat), max(north, south + flat)), WGS84_CRS, grid.bounds, warped=True)
    return window(grid, box)


def compute_series(
    chips: Chips, layers: Layers, grid: Grid, shape: Mapping[str, Any] | None, percentiles: Sequence[int]
) -> list[Record]:
    """Return the statistics of each date, the earliest first.

    Args:
        chips: the objects.
        layers: the dates, and what is read of them.
        grid: where.
        shape: counts each pixel by the share of it that this geometry covers; all alike without one.
        percentiles: which are computed.
    """
    with turn(layers, grid):
        stack = build_stack(chips, layers, grid)
        coverage = _coverage(stack, shape) if shape else np.ones((grid.height, grid.width))
        return [
            describe(revisit) | {"statistics": _summaries(stack, index, coverage, percentiles)}
            for index, revisit in enumerate(layers.revisits)
        ]


def encode_csv(aoi: AoiRecord, records: Sequence[Record]) -> str:
    """Return a row for each date and output."""
    memory = io.StringIO()
    rows = [
        {"collection": aoi.collection, "aoi": aoi.name}
        | {name: value for name, value in record.items() if name != "statistics"}
        | {"output": output, **statistics}
        for record in records
        for output, statistics in record["statistics"].items()
    ]
    writer = csv.DictWriter(memory, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return memory.getvalue()


def describe(revisit: Revisit) -> Record:
    """Return what is told of a date beside its numbers."""
    return {
        "item": revisit.item.id,
        "datetime": revisit.datetime.isoformat().replace("+00:00", "Z"),
        "cloud_cover": revisit.cloud_cover,
        "place_cloud_cover": revisit.place_cloud_cover,
        "delta": revisit.delta,
    }


def _coverage(stack: TimeStack, shape: Mapping[str, Any]) -> NDArray[Any]:
    image = ImageData(stack.values[0], bounds=stack.grid.bounds, crs=WGS84_CRS)
    return image.get_coverage_array(dict(shape))


def _summaries(stack: TimeStack, index: int, coverage: NDArray[Any], percentiles: Sequence[int]) -> dict[str, Record]:
    stop_if_gone()
    names = [*_STATISTICS, *(f"percentile_{each}" for each in percentiles)]
    values = stack.values[index]
    hidden = np.ma.getmaskarray(values) | (coverage == 0)
    computed = get_array_statistics(
        np.ma.MaskedArray(values.data, mask=hidden), percentiles=list(percentiles), coverage=coverage, bins=1
    )
    summaries: dict[str, Record] = {}
    for band, statistics, out in zip(stack.names, computed, hidden, strict=True):
        seen = float(coverage[~out].sum())
        valid = round(100 * seen / float(coverage.sum()), 2) if coverage.any() else 0.0
        summaries[band] = {"valid_percent": valid, **{name: _finite(statistics[name]) for name in names}}
    return summaries


def _finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
