"""Several answers at once: the picture, the numbers, the mask and the statistics of one read, in a zip archive."""

import copy
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

import numpy as np
import rasterio
from fastapi import APIRouter, Depends, FastAPI, Query
from pydantic import AfterValidator
from rio_tiler.models import ImageData
from rio_tiler.types import ColorMapType
from starlette.responses import Response
from titiler.core.resources.enums import ImageType

from server.raster.display import choose_display, render_image
from server.raster.disposition import disposition
from server.raster.factories import gdal_environment
from server.raster.freshness import ItemRoute
from server.raster.items import ITEM_PATH
from server.raster.legend import create_legend, draw_png
from server.raster.paint import PaintParams, colormap_params
from server.raster.params import AssetsParams, BandsParams, PreviewSizeParams, ReadParams, split_names
from server.raster.reader import LAYER_OPTIONS, ItemReader, ItemSource
from server.raster.selection import select
from server.raster.source import item_source

OUTPUTS_PATH = f"{ITEM_PATH}/outputs.zip"
MEDIA_TYPE = "application/zip"

Output = Literal["image", "data", "mask", "statistics", "legend"]
PictureFormat = Literal["png", "webp", "jpeg"]
_BBOX = 4


def _check_outputs(values: list[str]) -> list[str]:
    names = split_names(values)
    unknown = [name for name in names if name not in get_args(Output)]
    if unknown or not names:
        raise ValueError(f"{', '.join(unknown)[:60] or 'nothing'} is none of {', '.join(get_args(Output))}")
    return names


def _check_bbox(text: str | None) -> str | None:
    if text:
        parse_bbox(text)
    return text


def parse_bbox(text: str) -> tuple[float, ...]:
    """Read `west,south,east,north`.

    Raises:
        ValueError: it is not four numbers.
    """
    try:
        edges = tuple(float(edge) for edge in text.split(","))
    except ValueError as error:
        raise ValueError(f"{text[:60]!r} is not west,south,east,north") from error
    if len(edges) != _BBOX:
        raise ValueError(f"{text[:60]!r} is not west,south,east,north")
    return edges


def add_outputs(app: FastAPI) -> None:
    """Add the endpoint."""
    router = APIRouter(route_class=ItemRoute)
    router.get(
        OUTPUTS_PATH,
        summary="Picture, numbers, mask and statistics at once",
        tags=["Item tiles"],
        response_class=Response,
        responses={
            200: {"content": {MEDIA_TYPE: {}}, "description": "A zip archive"},
            400: {"description": "A parameter has no meaning."},
            404: {"description": "There is no such item, or the box does not touch it."},
        },
    )(get_outputs)
    app.include_router(router)


def get_outputs(
    *,
    source: Annotated[ItemSource, Depends(item_source)],
    searched: Annotated[AssetsParams, Depends()],
    layer: Annotated[BandsParams, Depends()],
    reading: Annotated[ReadParams, Depends()],
    size: Annotated[PreviewSizeParams, Depends()],
    painted: Annotated[PaintParams, Depends()],
    colors: Annotated[ColorMapType | None, Depends(colormap_params)],
    outputs: Annotated[
        list[str],
        AfterValidator(_check_outputs),
        Query(description="What the archive holds, by commas: `image`, `data`, `mask`, `statistics`, `legend`."),
    ] = ["image", "mask", "statistics"],  # noqa: B006 - FastAPI copies it
    bbox: Annotated[
        str | None,
        AfterValidator(_check_bbox),
        Query(max_length=100, description="Only what lies in this box, `west,south,east,north` in degrees."),
    ] = None,
    image_format: Annotated[PictureFormat, Query(description="Format of the picture.")] = "png",
) -> Response:
    """Read an item once and answer with several files: what a script would otherwise ask for one by one.

    The archive holds `image.*` (painted as a preview is), `data.tif` (numbers in physical units, NaN where there is no
    data), `mask.tif` (255 where there is data), `statistics.json`, `legend.png`, and always `about.json`: which item,
    box, bands and files. All are of the same pixels.
    """
    with rasterio.Env(**gdal_environment()):
        chosen = layer.as_dict()
        options = chosen | reading.as_dict() | size.as_dict()
        with ItemReader(source, **searched.as_dict()) as src:
            image = src.part(parse_bbox(bbox), **options) if bbox else src.preview(**options)
        selection = select(
            source.record,
            assets=searched.assets or (),
            **{key: chosen[key] for key in LAYER_OPTIONS if chosen.get(key)},
        )
        if "legend" in outputs:
            ranges: Any = painted.rescale
            legend = draw_png(create_legend(selection, choose_display(selection).painted(colors, ranges)))
        files = dict(_files(image, outputs, image_format, painted, colors))
    if "legend" in outputs:
        files["legend.png"] = legend
    return Response(
        _archive(files | {"about.json": _json(_about(source, image, [*files]))}),
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": disposition("attachment", f"{source.record.id}.zip")},
    )


def _files(
    image: ImageData,
    outputs: list[str],
    image_format: PictureFormat,
    painted: PaintParams,
    colors: ColorMapType | None,
) -> Iterator[tuple[str, bytes]]:
    if "data" in outputs:
        plain = copy.deepcopy(image)
        plain.metadata = {}
        yield "data.tif", render_image(plain, output_format=ImageType.tif)[0]
    if "mask" in outputs:
        mask = ImageData(np.where(image.mask > 0, 255, 0).astype(np.uint8)[None], bounds=image.bounds, crs=image.crs)
        yield "mask.tif", render_image(mask, output_format=ImageType.tif, add_mask=False)[0]
    if "statistics" in outputs:
        found = {name: band.model_dump() for name, band in image.statistics().items()}
        yield "statistics.json", _json(dict(zip(image.band_names, found.values(), strict=True)))
    if "image" in outputs:
        options = {key: value for key, value in painted.as_dict().items() if value is not None}
        picture, _ = render_image(image, colormap=colors, output_format=ImageType[image_format], **options)
        yield f"image.{image_format}", picture


def _about(source: ItemSource, image: ImageData, files: list[str]) -> dict[str, Any]:
    return {
        "collection": source.record.collection,
        "item": source.record.id,
        "bbox": image.bounds,
        "crs": str(image.crs),
        "height": image.height,
        "width": image.width,
        "bands": image.band_names,
        "files": files,
    }


def _json(content: Any) -> bytes:
    return json.dumps(content, indent=1).encode()


def _archive(files: dict[str, bytes]) -> bytes:
    """Pack files that are compressed already; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()
