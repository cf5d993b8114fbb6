"""The endpoints of images of several revisits of a place: a product of its own, never instead of one date's."""

from typing import Annotated

from fastapi import Depends, FastAPI, Response
from morecantile.defaults import TileMatrixSets
from starlette.requests import Request

from catalog.constants import COG_MEDIA_TYPE
from server.raster.disposition import disposition
from server.raster.errors import InvalidRequestError
from server.raster.items import create_item_tiles
from server.raster.record import ItemRecord
from server.raster.tile_route import TileRoute
from server.raster.time.sources import AOI_PATH, places_of
from server.sr.cog import encode_cog
from server.sr.freshness import UpscaledRoute
from server.sr.multiframe_params import fused_source, fused_version, label
from server.sr.publish import COG_RESPONSE
from server.sr.reader import UpscaledReader, list_upscaled_renders, render_labelled
from server.sr.room import kept_model_of, model_of, room_of
from server.sr.source import UpscaledSource

FUSED_PATH = f"{AOI_PATH}/sr"


class FusedRoute(UpscaledRoute):
    """A route of an image of several revisits."""

    def version(self, request: Request) -> str:
        """Return what changes with any of the place's items, the model, or the renders of the collection."""
        path = request.path_params
        aoi = places_of(request).aois.get(path["collection_id"], path["aoi"])
        return fused_version(aoi, model_of(request, request.query_params.get("model")))

    def record(self, request: Request) -> ItemRecord:
        """Return what the answer is about."""
        made: ItemRecord = request.state.fused
        return made


class FusedTileRoute(FusedRoute, TileRoute):
    """A route of its tiles: as fast as those of an item."""

    def known(self, request: Request) -> tuple[str, UpscaledSource] | None:
        """Return the version that tags follow and what tiles are made of, where both are at hand: without waiting."""
        path, query = request.path_params, request.url.query
        aoi = places_of(request).aois.kept(path["collection_id"], path["aoi"])
        model = kept_model_of(request, request.query_params.get("model"))
        if aoi is None or model is None:
            return None
        version = fused_version(aoi, model)
        source = room_of(request).fusions.sources.kept((version, query))
        if source is None:
            return None
        label(request, source)
        return version, source


def add_multiframe(app: FastAPI, schemes: TileMatrixSets) -> None:
    """Add the endpoints."""
    factory = create_item_tiles(
        FUSED_PATH,
        "fused",
        fused_source,
        FusedRoute,
        schemes,
        reader=UpscaledReader,
        tile_route=FusedTileRoute,
        get_renders=list_upscaled_renders,
        render_func=render_labelled,
    )

    @factory.router.get("/cog", response_class=Response, responses=COG_RESPONSE, operation_id="fused.getCog")
    def cog(source: Annotated[UpscaledSource, Depends(fused_source)]) -> Response:
        """Download the image of several revisits as a COG on the reference's grid.

        Four bands (B02, B03, B04, B08) of reflectance as uint16 with scale 0.0001; the tags name the model, the dates
        and the reference.
        """
        if source.recipe.method != "sr":
            raise InvalidRequestError(f"A file is made of method=fused, not of {source.recipe.method}.")
        name = f"multi-frame_sr_{source.recipe.model.id}.tif"
        headers = {"Content-Disposition": disposition("attachment", name)}
        return Response(encode_cog(source), media_type=COG_MEDIA_TYPE, headers=headers)

    app.include_router(factory.router, prefix=FUSED_PATH, tags=["Super-resolution of several dates"])
