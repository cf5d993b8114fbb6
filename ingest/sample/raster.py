"""Rasters in the published form: GeoTIFF strips under deflate."""

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import from_bounds

from ingest.sample.noise import Plane

_CRS = rasterio.CRS.from_epsg(4326)


def write_lr(path: Path, data: npt.NDArray[np.float32], bounds: tuple[float, float, float, float]) -> None:
    """Write a Sentinel-2 raster: float32 with the nodata tag 0 that even the masks carry.

    Args:
        path: the file to write.
        data: (band, y, x).
        bounds: west, south, east, north in degrees.
    """
    transform = from_bounds(*bounds, data.shape[2], data.shape[1])
    _write(path, data, transform=transform, nodata=0.0, interleave="band")


def write_hr(path: Path, data: npt.NDArray[np.uint16]) -> None:
    """Write a SPOT raster: it names a CRS but carries no georeference, like the published ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        _write(path, data, interleave="pixel")


def _write(path: Path, data: np.ndarray, **profile: object) -> None:
    """Write an array (band, y, x) as a GeoTIFF."""
    shape = {"count": data.shape[0], "height": data.shape[1], "width": data.shape[2]}
    predictor = 3 if data.dtype == np.float32 else 2
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        crs=_CRS,
        dtype=data.dtype,
        compress="deflate",
        predictor=predictor,
        **shape,
        **profile,
    ) as target:
        target.write(data)


def average(stack: Plane, shape: tuple[int, int], *, psf: float) -> Plane:
    """Return a stack (plane, y, x) averaged onto a coarser grid over the same ground.

    Args:
        stack: the fine planes.
        shape: rows and columns of the coarse grid.
        psf: standard deviation of the sensor's blur, in coarse pixels.
    """
    rows, row_weights = _weigh(stack.shape[1], shape[0], psf)
    half = np.zeros((stack.shape[0], shape[0], stack.shape[2]), np.float32)
    for tap in range(rows.shape[1]):
        half += stack[:, rows[:, tap], :] * row_weights[None, :, tap, None]
    columns, column_weights = _weigh(stack.shape[2], shape[1], psf)
    out = np.zeros((stack.shape[0], *shape), np.float32)
    for tap in range(columns.shape[1]):
        out += half[:, :, columns[:, tap]] * column_weights[None, None, :, tap]
    return out


def _weigh(fine: int, coarse: int, psf: float) -> tuple[npt.NDArray[np.intp], Plane]:
    """Return for each coarse pixel the fine pixels it sees and their weights: a box under a logistic blur."""
    ratio, sigma = fine / coarse, psf * fine / coarse
    centre = (np.arange(coarse) + 0.5) * ratio
    reach = int(np.ceil(ratio / 2 + 2.6 * sigma))
    taps = np.floor(centre)[:, None].astype(np.intp) + np.arange(-reach, reach + 1)
    low, high = (centre[:, None] + sign * ratio / 2 - taps - 0.5 for sign in (-1, 1))
    weights = 1 / (1 + np.exp(-1.702 * high / sigma)) - 1 / (1 + np.exp(-1.702 * low / sigma))
    weights[(taps < 0) | (taps >= fine)] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    return np.clip(taps, 0, fine - 1), weights.astype(np.float32)
