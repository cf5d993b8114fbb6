"""Query parameters that choose what is read: rasters, bands, arithmetic, stored renders, sizes."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Query
from pydantic import AfterValidator, Field, FiniteFloat
from rio_tiler.types import RIOResampling, WarpResampling
from titiler.core.dependencies import DatasetParams, DefaultDependency, PartFeatureParams, PreviewParams, TileParams

from server.raster.expression import MAX_LENGTH
from server.raster.limits import MAX_SIZE, MAX_SUMMARY_SIZE

MAX_NAMES = 32
"""Most names in a list."""
MAX_BUFFER = 64
"""Most pixels around a tile."""


def split_names(values: list[str]) -> list[str]:
    """Split `red,green,blue`, which may also be given as three parameters.

    Raises:
        ValueError: the list is too long.
    """
    names = [name.strip() for value in values for name in value.split(",") if name.strip()]
    if len(names) > MAX_NAMES:
        raise ValueError(f"at most {MAX_NAMES} names, not {len(names)}")
    return names


Names = Annotated[list[str] | None, AfterValidator(lambda values: split_names(values) if values else None)]


@dataclass
class AssetsParams(DefaultDependency):
    """Which rasters of an item to look in."""

    assets: Annotated[
        Names,
        Query(
            title="Rasters",
            description=(
                "Rasters of the item to look for bands in, such as `data` or `scl` (Sentinel-2), `ps`, `rgbn` or `pan` "
                "(SPOT), separated by commas. All are looked in unless some are named, the main one first."
            ),
            openapi_examples={"any": {"value": None}, "native SPOT": {"value": ["rgbn"]}},
        ),
    ] = None


@dataclass
class BandsParams(DefaultDependency):
    """Which bands to read, and what to make of them."""

    bands: Annotated[
        Names,
        Query(
            title="Bands",
            description=(
                "Bands by name (`B04,B03,B02`) or common name (`red,green,blue`), in the order of the output. Classes "
                "and masks are bands too: `scl`, `clm`, `pan`."
            ),
            openapi_examples={
                "none": {"value": None},
                "true colour": {"value": ["red,green,blue"]},
                "short-wave infrared": {"value": ["B12,B08,B04"]},
            },
        ),
    ] = None
    expression: Annotated[
        str | None,
        Query(
            title="Band arithmetic",
            max_length=MAX_LENGTH,
            description=(
                "Arithmetic over names or common names of bands, such as `(nir-red)/(nir+red)`: numbers, "
                "`+ - * / % **`, comparisons, `& | ~`, and functions such as `where`, `sqrt`, `minimum`. "
                "Semicolons separate outputs. It wins over `bands`."
            ),
            openapi_examples={
                "none": {"value": None},
                "NDVI": {"value": "(nir-red)/(nir+red)"},
                "NDVI of vegetation only": {"value": "where(scl==4, (nir-red)/(nir+red), 0/0*red)"},
            },
        ),
    ] = None
    index: Annotated[
        Names,
        Query(
            title="Spectral indices",
            description=(
                "Indices by name, such as `NDVI` or `NDWI,NBR`, instead of an `expression`; `/raster/indices` lists "
                "them. Pictures get a range and colours that suit the index."
            ),
            openapi_examples={"none": {"value": None}, "NDVI": {"value": ["NDVI"]}},
        ),
    ] = None
    render: Annotated[
        str | None,
        Query(
            title="Stored render",
            max_length=64,
            description=(
                "A render that the collection stores, by name: its bands, its range of values and its colours. Without "
                "bands, expression and render you get `true-color`."
            ),
            openapi_examples={"none": {"value": None}, "false colour": {"value": "false-color"}},
        ),
    ] = None


@dataclass
class AllBandsParams(BandsParams):
    """The same, for numbers rather than pictures: without a choice all bands are meant."""

    def __post_init__(self) -> None:
        """Say so to the reader."""
        self.everything = True


@dataclass
class ReadParams(DatasetParams):
    """How pixels are read."""

    nodata: Annotated[
        Literal["nan"] | FiniteFloat | None,
        Query(title="No data", description="Stored value to take as transparent, beside what the raster itself says."),
    ] = None
    unscale: Annotated[
        bool,
        Query(
            title="Physical units",
            description="Give reflectance (0 to 1) and other physical units; `false` gives numbers as they are stored.",
        ),
    ] = True
    resampling_method: Annotated[
        RIOResampling | None,
        Query(
            alias="resampling", description="How pixels are resampled: `nearest` (the default), `bilinear`, `cubic` …"
        ),
    ] = None
    reproject_method: Annotated[
        WarpResampling | None,
        Query(alias="reproject", description="The same for the change of projection alone, where it should differ."),
    ] = None

    def __post_init__(self) -> None:
        """Resample alike in both steps: a tile is made by the change of projection alone."""
        super().__post_init__()  # type: ignore[no-untyped-call]
        if self.reproject_method is None and self.resampling_method in WARP_METHODS:
            self.reproject_method = self.resampling_method  # type: ignore[assignment]


WARP_METHODS = frozenset(WarpResampling.__args__)  # type: ignore[attr-defined]


@dataclass
class TileSizeParams(TileParams):
    """What lies around a tile."""

    buffer: Annotated[
        float | None,
        Query(
            ge=0.5,
            le=MAX_BUFFER,
            multiple_of=0.5,
            description="Pixels to add around the tile, in steps of 0.5: 0.5 gives 257 pixels a side, 1 gives 258.",
        ),
    ] = None
    padding: Annotated[
        int | None,
        Query(gt=0, le=MAX_BUFFER, description="Pixels to read around the tile and cut off again after resampling."),
    ] = None


Size = Annotated[int | None, Field(ge=1, le=MAX_SIZE, description="Pixels along this side of the image.")]
MaxSize = Annotated[int | None, Field(ge=1, le=MAX_SIZE, description="Most pixels along the longer side of the image.")]


@dataclass
class PreviewSizeParams(PreviewParams):
    """Size of the whole item as one image."""

    max_size: MaxSize = 1024  # type: ignore[assignment]
    height: Size = None
    width: Size = None


@dataclass
class PartSizeParams(PartFeatureParams):
    """Size of a crop."""

    max_size: MaxSize = MAX_SIZE
    height: Size = None
    width: Size = None


SummarySize = Annotated[int | None, Field(ge=1, le=MAX_SUMMARY_SIZE, description="Pixels along this side to count.")]


@dataclass
class SummarySizeParams(PartFeatureParams):
    """How many pixels statistics are computed of: all of an item's, unless told otherwise."""

    max_size: SummarySize = MAX_SUMMARY_SIZE
    height: SummarySize = None
    width: SummarySize = None
