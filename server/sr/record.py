"""A super-resolved item as an item like any other: the same place and pictures, a finer grid, four bands."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, Literal

from affine import Affine

from server.raster.errors import InvalidRequestError
from server.raster.record import AssetRecord, BandRecord, Grid, ItemRecord, digest
from server.sr.errors import NotUpscalableError
from superres.model import BANDS, Model

Method = Literal["sr", "bicubic", "nearest", "difference"]
Layer = Literal["reflectance", "uncertainty"]

ASSET = "sr"
"""Key of the one raster of a super-resolved item."""
DATA = "data"
"""Key of the raster that is super-resolved."""
UNCERTAINTY = "uncertainty"

_SOFTWARE = version("worldstrat")
_UNCERTAINTY_RANGE = [0.0, 0.05]
_DIFFERENCE_RANGE = [-0.05, 0.05]


@dataclass(frozen=True)
class Recipe:
    """Everything that the pixels of a super-resolved item depend on, beside the item itself."""

    model: Model
    """The model; for other methods than its own it says the scale alone."""
    method: Method = "sr"
    """`sr`, its two rivals, or `difference`: `sr` less `bicubic`."""
    mask_clouds: bool = True
    """Make what a cloud may have touched transparent."""
    notes: tuple[tuple[str, str], ...] = ()
    """What is told beside that, by name: of an image of several revisits, which they are."""

    @property
    def synthetic(self) -> bool:
        """Whether any pixel is a model's invention."""
        return self.method in {"sr", "difference"}

    @property
    def tells_interval(self) -> bool:
        """Whether each band comes with how sure the model is of it; some models do not say."""
        return self.method == "sr" and self.model.spec.interval is not None


def derive(item: ItemRecord, recipe: Recipe, layer: Layer = "reflectance") -> ItemRecord:
    """Return the record of an item as it is after super-resolution.

    Its one raster has the bands B02, B03, B04 and B08 and, of a model, `B02_uncertainty` … beside them, so that an
    expression may use both. Renders are the collection's, as far as these bands make them.

    Raises:
        NotUpscalableError: the item has no such bands.
    """
    source = source_of(item)
    grid = _finer(source.grid, recipe.model.scale)
    # The layer is a choice among pixels, not other pixels.
    # Pixels are kept longer than a process lives: another release may make others.
    pixels = digest([_SOFTWARE, item.version, recipe.model.sha256, recipe.method, recipe.mask_clouds])
    bands = [band for name in BANDS for band in source.bands if band.name == name]
    asset = AssetRecord(
        key=ASSET,
        href=f"{ASSET}:{item.collection}/{item.id}",
        version=pixels,
        title=title_of(recipe),
        grid=grid,
        bands=tuple(bands) + (tuple(map(_uncertainty, bands)) if recipe.tells_interval else ()),
        unit="1",
        colormap=MappingProxyType({}),
    )
    return ItemRecord(
        collection=item.collection,
        id=item.id,
        assets=MappingProxyType({ASSET: asset}),
        renders=MappingProxyType(_renders(item, recipe, layer)),
        version=digest([pixels, layer]),
    )


def source_of(item: ItemRecord) -> AssetRecord:
    """Return the raster of an item that is super-resolved.

    Raises:
        NotUpscalableError: it has none with the four bands at 10 m.
    """
    asset = item.assets.get(DATA)
    names = {band.name for band in asset.bands} if asset else set()
    if asset is None or not names.issuperset(BANDS):
        raise NotUpscalableError(
            f"{item.id!r} cannot be super-resolved: it has no raster {DATA!r} with {', '.join(BANDS)}. Take an item of "
            "a Sentinel-2 collection."
        )
    return asset


def title_of(recipe: Recipe) -> str:
    """Return what the raster is, in words that nobody takes for a measurement."""
    model = recipe.model
    return {
        "sr": f"Synthetic: super-resolved {model.scale}x by {model.id} {model.version}",
        "difference": f"Synthetic: what {model.id} {model.version} adds to bicubic interpolation",
        "bicubic": f"Interpolated {model.scale}x, bicubic",
        "nearest": f"Repeated {model.scale}x, nearest",
    }[recipe.method]


def _finer(grid: Grid, factor: int) -> Grid:
    return Grid(grid.transform * Affine.scale(1 / factor), grid.height * factor, grid.width * factor)


def _uncertainty(band: BandRecord) -> BandRecord:
    def name(of: str | None) -> str | None:
        return f"{of}_{UNCERTAINTY}" if of else None

    return BandRecord(f"{band.name}_{UNCERTAINTY}", name(band.common_name), f"90 % interval of {band.name}, half of it")


def _renders(item: ItemRecord, recipe: Recipe, layer: Layer) -> dict[str, Mapping[str, Any]]:
    if layer == "uncertainty" and not recipe.tells_interval:
        told = f"method={recipe.method}" if recipe.method != "sr" else f"The model {recipe.model.id!r}"
        raise InvalidRequestError(f"{told} tells no uncertainty: leave `layer` out.")
    if layer == "uncertainty":
        mean = "+".join(f"{name}_{UNCERTAINTY}" for name in ("red", "green", "blue"))
        render = {"expression": f"({mean})/3", "rescale": [_UNCERTAINTY_RANGE], "colormap_name": "magma"}
        return {UNCERTAINTY: render | {"title": "Uncertainty of red, green and blue", "assets": [ASSET]}}
    if recipe.method == "difference":
        render = {"bands": ["red", "green", "blue"], "rescale": [_DIFFERENCE_RANGE] * 3}
        return {"difference": render | {"title": "What the model adds to bicubic", "assets": [ASSET]}}
    made = {name: render for name, render in item.renders.items() if _is_makeable(render)}
    return {name: {**render, "assets": [ASSET]} for name, render in made.items()}


def _is_makeable(render: Mapping[str, Any]) -> bool:
    bands = set(render.get("bands", ()))
    return list(render.get("assets", ())) == [DATA] and bands <= {"red", "green", "blue", "nir", *BANDS}
