"""Tiles read as async-titiler reads them: async-geotiff over obstore, rendered by rio-tiler; a peer of ours."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import morecantile
import numpy as np
import rasterio
from async_geotiff import GeoTIFF, Overview, RasterArray, Window
from fastapi import Depends, FastAPI, HTTPException, Query
from numpy.typing import NDArray
from obstore.store import LocalStore
from rasterio.shutil import copy
from rasterio.transform import from_bounds
from rasterio.warp import reproject, transform_bounds
from rio_tiler.models import ImageData
from starlette.responses import Response
from stock_titiler import FOLDER

SIZE = 256
TMS = morecantile.tms.get("WebMercatorQuad")
app = FastAPI()


def make_copies(objects: Path, folder: Path) -> None:
    """Write COGs of the same blocks and overviews with bands interleaved by pixel.

    async-tiff 0.7.2 reads other numbers than GDAL from several bands apart with a predictor, as ours are.
    """
    for path in objects.rglob("*.tif"):
        copied = folder / path.relative_to(objects)
        copied.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(path) as src:
            block, levels = src.block_shapes[0][0], bool(src.overviews(1))
        options = {"compress": "ZSTD", "predictor": 2, "interleave": "PIXEL", "blocksize": min(block, 512)}
        copy(path, copied, driver="COG", overviews="AUTO" if levels else "NONE", **options)


def local_key(url: Annotated[str, Query(description="Path of a file.")]) -> str:
    """Return the path of a file inside the folder."""
    path, folder = Path(url).resolve(), Path(os.environ[FOLDER]).resolve()
    if not path.is_relative_to(folder):
        raise HTTPException(status_code=403)
    return path.relative_to(folder).as_posix()


def tile_of(z: int, x: int, y: int) -> morecantile.Tile:
    """Return the tile that a path names."""
    return morecantile.Tile(x, y, z)


@app.get("/tiles/WebMercatorQuad/{z}/{x}/{y}.png")
async def tile(
    place: Annotated[morecantile.Tile, Depends(tile_of)],
    key: Annotated[str, Depends(local_key)],
    bidx: Annotated[list[int], Query()],
    rescale: str,
) -> Response:
    """Answer a tile of a file below the folder: opened anew, a window of the fitting level read, warped, encoded."""
    source = await GeoTIFF.open(key, store=LocalStore(os.environ[FOLDER]))
    bounds = TMS.xy_bounds(place)
    level = _level(source, transform_bounds("EPSG:3857", "EPSG:4326", *bounds))
    raster = await level.read(window=_window(level, transform_bounds("EPSG:3857", "EPSG:4326", *bounds)))
    low, high = map(float, rescale.split(","))
    content = await asyncio.to_thread(_render, raster, [index - 1 for index in bidx], bounds, (low, high))
    return Response(content, media_type="image/png")


def _level(source: GeoTIFF, bounds: tuple[float, ...]) -> GeoTIFF | Overview:
    """Return the smallest level that is not coarser than the tile."""
    wanted = (bounds[2] - bounds[0]) / SIZE
    levels: list[GeoTIFF | Overview] = [source, *source.overviews]
    return max((level for level in levels if level.transform.a <= wanted), key=_pixel, default=source)


def _pixel(level: GeoTIFF | Overview) -> float:
    return float(level.transform.a)


def _window(level: GeoTIFF | Overview, bounds: tuple[float, ...]) -> Window:
    west, south, east, north = bounds
    left, top = ~level.transform * (west, north)
    right, bottom = ~level.transform * (east, south)
    first_column, first_row = max(0, int(left) - 1), max(0, int(top) - 1)
    width = min(level.width, int(right) + 2) - first_column
    height = min(level.height, int(bottom) + 2) - first_row
    if width <= 0 or height <= 0:
        raise HTTPException(status_code=404, detail="The tile lies outside.")
    return Window(col_off=first_column, row_off=first_row, width=width, height=height)


def _render(raster: RasterArray, bands: list[int], bounds: tuple[float, ...], scale: tuple[float, float]) -> bytes:
    data = raster.data[bands]
    mask = np.full(data.shape[1:], 255, np.uint8) if raster.nodata is None else _mask(data, raster.nodata)
    placed: dict[str, Any] = {
        "src_transform": raster.transform,
        "src_crs": "EPSG:4326",
        "dst_transform": from_bounds(*bounds, SIZE, SIZE),
        "dst_crs": "EPSG:3857",
    }
    warped, seen = np.zeros((len(bands), SIZE, SIZE), data.dtype), np.zeros((SIZE, SIZE), np.uint8)
    reproject(data, warped, **placed)
    reproject(mask, seen, **placed)
    image = ImageData(np.ma.MaskedArray(warped, mask=np.broadcast_to(seen == 0, warped.shape)))
    image.rescale([scale])
    return bytes(image.render(img_format="PNG"))


def _mask(data: NDArray[np.uint16], nodata: float) -> NDArray[np.uint8]:
    return np.where((data != nodata).any(axis=0), 255, 0).astype(np.uint8)
