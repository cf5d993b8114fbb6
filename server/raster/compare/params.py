"""Query parameters of the comparison of two images."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator

from server.raster.compare.pair import GridName, Method, Spot
from server.raster.compare.picture import MAX_PANEL, Layout
from server.raster.paint import ColormapName, check_ranges
from server.raster.time.clouds import Mask


@dataclass
class PairParams:
    """Which images are compared, and on which grid."""

    other: Annotated[
        str | None,
        Query(
            alias="with",
            max_length=200,
            description="Id of another image of the same place. Without one it is SPOT's for a Sentinel-2 item, and "
            "for SPOT's the Sentinel-2 (L2A) revisit closest in time that is clear.",
        ),
    ] = None
    grid: Annotated[
        GridName | None,
        Query(description="Whose grid both are put on: `sentinel-2` (10 m; numbers) or `spot` (1.5 m; pictures)."),
    ] = None
    resampling: Annotated[
        Method | None,
        Query(
            description="How what lies on another grid is resampled. `psf` sees SPOT as Sentinel-2 would: blurred by "
            "its optics, averaged over its pixels. Unless given: `psf` to a coarser grid, `bilinear` to a finer one."
        ),
    ] = None
    align: Annotated[
        bool, Query(description="First move one onto the other by the shift between them, where it can be trusted.")
    ] = False
    mask: Annotated[
        Mask,
        Query(
            description="`clouds` leaves out where Sentinel-2 shows clouds, their shadows or what is defective, by its "
            "scene classification or else its cloud mask; `none` shows all."
        ),
    ] = "clouds"
    spot: Annotated[Spot, Query(description="Which raster of SPOT: pansharpened (1.5 m) or native bands (6 m).")] = "ps"


@dataclass
class PictureParams:
    """How the two are shown."""

    layout: Annotated[
        Layout,
        Query(
            description="`side` by side, as a `stack`, as a `swipe` (left half one, right half the other), as a "
            "`blink` (in turn; png, webp or gif), or their `difference` with a legend."
        ),
    ] = "side"
    size: Annotated[int, Query(ge=16, le=MAX_PANEL, description="Pixels along the longer side of each image.")] = 512
    split: Annotated[float, Query(ge=0, le=1, description="Where a swipe goes from one to the other.")] = 0.5
    captions: Annotated[bool, Query(description="Say which image is which.")] = True
    rescale: Annotated[
        str | None,
        AfterValidator(lambda value: check_ranges([value])[0] if value else None),
        Query(
            max_length=100,
            description="Range of values, as `low,high`: of both images, or of their difference. Unless given the "
            "images have that of the render, and a difference reaches as far both ways as 98 % of it do.",
        ),
    ] = None
    colormap_name: Annotated[
        ColormapName | None, Query(description="Colours of one band, or of the difference (`rdbu_r` unless given).")
    ] = None

    @property
    def grid(self) -> GridName:
        """Whose grid suits the layout: a difference on SPOT's is one of resolution."""
        return "sentinel-2" if self.layout == "difference" else "spot"

    @property
    def range(self) -> tuple[float, float] | None:
        """The caller's range."""
        if not self.rescale:
            return None
        low, high = self.rescale.split(",")
        return float(low), float(high)
