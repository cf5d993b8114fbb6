"""A stack as numbers in a file: npy, NetCDF, zarr. What it means follows the CF conventions."""

import io
import zipfile
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rio_tiler.constants import WGS84_CRS

from server.raster.record import Grid
from server.raster.time.aoi import AoiRecord
from server.raster.time.stack import TimeStack

if TYPE_CHECKING:  # importing it takes most of a second, which only those pay who ask for a file
    import xarray as xr

VARIABLE = "pixels"
"""Name of the variable."""
_EPOCH = "seconds since 1970-01-01T00:00:00+00:00"


def encode_npy(stack: TimeStack) -> bytes:
    """Return the numbers as `(time, band, y, x)`, without dates or places."""
    memory = io.BytesIO()
    np.save(memory, filled(stack))
    return memory.getvalue()


def encode_netcdf(stack: TimeStack, aoi: AoiRecord) -> bytes:
    """Return a NetCDF-4 file."""
    encoding = {VARIABLE: {"zlib": True, "complevel": 1, "shuffle": True}}
    dataset = create_dataset(stack, aoi)
    return bytes(dataset.to_netcdf(None, format="NETCDF4", engine="h5netcdf", encoding=encoding))


def encode_zarr(stack: TimeStack, aoi: AoiRecord) -> bytes:
    """Return a zarr store (format 2, which every reader knows) in a zip file; a chunk is one date."""
    from zarr.storage import MemoryStore  # noqa: PLC0415 - see above

    entries: dict[str, Any] = {}
    chunks = (1, *stack.values.shape[1:])
    create_dataset(stack, aoi).to_zarr(
        MemoryStore(entries), zarr_format=2, consolidated=True, encoding={VARIABLE: {"chunks": chunks}}
    )
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        for name, buffer in entries.items():
            archive.writestr(name, buffer.to_bytes())
    return memory.getvalue()


def create_dataset(stack: TimeStack, aoi: AoiRecord) -> "xr.Dataset":
    """Return the stack as a dataset that says where, when and what its numbers are."""
    import xarray as xr  # noqa: PLC0415 - see above

    units = {pick.asset.unit for pick in stack.layers.first.picks}
    plain = not stack.layers.first.expression and len(units) == 1
    facts = {"units": unit} if plain and (unit := units.pop()) else {}
    variable = xr.DataArray(
        filled(stack),
        dims=("time", "band", "y", "x"),
        coords=_coordinates(stack),
        attrs={"long_name": ", ".join(stack.names), "grid_mapping": "spatial_ref", **facts},
    )
    return xr.Dataset(
        {VARIABLE: variable},
        attrs={
            "Conventions": "CF-1.11",
            "title": f"{aoi.name}: {len(stack.layers.revisits)} dates of {aoi.collection}",
            "source": "WorldStrat, doi:10.5281/zenodo.6810792",
            "history": f"made by worldstrat {version('worldstrat')}",
            "aoi": aoi.name,
            "collection": aoi.collection,
            "mask": "clouds" if stack.layers.masked else "none",
        },
    )


def filled(stack: TimeStack) -> NDArray[Any]:
    """Return the numbers as they are written: NaN where there is nothing; whole numbers become floats for it."""
    values: np.ma.MaskedArray[Any, Any] = np.ma.asarray(stack.values, np.float32)
    return np.asarray(values.filled(np.nan))


def _coordinates(stack: TimeStack) -> dict[str, Any]:
    revisits, grid = stack.layers.revisits, stack.grid
    transform = grid.transform
    seconds = [round(revisit.datetime.timestamp()) for revisit in revisits]
    percent = {"units": "percent"}
    return {
        "time": ("time", seconds, {"standard_name": "time", "axis": "T", "units": _EPOCH, "calendar": "standard"}),
        "band": ("band", list(stack.names), {"long_name": "band"}),
        "y": (
            "y",
            transform.f + (np.arange(grid.height) + 0.5) * transform.e,
            {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"},
        ),
        "x": (
            "x",
            transform.c + (np.arange(grid.width) + 0.5) * transform.a,
            {"standard_name": "longitude", "units": "degrees_east", "axis": "X"},
        ),
        "spatial_ref": ((), 0, _grid_mapping(grid)),
        "item": ("time", [revisit.item.id for revisit in revisits], {"long_name": "STAC item"}),
        "cloud_cover": (
            "time",
            _numbers([revisit.cloud_cover for revisit in revisits]),
            {"long_name": "clouds in the whole product", **percent},
        ),
        "place_cloud_cover": (
            "time",
            _numbers([revisit.place_cloud_cover for revisit in revisits]),
            {"long_name": "clouds in the place, by its cloud mask", **percent},
        ),
        "delta": (
            "time",
            _numbers([revisit.delta for revisit in revisits]),
            {"long_name": "days after the SPOT image", "comment": "in days"},
        ),
    }


def _grid_mapping(grid: Grid) -> dict[str, Any]:
    wkt = WGS84_CRS.to_wkt()
    place = " ".join(repr(number) for number in grid.transform.to_gdal())
    return {
        "grid_mapping_name": "latitude_longitude",
        "longitude_of_prime_meridian": 0.0,
        "semi_major_axis": 6378137.0,
        "inverse_flattening": 298.257223563,
        "crs_wkt": wkt,
        "spatial_ref": wkt,
        "GeoTransform": place,
    }


def _numbers(values: list[Any]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], np.float64)
