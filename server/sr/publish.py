"""The endpoints that give a super-resolved item away as a file, and the one that keeps it."""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Response
from fastapi.concurrency import run_in_threadpool
from pystac.utils import datetime_to_str
from starlette.requests import Request
from starlette.responses import JSONResponse

from catalog.constants import COG_MEDIA_TYPE, COLLECTION_SR
from catalog.pgstac import CatalogWriter
from catalog.settings import DatabaseSettings
from catalog.superresolved import create_sr_collection
from server.raster.disposition import disposition
from server.raster.errors import InvalidRequestError
from server.sr.cog import SuperResolvedImage, create_image, encode_cog
from server.sr.params import upscaled_source
from server.sr.source import UpscaledSource
from server.stac.hrefs import Publisher

Source = Annotated[UpscaledSource, Depends(upscaled_source)]
COG_RESPONSE: dict[int | str, dict[str, Any]] = {200: {"content": {COG_MEDIA_TYPE: {}}, "description": "The file."}}


def add_publishing(router: APIRouter, database: DatabaseSettings) -> None:
    """Add `/cog` and `/item`."""

    @router.get("/cog", response_class=Response, responses=COG_RESPONSE, operation_id="sr.getCog")
    def cog(source: Source) -> Response:
        """Download the item, super-resolved, as a COG on its own grid.

        Four bands (B02, B03, B04, B08) of reflectance as uint16 with scale 0.0001; the tags name model and original.
        """
        _only_by_model(source)
        name = f"{source.record.id}_sr_{source.recipe.model.id}.tif"
        headers = {"Content-Disposition": disposition("attachment", name)}
        return Response(encode_cog(source), media_type=COG_MEDIA_TYPE, headers=headers)

    @router.get("/item", operation_id="sr.getItem")
    def item(request: Request, source: Source) -> dict[str, Any]:
        """Describe that file as a STAC item: where it comes from, which model made it, its hash."""
        _only_by_model(source)
        described = _create(request, source).item.to_dict(include_self_link=False, transform_hrefs=False)
        query = f"?{request.url.query}" if request.url.query else ""
        for link in described["links"]:
            link["href"] = f"{request.base_url}stac/{quote(link['href'])}"
        described["assets"]["sr"]["href"] = f"{str(request.url).split('?')[0].removesuffix('item')}cog{query}"
        return described

    @router.post("/cog", status_code=201, operation_id="sr.storeCog")
    async def store(request: Request, source: Source) -> JSONResponse:
        """Store that file and its item in the catalog, in the collection `worldstrat-super-resolved`.

        For those who have a key or token with the scope `write`.
        """
        _only_by_model(source)
        stored = await run_in_threadpool(_store, request, source, database)
        location = f"{request.base_url}stac/collections/{stored['collection']}/items/{quote(stored['id'])}"
        Publisher(request.app.state.store, str(request.base_url)).publish_assets(stored)
        return JSONResponse(stored, 201, {"Location": location})


def _only_by_model(source: UpscaledSource) -> None:
    if source.recipe.method != "sr":
        raise InvalidRequestError(f"A file is made of method=sr, not of {source.recipe.method}: leave `method` out.")


def _create(request: Request, source: UpscaledSource) -> SuperResolvedImage:
    return create_image(source, request.app.state.dbpool, request.app.state.store)


def _store(request: Request, source: UpscaledSource, database: DatabaseSettings) -> dict[str, Any]:
    image = _create(request, source)
    # The object first: an item is seen only when what it names is there.
    request.app.state.store.put_verified(image.key, image.cog, COG_MEDIA_TYPE)
    described: dict[str, Any] = image.item.to_dict(include_self_link=False, transform_hrefs=False)
    described["properties"]["created"] = datetime_to_str(datetime.now(UTC))
    with CatalogWriter(database) as writer:
        writer.load_collections([create_sr_collection().to_dict(include_self_link=False, transform_hrefs=False)])
        writer.load_items([described])
        writer.update_collections([COLLECTION_SR])
    return described
