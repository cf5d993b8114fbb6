"""The endpoints about time: the dates of a place, stacks, animations, time series."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Body, Depends, FastAPI, Path, Query
from morecantile.defaults import TileMatrixSets
from rio_tiler.types import ColorMapType
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.raster.disposition import disposition
from server.raster.errors import InvalidRequestError
from server.raster.paint import PaintParams, colormap_params
from server.raster.source import ItemSources, sources_of
from server.raster.time.animation import Animation, encode_animation
from server.raster.time.aoi import AoiRecord, Revisit
from server.raster.time.clouds import cloud_asset
from server.raster.time.composite_routes import add_composites
from server.raster.time.dataset import encode_netcdf, encode_npy, encode_zarr
from server.raster.time.params import (
    Format,
    FrameParams,
    GridParams,
    NumberLayers,
    Percentiles,
    PictureLayers,
    Shape,
    percentiles_of,
)
from server.raster.time.revisits import RevisitsParams, in_order
from server.raster.time.series import Record, compute_series, describe, encode_csv, point_window, shape_window
from server.raster.time.sources import AOI_PATH, AoiRoute, Place, PlaceSources
from server.raster.time.stack import Layers, TimeStack, build_stack, choose_grid, turn

Numbers = Literal["npy", "nc", "zarr.zip"]
NUMBERS: dict[Numbers, str] = {"npy": "application/x-npy", "nc": "application/netcdf", "zarr.zip": "application/zip"}
"""Media types of stacks."""
ANIMATIONS: dict[Animation, str] = {"gif": "image/gif", "webp": "image/webp"}
"""Media types of animations."""

_ENCODERS: dict[Numbers, Callable[[TimeStack, AoiRecord], bytes]] = {
    "npy": lambda stack, _: encode_npy(stack),
    "nc": encode_netcdf,
    "zarr.zip": encode_zarr,
}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "A parameter has no meaning, or the answer would be too large; the description says what."},
    404: {"description": "There is no such place, no date as asked, or the area lies outside the place."},
}
_BUSY: dict[int | str, dict[str, Any]] = {503: {"description": "Large stacks are being made; try again in seconds."}}
_SERIES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The statistics of each date.",
        "content": {"application/json": {}, "text/csv": {"schema": {"type": "string"}}},
    },
    **_PROBLEMS,
    **_BUSY,
}

router = APIRouter(prefix=AOI_PATH, route_class=AoiRoute, tags=["Time"])


def _gives(description: str, *media_types: str) -> dict[int | str, dict[str, Any]]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"description": description, "content": dict.fromkeys(media_types, binary)}, **_PROBLEMS, **_BUSY}


@router.get("", summary="List the dates of a place", responses=_PROBLEMS)
def dates(request: Request, aoi: Place, revisits: Annotated[RevisitsParams, Depends()]) -> dict[str, Any]:
    """List the dates as they would be chosen for a stack, the earliest first, and where its answers are.

    `cloud_mask` is the raster that tells where clouds are; a date without one is left out where `mask=clouds`.
    """
    return {
        "collection": aoi.collection,
        "aoi": aoi.name,
        "slug": aoi.slug,
        "spot": aoi.spot.id if aoi.spot else None,
        "dates": [_date(revisit) for revisit in in_order(revisits.choose(aoi))],
        "links": _links(request, aoi),
    }


@router.get(
    "/stack.{output}",
    summary="Get dates of a place as one array",
    response_class=Response,
    responses=_gives("The stack.", *NUMBERS.values()),
)
def stack(
    request: Request,
    aoi: Place,
    output: Annotated[Numbers, Path(description="`npy`, `nc` (NetCDF-4) or `zarr.zip` (zarr format 2).")],
    layers: NumberLayers,
    grid: Annotated[GridParams, Depends()],
) -> Response:
    """Get dates of a place on one grid, the earliest first: reflectance or what an expression makes of it.

    The array is `(time, band, y, x)` in float32, NaN where there is nothing to see. NetCDF and zarr say by the CF
    conventions where and when it is, with item ids and clouds as coordinates; npy holds the numbers alone, whose dates
    are those that the place's own page lists for the same parameters. Without a choice of bands all are given.
    """
    with _built(request, aoi, layers.of(aoi), grid) as stacked:
        return _file(_ENCODERS[output](stacked, aoi), NUMBERS[output], f"{aoi.slug}_stack.{output}")


@router.get(
    "/animation.{output}",
    summary="See dates of a place one after another",
    response_class=Response,
    responses=_gives("The animation.", *ANIMATIONS.values()),
)
def animation(
    *,
    request: Request,
    aoi: Place,
    output: Annotated[Animation, Path(description="`gif` or `webp`.")],
    layers: PictureLayers,
    grid: Annotated[GridParams, Depends()],
    frames: Annotated[FrameParams, Depends()],
    paint: Annotated[PaintParams, Depends()],
    colormap: Annotated[ColorMapType | None, Depends(colormap_params)],
) -> Response:
    """Get an endless animation of a place, a frame for each date, painted as the tiles of an item are."""
    with _built(request, aoi, layers.of(aoi), grid) as stacked:
        moving = encode_animation(stacked, output, **frames.as_dict(), colormap=colormap, **paint.as_dict())
    return _file(moving, ANIMATIONS[output], f"{aoi.slug}.{output}")


@router.get("/timeseries", summary="Get statistics of each date, at a point or of the whole place", responses=_SERIES)
def series_at_a_point(
    *,
    request: Request,
    aoi: Place,
    layers: NumberLayers,
    lon: Annotated[float | None, Query(description="Longitude of a point; without one the whole place.")] = None,
    lat: Annotated[float | None, Query(description="Its latitude.")] = None,
    percentiles: Percentiles = None,
    f: Format = None,
) -> Response:
    """Get statistics of bands or of an expression for each date, the earliest first.

    At a point they are of the pixel in which it lies, so that mean, minimum and maximum are the same number. A date
    that shows nothing there has `valid_percent` 0 and null for every number.
    """
    if (lon is None) != (lat is None):
        raise InvalidRequestError("A point has both lon and lat.")
    chosen = layers.of(aoi)
    where = chosen.native if lon is None or lat is None else point_window(chosen.native, lon, lat)
    records = compute_series(sources_of(request).chips, chosen, where, None, percentiles_of(percentiles))
    return _series(request, f, aoi, chosen, records)


@router.post("/timeseries", summary="Get statistics of each date within a polygon", responses=_SERIES)
def series_of_a_polygon(
    *,
    request: Request,
    aoi: Place,
    layers: NumberLayers,
    shape: Annotated[Shape, Body(description="GeoJSON feature, polygon or multipolygon, in degrees.")],
    percentiles: Percentiles = None,
    f: Format = None,
) -> Response:
    """Get statistics of bands or of an expression for each date within a polygon, the earliest first.

    A pixel counts by the share of it that the polygon covers.
    """
    area = shape.model_dump(exclude_none=True)
    chosen = layers.of(aoi)
    where = shape_window(chosen.native, area)
    records = compute_series(sources_of(request).chips, chosen, where, area, percentiles_of(percentiles))
    return _series(request, f, aoi, chosen, records)


def add_time(app: FastAPI, items: ItemSources, capacity: int, schemes: TileMatrixSets) -> None:
    """Add the endpoints.

    Args:
        app: the application.
        items: what is remembered of items.
        capacity: most bytes of composites kept in memory.
        schemes: tile schemes.
    """
    app.state.places = PlaceSources.create(app, items, capacity)
    app.include_router(router)
    add_composites(app, schemes)


@contextmanager
def _built(request: Request, aoi: AoiRecord, layers: Layers, grid: GridParams) -> Iterator[TimeStack]:
    """Read dates; encoding them takes longer than that, and belongs to the same turn."""
    pixels = choose_grid(aoi, layers, grid.grid)
    with turn(layers, pixels):
        yield build_stack(sources_of(request).chips, layers, pixels, grid.resampling)


def _date(revisit: Revisit) -> Record:
    mask = cloud_asset(revisit.item)
    return describe(revisit) | {"revisit": revisit.rank, "cloud_mask": mask.key if mask else None}


def _links(request: Request, aoi: AoiRecord) -> list[dict[str, str]]:
    place = f"{request.base_url}raster/collections/{quote(aoi.collection)}/aois/{quote(aoi.slug)}"
    targets = {
        "stack": ("stack.nc", NUMBERS["nc"]),
        "animation": ("animation.gif", ANIMATIONS["gif"]),
        "timeseries": ("timeseries", "application/json"),
        "composite": ("composite/WebMercatorQuad/tilejson.json", "application/json"),
    }
    return [{"rel": rel, "href": f"{place}/{path}", "type": kind} for rel, (path, kind) in targets.items()]


def _series(request: Request, f: str | None, aoi: AoiRecord, layers: Layers, records: list[Record]) -> Response:
    if f == "csv" or (f is None and "text/csv" in request.headers.get("accept", "")):
        return _file(encode_csv(aoi, records).encode(), "text/csv", f"{aoi.slug}_timeseries.csv", _BY_ACCEPT)
    facts = {"collection": aoi.collection, "aoi": aoi.name, "mask": "clouds" if layers.masked else "none"}
    return JSONResponse(facts | {"outputs": layers.first.names, "series": records}, headers=_BY_ACCEPT)


_BY_ACCEPT = {"Vary": "Accept"}  # a cache may not give to one what another asked for


def _file(content: bytes, media_type: str, name: str, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
    named = {"Content-Disposition": disposition("inline", name)}
    return Response(content, media_type=media_type, headers={**named, **headers})
