"""What two images of one place have to say, once it is known which and what of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.io import MemoryFile
from rio_tiler.constants import WGS84_CRS

from server.raster.compare.counterpart import Sight
from server.raster.compare.pair import COMMON, GridName, Layer, Pair, Values
from server.raster.compare.params import PairParams
from server.raster.params import BandsParams
from server.raster.selection import Selection
from server.raster.source import ItemSources


@dataclass(frozen=True)
class Compared:
    """Two images and what is asked of them."""

    sights: tuple[Sight, Sight]
    """When and how clear each is."""
    pair: Pair
    """Both, on one grid."""
    selections: tuple[Selection, Selection]
    """What to make of each."""

    def read(self) -> tuple[Values, Values]:
        """Return what was asked for of both, on the grid, NaN where there is nothing or a cloud."""
        names = [[pick.name for pick in selection.picks] for selection in self.selections]
        images = self.pair.read(*names)
        return tuple(  # type: ignore[return-value]
            np.where(self.pair.hidden, np.nan, _evaluate(selection, image))
            for selection, image in zip(self.selections, images, strict=True)
        )


def create_compared(
    sources: ItemSources,
    sights: tuple[Sight, Sight],
    chosen: PairParams,
    layer: BandsParams,
    grid: GridName,
    *,
    pictured: bool = False,
) -> Compared:
    """Return what a caller asks to be compared.

    Args:
        sources: where pixels come from.
        sights: the two images.
        chosen: how they are put on one grid.
        layer: what of them; the bands that both have, or `true-color` for a picture, where nothing is said.
        grid: whose grid, where the caller does not say.
        pictured: it is for a picture.

    Raises:
        InvalidRequestError: one of them has no such band, index or render, or neither such a grid.
    """
    first, second = (
        Layer(sources.get(sight.collection, sight.item), (chosen.spot,) if sight.is_spot else ()) for sight in sights
    )
    if not (first.is_spot or second.is_spot):
        grid = "sentinel-2"
    pair = Pair(
        first, second, chosen.grid or grid, chosen.resampling, align=chosen.align, clear=chosen.mask == "clouds"
    )
    options = {name: value for name, value in vars(layer).items() if value}
    if not options:
        options = {"render": "true-color"} if pictured else {"bands": list(COMMON)}
    selections = first.select(**options), second.select(**options)
    return Compared(sights, pair, selections)


def _evaluate(selection: Selection, image: Values) -> Values:
    if selection.expression is None:
        return image
    values = {pick.name: band for pick, band in zip(selection.picks, image, strict=True)}
    computed = selection.expression.evaluate(values).astype(np.float64)
    return np.where(np.isfinite(computed) & np.isfinite(image).all(axis=0), computed, np.nan)


def describe(compared: Compared) -> dict[str, Any]:
    """Return which images are compared, on which grid, and how far apart they are."""
    pair, (first, second) = compared.pair, compared.sights
    across, down = pair.pixel
    return {
        "first": _sight(first),
        "second": _sight(second),
        "days_apart": abs((second.datetime - first.datetime).days),
        "grid": {
            "of": pair.on,
            "shape": [pair.grid.height, pair.grid.width],
            "bounds": pair.grid.bounds,
            "pixel_metres": [across, down],
        },
        "resampling": pair.method or "psf down, bilinear up",
        "aligned": bool(pair.align and pair.shift and pair.shift.trusted),
        "mask": "clouds" if pair.clear else "none",
        "hidden_share": float(pair.hidden.mean()),
        "registration": _registration(pair),
    }


def _sight(sight: Sight) -> dict[str, Any]:
    return {
        "collection": sight.collection,
        "id": sight.item,
        "datetime": sight.datetime.isoformat(),
        "cloud_cover": sight.clouds,
        "delta": sight.delta,
        "revisit": sight.rank,
    }


def _registration(pair: Pair) -> dict[str, Any] | None:
    shift = pair.shift
    if shift is None:
        return None
    across, down = pair.coarse_pixel
    return {
        "rows": shift.rows,
        "columns": shift.columns,
        "south_metres": shift.rows * down,
        "east_metres": shift.columns * across,
        "pixel_metres": [across, down],
        "confidence": shift.confidence,
        "trusted": shift.trusted,
        "meaning": "Pixels of the coarser grid by which the second image must move down and right to lie on the first.",
    }


def write_geotiff(compared: Compared, values: Values) -> bytes:
    """Return bands on the grid of a comparison as a GeoTIFF of 32-bit floats."""
    grid, (first, second) = compared.pair.grid, compared.sights
    profile = {"driver": "GTiff", "dtype": "float32", "nodata": np.nan, "compress": "zstd", "predictor": 3}
    place = {"count": len(values), "height": grid.height, "width": grid.width}
    with MemoryFile() as memory:
        with memory.open(**profile, **place, crs=WGS84_CRS, transform=grid.transform) as dst:
            dst.write(values.astype(np.float32))
            dst.descriptions = tuple(compared.selections[0].names)
            dst.update_tags(difference=f"{second.item} less {first.item}")
        return bytes(memory.getbuffer())
