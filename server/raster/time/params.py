"""Query parameters of the answers about time, beside those that choose dates."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from geojson_pydantic import Feature, MultiPolygon, Polygon
from rio_tiler.types import WarpResampling
from titiler.core.dependencies import DefaultDependency

from server.raster.paint import MAX_PERCENTILES
from server.raster.params import AllBandsParams, AssetsParams, BandsParams
from server.raster.time.aoi import AoiRecord
from server.raster.time.clouds import Mask
from server.raster.time.reduce import Method
from server.raster.time.revisits import RevisitsParams, in_order
from server.raster.time.series import DEFAULT_PERCENTILES
from server.raster.time.stack import GridName, Layers, choose_layers

MaskQuery = Annotated[
    Mask,
    Query(
        description="`clouds` takes clouds, their shadows and what is defective out of every date, by its scene "
        "classification (SCL 0, 1, 3, 8, 9, 10) or else its cloud mask; dates with neither are left out."
    ),
]
MethodQuery = Annotated[
    Method,
    Query(
        description="What a pixel is made of: `median`, `mean`, `min` or `max` of each band over the dates that show "
        "it, or the `best` of these dates by the dataset's own rank."
    ),
]
Percentiles = Annotated[
    list[Annotated[int, Query(ge=0, le=100)]] | None,
    Query(alias="p", max_length=MAX_PERCENTILES, description="Percentiles to compute; 2 and 98 unless given."),
]
Format = Annotated[
    Literal["json", "csv"] | None, Query(description="`csv` for a table; JSON unless `Accept` asks for text/csv.")
]
Shape = Feature[Polygon | MultiPolygon, dict[str, Any]] | Polygon | MultiPolygon
"""A GeoJSON feature or geometry with an area."""


@dataclass
class GridParams(DefaultDependency):
    """On which pixels."""

    grid: Annotated[
        GridName,
        Query(
            description="`native`: the images' own grid, 10 m for Sentinel-2. `spot`: that of the SPOT image, 1.5 m."
        ),
    ] = "native"
    resampling: Annotated[
        WarpResampling,
        Query(description="How reflectance comes onto that grid; classes and masks are always the nearest."),
    ] = "nearest"


@dataclass
class FrameParams(DefaultDependency):
    """How pictures move."""

    fps: Annotated[float, Query(ge=0.1, le=30, description="Dates a second.")] = 2.0
    dates: Annotated[bool, Query(description="Write each date into its picture.")] = False


@dataclass
class _LayersParams:
    """Which dates, and what to read of them."""

    revisits: RevisitsParams
    assets: AssetsParams
    bands: BandsParams
    mask: Mask

    def of(self, aoi: AoiRecord) -> Layers:
        """Return what is meant of a place, the earliest date first.

        Raises:
            NoRevisitError: no date is as asked.
            InvalidRequestError: a name is unknown.
        """
        chosen = in_order(self.revisits.choose(aoi))
        return choose_layers(chosen, self.mask, **self.assets.as_dict(), **self.bands.as_dict())


def picture_layers(
    revisits: Annotated[RevisitsParams, Depends()],
    assets: Annotated[AssetsParams, Depends()],
    bands: Annotated[BandsParams, Depends()],
    mask: MaskQuery = "none",
) -> _LayersParams:
    """Return what a picture is made of: without a choice of bands the default render."""
    return _LayersParams(revisits, assets, bands, mask)


def number_layers(
    revisits: Annotated[RevisitsParams, Depends()],
    assets: Annotated[AssetsParams, Depends()],
    bands: Annotated[AllBandsParams, Depends()],
    mask: MaskQuery = "none",
) -> _LayersParams:
    """Return what numbers are made of: without a choice all bands."""
    return _LayersParams(revisits, assets, bands, mask)


PictureLayers = Annotated[_LayersParams, Depends(picture_layers)]
NumberLayers = Annotated[_LayersParams, Depends(number_layers)]


def percentiles_of(asked: list[int] | None) -> tuple[int, ...]:
    """Return the percentiles to compute, each once."""
    return tuple(dict.fromkeys(asked or DEFAULT_PERCENTILES))
