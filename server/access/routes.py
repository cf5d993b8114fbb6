"""`/access`: signed addresses of assets, the terms and their acceptance."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import unquote, urlencode, urlsplit

from fastapi import APIRouter, FastAPI, Path, Query
from stac_fastapi.types.errors import NotFoundError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from catalog.keys import ObjectKey
from server.access.caller import caller_of, hidden_of
from server.access.door import Door
from server.access.errors import AccessError, refuse
from server.access.tables import ensure_tables
from server.access.terms import COOKIE
from server.stac.page import connect

_LONGEST = 2000
_ACCEPT = """
INSERT INTO worldstrat.accepted_terms (subject, terms) VALUES (%s, %s) ON CONFLICT DO NOTHING
"""
_UNSIGNABLE: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no such asset or collection, or the operator has set no secret to sign with."},
}
_NO_SECRET: dict[int | str, dict[str, Any]] = {404: {"description": "The operator has set no secret to sign with."}}
_ANSWER = {"Cache-Control": "private, no-store"}


def add_access(app: FastAPI, door: Door) -> None:
    """Add the endpoints."""
    app.state.door = door
    app.include_router(router)
    app.add_exception_handler(AccessError, refuse)


router = APIRouter(prefix="/access", tags=["Access"])


def _door(request: Request) -> Door:
    door: Door = request.app.state.door
    return door


@router.get("/sign", summary="Sign the address of an asset", responses=_UNSIGNABLE)
async def sign(
    request: Request,
    href: Annotated[str, Query(max_length=_LONGEST, description="`href` of an asset, as an item names it.")],
) -> JSONResponse:
    """Return an address by which anybody can read one asset for a while, as GDAL, QGIS or a browser do.

    Who asks has to see the asset: with a key or token for those of private collections, after accepting the terms where
    there are some. Only addresses of this server's assets and of its store are signed; none is fetched. Ask again when
    it has expired.
    """
    key = _key_of(request, href)
    await _check(request, key.split("/", 1)[0])
    return _signed(request, key, href=f"{request.base_url}assets/{key}")


@router.get("/token/{collection_id}", summary="Sign the addresses of all assets of a collection", responses=_UNSIGNABLE)
async def token(
    request: Request,
    collection_id: Annotated[str, Path(max_length=128, description="Collection, such as `worldstrat-spot`.")],
) -> JSONResponse:
    """Return parameters that, behind a `?`, make every asset address of a collection a signed one for a while."""
    await _check(request, collection_id)
    return _signed(request, f"{collection_id}/")


@router.get("/terms", summary="Read the terms of the assets")
async def read_terms(request: Request) -> JSONResponse:
    """Return the licence of each collection whose assets are given to those who have accepted it."""
    found = await _door(request).terms.read(request, hidden_of(request))
    terms = [{"collection": each.collection, "title": each.title, "license": each.license} for each in found]
    links = [
        {"rel": "license", "href": each.href, "type": "text/html", "title": f"{each.license}, of {each.collection}"}
        for each in found
        if each.href
    ]
    return JSONResponse({"terms": terms, "accept": f"POST {request.base_url}access/terms", "links": links})


@router.post("/terms", summary="Accept the terms of the assets", status_code=201, responses=_NO_SECRET)
async def accept_terms(request: Request) -> JSONResponse:
    """Accept all terms that `GET /access/terms` lists.

    With a key or token this is remembered for its holder. Without one the answer holds a token to be shown as header
    `Worldstrat-Terms`; browsers keep it as a cookie.
    """
    door, name = _door(request), caller_of(request).name
    if name is not None:
        await run_in_threadpool(_remember, request, name)
        return JSONResponse({"accepted": True, "by": name}, 201, _ANSWER)
    shown, expires = door.terms.create_token()
    answer = JSONResponse({"accepted": True, "token": shown, "expires": _moment(expires)}, 201, _ANSWER)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, shown, max_age=expires - int(time.time()), secure=secure, httponly=True, samesite="lax")
    return answer


def _remember(request: Request, name: str) -> None:
    with request.app.state.dbpool.connection() as connection:
        ensure_tables(connection)
        connection.execute(_ACCEPT, (name, _door(request).terms.digest))


async def _check(request: Request, collection: str) -> None:
    hidden = hidden_of(request)
    async with connect(request) as connection:
        known = await connection.fetchval("SELECT true FROM collections WHERE id = $1", collection)
    if not known or collection in hidden:
        raise NotFoundError(f"There is no collection {collection!r} with assets.")
    await _door(request).terms.check(request, caller_of(request), collection, hidden)


def _key_of(request: Request, href: str) -> str:
    """Return the key of an asset of ours.

    Raises:
        NotFoundError: the address is not that of one.
    """
    own = f"{request.base_url}assets/"
    parts = urlsplit(href)
    plain = f"{parts.scheme}://{parts.netloc}{parts.path}"
    key = unquote(plain.removeprefix(own)) if plain.startswith(own) else request.app.state.store.key(href)
    if key is None or ObjectKey.parse(key) is None:
        raise NotFoundError(f"{href[:200]!r} is not the address of an asset of this server.")
    return key


def _signed(request: Request, prefix: str, *, href: str | None = None) -> JSONResponse:
    door = _door(request)
    expires = int(time.time()) + door.settings.signed_seconds
    query = urlencode(door.signatures.query(prefix, expires))
    named = {"token": query} if href is None else {"href": f"{href}?{query}"}
    return JSONResponse({"msft:expiry": _moment(expires), **named}, headers=_ANSWER)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
