"""Which of many items are seen where each hides those after it."""

from collections.abc import Sequence
from typing import Any

import shapely
from geojson_pydantic.geometries import Geometry

from server.raster.mosaic_query import Row


def uncovered(rows: Sequence[Row], area: Geometry, *, skip: bool) -> list[Row]:
    """Return the items up to the one with which an area is full, as pgSTAC's `geojsonsearch` does.

    Args:
        rows: items, the topmost first, each with its footprint as WKB at the end.
        area: the area.
        skip: leave out those that hide behind the ones before.
    """
    whole = shapely.from_geojson(area.model_dump_json(exclude_none=True))
    seen: list[Row] = []
    union: Any = shapely.Polygon()
    for row in rows:
        clipped = whole.intersection(shapely.from_wkb(bytes(row[-1])))
        if skip and union.covers(clipped):
            continue
        seen.append(row)
        union = union.union(clipped)
        if union.covers(whole):
            break
    return seen
