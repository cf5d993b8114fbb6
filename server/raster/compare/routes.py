"""The endpoints that compare two images of one place."""

from typing import Annotated, Any

import numpy as np
import rasterio
from fastapi import APIRouter, Depends, FastAPI, Path
from rio_tiler.colormap import cmap
from starlette.requests import Request
from starlette.responses import Response
from titiler.core.resources.responses import JSONResponse

from server.access.caller import hidden_of
from server.raster.compare.compared import Compared, create_compared, describe, write_geotiff
from server.raster.compare.counterpart import Sight, Sights
from server.raster.compare.figures import compare_bands, difference
from server.raster.compare.pair import GridName, Values
from server.raster.compare.params import PairParams, PictureParams
from server.raster.compare.picture import (
    MEDIA_TYPES,
    Paint,
    Panel,
    PictureFormat,
    check_bands,
    check_format,
    compose,
    encode,
    paint,
    under,
)
from server.raster.display import EXPRESSION_RANGE, choose_display
from server.raster.factories import gdal_environment
from server.raster.freshness import ItemRoute
from server.raster.items import ITEM_PATH
from server.raster.legend import draw, ramp_legend
from server.raster.params import BandsParams
from server.raster.selection import Selection
from server.raster.source import sources_of

COMPARE_PATH = f"{ITEM_PATH}/compare"
DIFFERENCE_COLORS = "rdbu_r"
"""Blue where the second is lower, red where it is higher, white where they agree."""

CollectionId = Annotated[str, Path(description="Collection, such as `worldstrat-spot`.")]
ItemId = Annotated[str, Path(description="Item, such as `Landcover-8379_SPOT`.")]

GEOTIFF = "image/tiff; application=geotiff"

_COMMON_PERCENTILE = 98
_LEAST_RANGE = 1e-4
_NO_SUCH: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no such item, or its place has no other image."}
}
_BAD: dict[int | str, dict[str, Any]] = {
    400: {"description": "A parameter has no meaning, or the place has no such other image."}
}


class CompareRoute(ItemRoute):
    """A route whose answers change with either of the two items."""

    def version(self, request: Request) -> str:
        """Return what changes with either."""
        own = super().version(request)
        asked, other = _sights(request).pair(
            request.path_params["collection_id"],
            request.path_params["item_id"],
            request.query_params.get("with"),
            hidden_of(request),
        )
        return f"{own} {sources_of(request).records.get(other.collection, other.item).version} {asked.item}"


def add_compare(app: FastAPI) -> None:
    """Add the endpoints."""
    app.state.sights = Sights(lambda: app.state.dbpool)
    router = APIRouter(route_class=CompareRoute, tags=["Compare"])
    for path, endpoint, summary, kinds in (
        (COMPARE_PATH, get_numbers, "Compare two images in numbers", ["application/json"]),
        (f"{COMPARE_PATH}.tif", get_difference, "Difference as a GeoTIFF", [GEOTIFF]),
        (f"{COMPARE_PATH}.{{format}}", get_picture, "Compare two images in a picture", list(MEDIA_TYPES.values())),
    ):
        content: dict[int | str, dict[str, Any]] = {
            200: {"content": {kind: {} for kind in kinds}, "description": summary}
        }
        router.get(path, summary=summary, responses={**content, **_BAD, **_NO_SUCH}, response_class=JSONResponse)(
            endpoint
        )
    app.include_router(router)


def get_numbers(
    request: Request,
    collection_id: CollectionId,
    item_id: ItemId,
    chosen: Annotated[PairParams, Depends()],
    layer: Annotated[BandsParams, Depends()],
) -> JSONResponse:
    """Compare two images of one place: how far apart they are, and how alike each band is.

    Bands are the four that both sensors have, unless `bands`, `expression`, `index` or `render` says otherwise. A
    difference is the second image less the first; `match` is the gain and offset that bring the first closest to the
    second; `before` and `after` it say how well they agree.
    """
    with rasterio.Env(**gdal_environment()):
        compared = _compared(request, (collection_id, item_id), chosen, layer, "sentinel-2")
        images = compared.read()
        bands = compare_bands(*images, tuple(selection.names for selection in compared.selections))  # type: ignore[arg-type]
        return JSONResponse(describe(compared) | {"bands": bands, "pictures": _links(request)})


def get_difference(
    request: Request,
    collection_id: CollectionId,
    item_id: ItemId,
    chosen: Annotated[PairParams, Depends()],
    layer: Annotated[BandsParams, Depends()],
) -> Response:
    """Return the second image less the first as a GeoTIFF of 32-bit floats, NaN where there is no data."""
    with rasterio.Env(**gdal_environment()):
        compared = _compared(request, (collection_id, item_id), chosen, layer, "sentinel-2")
        return Response(write_geotiff(compared, difference(*compared.read())), media_type=GEOTIFF)


def get_picture(
    *,
    request: Request,
    collection_id: CollectionId,
    item_id: ItemId,
    format: Annotated[PictureFormat, Path(description="Format of the picture.")],  # noqa: A002 - the name in the path
    chosen: Annotated[PairParams, Depends()],
    layer: Annotated[BandsParams, Depends()],
    shown: Annotated[PictureParams, Depends()],
) -> Response:
    """Show two images of one place alike: beside each other, above each other, half and half, in turn, or what differs.

    Both have the same bands, range and colours: those of `true-color` unless `render`, `index`, `expression` or
    `bands` says otherwise. A difference of several bands is that of their mean.
    """
    check_format(format, shown.layout)
    with rasterio.Env(**gdal_environment()):
        compared = _compared(request, (collection_id, item_id), chosen, layer, shown.grid, pictured=True)
        check_bands(compared.selections[0].names, shown.layout)
        images = compared.read()
    if shown.layout == "difference":
        panels = [_difference_panel(compared, images, shown)]
    else:
        how = _paint(compared.selections[0], shown)
        panels = [
            paint(image, how, _caption(sight), shown.size) for image, sight in zip(images, compared.sights, strict=True)
        ]
    frames = compose(panels, shown.layout, split=shown.split, captions=shown.captions)
    return Response(encode(frames, format), media_type=MEDIA_TYPES[format])


def _sights(request: Request) -> Sights:
    sights: Sights = request.app.state.sights
    return sights


def _paint(selection: Selection, shown: PictureParams) -> Paint:
    display = choose_display(selection)
    ranges = (shown.range,) if shown.range else display.rescale
    colors = cmap.get(shown.colormap_name) if shown.colormap_name else display.colormap
    return Paint(ranges or ((0.0, 1.0),), colors)


def _difference_panel(compared: Compared, images: tuple[Values, Values], shown: PictureParams) -> Panel:
    values = difference(*images).mean(axis=0, keepdims=True)
    known = np.abs(values[np.isfinite(values)])
    most = float(np.percentile(known, _COMMON_PERCENTILE)) if known.size else EXPRESSION_RANGE[1]
    reach = float(f"{max(most, _LEAST_RANGE):.1g}")
    ranges = (shown.range or (-reach, reach),)
    colors = cmap.get(shown.colormap_name or DIFFERENCE_COLORS)
    first, second = compared.sights
    panel = paint(values, Paint(ranges, colors), f"{_caption(second)} less {_caption(first)}", shown.size)
    names = compared.selections[0].names
    legend = draw(ramp_legend("mean of " + ", ".join(names) if len(names) > 1 else names[0], colors, ranges))
    return under(panel, legend)


def _caption(sight: Sight) -> str:
    sensor = "SPOT" if sight.is_spot else "Sentinel-2"
    return f"{sensor} {sight.datetime:%Y-%m-%d}"


def _links(request: Request) -> dict[str, str]:
    base = str(request.url.replace(query="", fragment=""))
    query = request.url.query
    return {
        layout: f"{base}.{kind}?{query}{'&' if query else ''}layout={layout}"
        for layout, kind in (("side", "png"), ("swipe", "png"), ("blink", "webp"), ("difference", "png"))
    }


def _compared(
    request: Request,
    item: tuple[str, str],
    chosen: PairParams,
    layer: BandsParams,
    grid: GridName,
    *,
    pictured: bool = False,
) -> Compared:
    sights = _sights(request).pair(*item, chosen.other, hidden_of(request))
    return create_compared(sources_of(request), sights, chosen, layer, grid, pictured=pictured)
