"""Query parameters of super-resolution, and from a request to the source that its pixels come from."""

from functools import partial
from typing import Annotated, Literal

from fastapi import Depends, Query
from starlette.requests import Request

from server.raster.reader import ItemSource
from server.raster.source import item_source
from server.sr.errors import NotUpscalableError
from server.sr.record import Layer, Method, Recipe, derive
from server.sr.room import model_of, room_of
from server.sr.source import UpscaledSource
from server.sr.store import MadeChips

_CHOICES = ("model", "method", "clouds", "layer")


def recipe_of(
    request: Request,
    model: Annotated[
        str | None,
        Query(max_length=128, description="Model, by the id of its item in the collection `sr-models`."),
    ] = None,
    method: Annotated[
        Method,
        Query(
            description=(
                "`sr`: the model. `bicubic`, `nearest`: interpolation, which invents nothing. `difference`: what the "
                "model adds to bicubic."
            )
        ),
    ] = "sr",
    clouds: Annotated[
        Literal["mask", "keep"],
        Query(
            description="`mask` makes transparent what a cloud may have touched: clouds, and as far as the model looks."
        ),
    ] = "mask",
) -> Recipe:
    """Return what a request wants made.

    Raises:
        UnknownModelError: there is no such model.
    """
    recipe = Recipe(model_of(request, model), method, mask_clouds=clouds == "mask")
    request.state.recipe = recipe  # the route labels the answer with it
    return recipe


def upscaled_source(
    request: Request,
    source: Annotated[ItemSource, Depends(item_source)],
    recipe: Annotated[Recipe, Depends(recipe_of)],
    layer: Annotated[
        Layer,
        Query(
            description=(
                "What is painted where neither bands, expression nor render are given: `reflectance`, or the model's "
                "own `uncertainty`, half of its 90 % interval. Its bands are `red_uncertainty` … in any case."
            )
        ),
    ] = "reflectance",
) -> UpscaledSource:
    """Return the super-resolved item that a path and its query name.

    Raises:
        NotUpscalableError: the item has not the bands for it, or the model takes several.
    """
    model = recipe.model
    if recipe.synthetic and model.spec.frames > 1:
        raise NotUpscalableError(
            f"The model {model.id!r} takes {model.spec.frames} revisits, not {source.record.id!r} alone: ask for its "
            "place, .../aois/{aoi}/sr."
        )
    made = derive(source.record, recipe, layer)
    items = room_of(request).items
    chips = MadeChips(items, recipe, partial(items.pixels, source.record, recipe))
    asked = {name: value for name, value in request.query_params.items() if name in _CHOICES}
    return UpscaledSource(made, chips, source, recipe, asked)
