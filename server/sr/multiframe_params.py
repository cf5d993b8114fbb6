"""Query parameters of images of several revisits, and from a request to the source that their pixels come from."""

from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Annotated, Literal

from fastapi import Depends, Query
from starlette.requests import Request

from server.raster.errors import NoRevisitError
from server.raster.reader import ItemSource
from server.raster.source import sources_of
from server.raster.tile_route import MAX_QUERY
from server.raster.time.aoi import AoiRecord, Revisit
from server.raster.time.clouds import cloud_asset
from server.raster.time.revisits import MAX_DATES, RevisitsParams
from server.raster.time.sources import Place
from server.sr.multiframe import derive_fused, describe
from server.sr.record import Layer, Recipe, source_of
from server.sr.room import model_of, room_of
from server.sr.source import UpscaledSource
from server.sr.store import MadeChips
from superres.model import Model
from superres.multiframe import MAX_FRAMES

FusedMethod = Literal["fused", "bicubic", "nearest", "difference"]


@dataclass
class FramesParams(RevisitsParams):
    """Which dates."""

    limit: Annotated[
        int,
        Query(ge=2, le=MAX_FRAMES, description="Most dates: the clearest; of equals the best by the dataset's rank."),
    ] = MAX_FRAMES

    def clearest(self, aoi: AoiRecord, *, mask_clouds: bool) -> tuple[Revisit, ...]:
        """Return the dates of a place that are meant, the clearest first.

        Raises:
            NoRevisitError: there is none, or none tells where clouds are.
        """
        meant = replace(self, limit=MAX_DATES).choose(aoi)
        telling = [each for each in meant if not mask_clouds or cloud_asset(each.item)]
        if not telling:
            raise NoRevisitError(
                "None of these dates has a scene classification or a cloud mask: ask with clouds=keep."
            )
        telling.sort(key=lambda each: (each.clouds is None, each.clouds or 0))
        return tuple(telling[: self.limit])


def fused_recipe(
    request: Request,
    model: Annotated[
        str | None,
        Query(
            max_length=128,
            description="Model, by the id of its item in the collection `sr-models`: one of several revisits gets all "
            "of them at once, one of a single image each of them.",
        ),
    ] = None,
    method: Annotated[
        FusedMethod,
        Query(
            description="`fused`: all revisits. `bicubic`, `nearest`: the reference alone, interpolated. `difference`: "
            "what `fused` adds to `bicubic`."
        ),
    ] = "fused",
    clouds: Annotated[
        Literal["mask", "keep"],
        Query(description="`mask` takes clouds out of every date; where the reference has them, nothing is shown."),
    ] = "mask",
) -> Recipe:
    """Return what a request wants made.

    Raises:
        UnknownModelError: there is no such model.
    """
    chosen = model_of(request, model)
    return Recipe(chosen, "sr" if method == "fused" else method, mask_clouds=clouds == "mask")


def fused_source(
    request: Request,
    aoi: Place,
    frames: Annotated[FramesParams, Depends()],
    recipe: Annotated[Recipe, Depends(fused_recipe)],
    layer: Annotated[
        Layer,
        Query(
            description="What is painted where neither bands, expression nor render are given: `reflectance`, or the "
            "`uncertainty`: the model's interval joined with the spread of the revisits, not calibrated."
        ),
    ] = "reflectance",
) -> UpscaledSource:
    """Return the image of several revisits that a path and its query name; registers them, computes nothing more.

    Raises:
        NoRevisitError: no two dates go together.
        NotUpscalableError: the items have not the bands for it.
    """
    room, query = room_of(request), request.url.query

    def create() -> UpscaledSource:
        source_of(aoi.revisits[0].item)  # what has not the bands is refused for that, not for its clouds
        candidates = frames.clearest(aoi, mask_clouds=recipe.mask_clouds)
        plan = room.fusions.plan(candidates, mask_clouds=recipe.mask_clouds)
        noted = replace(recipe, notes=describe(aoi, plan, recipe))
        pixels = MadeChips(room.items, noted, partial(room.fusions.pixels, plan, noted))
        asked = {name: value for name, value in request.query_params.items() if name in _CHOICES}
        original = ItemSource(plan.reference, sources_of(request).chips)
        return UpscaledSource(derive_fused(aoi, plan, noted, layer), pixels, original, noted, asked)

    key = fused_version(aoi, recipe.model), query
    source = create() if len(query) > MAX_QUERY else room.fusions.sources.get(key, create)
    label(request, source)
    return source


def fused_version(aoi: AoiRecord, model: Model) -> str:
    """Return what changes with any item of a place, and with the model."""
    return f"{aoi.version}-{model.sha256}"


def label(request: Request, source: UpscaledSource) -> None:
    """Let the route label the answer by what it was made of."""
    request.state.recipe, request.state.fused = source.recipe, source.record


_CHOICES = frozenset({*(field.name for field in fields(RevisitsParams)), "model", "method", "clouds", "layer"})
