"""All revisits of a place as one xarray.Dataset, on the grid of its items: no pixel is resampled."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
import odc.stac
import pystac
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from catalog.constants import LEVEL_COLLECTIONS, MAX_REVISIT, Level
from client.errors import QueryError
from client.key import URL
from client.options import open_client
from client.query import Query, answering
from client.signing import sign

Mask = Literal["scl", "clm", "clp", "data-mask"]
_DATA: Final = "data"
_FACTS: Final = ("aoi", "source", "ipcc", "lccs", "smod", "split")


def open_place(
    aoi: str,
    *,
    url: str = URL,
    level: Level = "L2A",
    bands: Sequence[str] = (),
    masks: Sequence[Mask] = (),
    frames: int = MAX_REVISIT,
    chunks: dict[str, int | Literal["auto"]] | None = None,
) -> xr.Dataset:
    """Open the revisits of a place, each a step of `time`, in the order of their days.

    Args:
        aoi: name of the place as published.
        url: address of the STAC API.
        level: L2A or L1C.
        bands: bands by name, such as `B04`; all where none is named. Reflectance, NaN where there is no data.
        masks: masks by name, as stored.
        frames: most revisits, the best first.
        chunks: sizes of Dask's chunks, to read later; everything is read now without them.

    Returns:
        A Dataset of `(time, latitude, longitude)` with what is known of the place as attributes, and the coordinates
        `item`, `revisit` and `delta` (days from the SPOT image) of each step.

    Raises:
        QueryError: there is no such place, or its items have no such band or mask.
        ServerError: the server does not answer.
    """
    items = _find(url, aoi, level, frames)
    asset = items[0].assets[_DATA]
    known = [band["name"] for band in asset.extra_fields["bands"]]
    names = list(bands) or known
    absent = [name for name in names if name not in known]
    absent += [name for name in masks if not all(name in item.assets for item in items)]
    if absent:
        raise QueryError(f"{aoi!r} has no {absent[0]!r}; its bands are {', '.join(known)}.")
    told = asset.extra_fields
    grid = GeoBox(tuple(told["proj:shape"]), Affine(*told["proj:transform"][:6]), told["proj:code"])
    wanted = [*names, *masks]
    stored = odc.stac.load(items, wanted, groupby="id", geobox=grid, chunks=chunks, patch_url=sign)
    scale = told["raster:bands"][0].get("scale", 1.0)
    opened = stored.assign({name: _reflectance(stored[name], scale) for name in names})
    return _described(opened, items)


def _find(url: str, aoi: str, level: Level, frames: int) -> list[pystac.Item]:
    """Return the revisits of a place, by day."""
    client = open_client(url)
    with answering(url):
        found = list(Query(collections=(LEVEL_COLLECTIONS[level],), aois=(aoi,)).search(client).items())
    if not found:
        raise QueryError(f"{url} has no {level} image of a place {aoi!r}; `worldstrat search` lists places.")
    best = sorted(found, key=lambda item: item.properties.get("worldstrat:revisit") or MAX_REVISIT)[:frames]
    return sorted(best, key=lambda item: (str(item.datetime), item.id))


def _reflectance(band: xr.DataArray, scale: float) -> xr.DataArray:
    nodata = band.attrs.get("nodata")
    seen = band if nodata is None else band.where(band != nodata)
    attributes = {name: value for name, value in band.attrs.items() if name != "nodata"}
    return (seen.astype(np.float64) * scale).astype(np.float32).assign_attrs(attributes)


def _described(opened: xr.Dataset, items: Sequence[pystac.Item]) -> xr.Dataset:
    steps: dict[str, Any] = {
        "item": ("time", [item.id for item in items]),
        "revisit": ("time", [item.properties["worldstrat:revisit"] for item in items]),
        "delta": ("time", [item.properties["worldstrat:delta"] for item in items]),
    }
    facts = {name: items[0].properties.get(f"worldstrat:{name}") for name in _FACTS}
    # NetCDF knows no None.
    return opened.assign_coords(steps).assign_attrs({name: fact for name, fact in facts.items() if fact is not None})
