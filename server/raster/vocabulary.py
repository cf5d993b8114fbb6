"""Endpoints that list what can be asked for by name: spectral indices, and the renders of a collection."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Path, Query
from starlette.requests import Request
from titiler.core.resources.responses import JSONResponse

from catalog.constants import COLLECTIONS
from server.raster.digest import DigestRoute
from server.raster.errors import CollectionNotFoundError
from server.raster.indices import SpectralIndex, find_index, spectral_indices
from server.raster.source import sources_of

INDICES_PATH = "/raster/indices"
RENDERS_PATH = "/raster/collections/{collection_id}/renders"

Domain = Literal["vegetation", "water", "burn", "snow", "soil", "urban", "kernel"]
"""What an index is for."""
CollectionId = Annotated[str, Path(description="Collection, such as `worldstrat-sentinel-2-l2a`.")]


def add_vocabulary(app: FastAPI) -> None:
    """Add the endpoints."""
    router = APIRouter(route_class=DigestRoute, default_response_class=JSONResponse)
    wrong = {400: {"description": "There is no such index."}, 404: {"description": "There is no such collection."}}
    router.get(INDICES_PATH, summary="List spectral indices", tags=["Indices"])(list_indices)
    router.get(
        f"{INDICES_PATH}/{{name}}", summary="Describe a spectral index", tags=["Indices"], responses={400: wrong[400]}
    )(get_index)
    router.get(
        RENDERS_PATH,
        summary="List the renders of a collection",
        tags=["Tiles of a collection"],
        responses={404: wrong[404]},
    )(list_collection_renders)
    app.include_router(router)


def list_indices(
    collection: Annotated[
        Literal[COLLECTIONS] | None,  # type: ignore[valid-type]
        Query(description="Only indices whose bands this collection has."),
    ] = None,
    domain: Annotated[Domain | None, Query(description="Only indices for this.")] = None,
) -> dict[str, Any]:
    """List the indices that `index` takes: formula, bands, the same as an `expression`, range and colours of pictures.

    The formulas are those of the Awesome Spectral Indices list, as spyndex carries it; its constants have their
    defaults.
    """
    found = [
        index
        for index in spectral_indices().values()
        if (not collection or collection in index.expressions) and (not domain or index.domain == domain)
    ]
    return {"matched": len(found), "indices": [_describe(index) for index in found]}


def get_index(name: Annotated[str, Path(description="Short name in any case, such as `NDVI`.")]) -> dict[str, Any]:
    """Describe one index."""
    return _describe(find_index(name))


def list_collection_renders(request: Request, collection_id: CollectionId) -> dict[str, Any]:
    """List the pictures that a collection stores by name: what `render` takes, how each is made, tiles and legend."""
    renders = sources_of(request).records.renders(collection_id)
    if not renders:
        raise CollectionNotFoundError(f"There is no collection {collection_id!r} that stores renders.")
    base = f"{str(request.base_url).rstrip('/')}/raster/collections/{quote(collection_id)}"
    return {
        "default": next(iter(renders)),
        "renders": {name: {**render, **_links(base, name)} for name, render in renders.items()},
    }


def _links(base: str, render: str) -> dict[str, str]:
    query = f"render={quote(render)}"
    return {
        "tiles": f"{base}/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}?{query}",
        "tilejson": f"{base}/WebMercatorQuad/tilejson.json?{query}",
        "legend": f"{base}/legend.png?{query}",
    }


def _describe(index: SpectralIndex) -> dict[str, Any]:
    return {
        "name": index.name,
        "long_name": index.long_name,
        "domain": index.domain,
        "formula": index.formula,
        "constants": dict(index.constants),
        "bands": index.bands,
        "collections": {name: {"expression": text} for name, text in index.expressions.items()},
        "missing": {name: list(bands) for name, bands in index.missing.items()},
        "rescale": index.rescale,
        "colormap_name": index.colormap_name,
        "reference": index.reference,
    }
