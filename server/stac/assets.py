"""`/assets/{key}`: any object that the catalog names, streamed with ranges or by a signed URL."""

import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any

import obstore
from fastapi import APIRouter
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from catalog.errors import CorruptObjectError, ObjectNotFoundError, ObjectStoreError
from catalog.keys import MEDIA_TYPES, ObjectKey
from server.observe.store import store_request
from server.settings import ServerSettings
from server.stac.ranges import ByteRange, http_date, is_not_modified, parse_range, range_still_applies, strong_etag
from server.store import ServedStore

Piece = bytes | memoryview

CHUNK = 1_048_576
"""Most bytes of a request that are in memory at once; what is not longer goes out in one piece."""
IMMUTABLE = "public, max-age=31536000, immutable"
"""What caches are told of an object whose key holds its hash: no other bytes will ever be there."""
# A key without a hash comes from an older ingest, which could replace its object: caches ask after a minute.
REPLACEABLE = "public, max-age=60, must-revalidate"

_CONDITIONS = frozenset({"if-none-match", "if-modified-since", "if-range"})
_DESCRIPTION = (
    "Any asset of the catalog by its key, as the `href` of an item names it. Answers one HTTP range (`bytes=0-99`, "
    "`bytes=-100`), so that GDAL and rasterio read the parts of a Cloud-Optimized GeoTIFF that they need. The key "
    "holds a hash of the object, so what a URL answers never changes, and caches may keep it."
)


def assets_router(settings: ServerSettings) -> APIRouter:
    """Return the routes of the assets."""
    router = APIRouter(tags=["Assets"])
    responses: dict[int | str, dict[str, Any]] = {
        200: {"content": {media_type: {} for media_type in MEDIA_TYPES.values()}},
        206: {"description": "The range that was asked for."},
        304: {"description": "The client's copy is still good."},
        307: {"description": "A signed URL of the object, where the server is set to redirect."},
        404: {"description": "The catalog names no such asset."},
        416: {"description": "The range lies beyond the object."},
    }

    @router.head("/assets/{key:path}", include_in_schema=False)
    @router.get(
        "/assets/{key:path}",
        response_class=Response,
        responses=responses,
        summary="Get an asset, whole or a range of it",
        description=_DESCRIPTION,
        operation_id="get_asset",
    )
    async def get_asset(request: Request, key: str) -> Response:
        parsed = check_key(key)
        store: ServedStore = request.app.state.store
        if settings.assets_redirect and isinstance(store.raw, S3Store):
            return await _redirect(store.raw, key, request.method, settings.asset_url_seconds)
        return await _Answer(store, key, request, parsed.hash).make()

    return router


def check_key(key: str) -> ObjectKey:
    """Refuse a key that the catalog could not have written: the store is asked for no other.

    Raises:
        ObjectNotFoundError: it is not `collection/place/hash/file` (or, of older ingests, without the hash) with plain
            names and a suffix that the collection has.
    """
    parsed = ObjectKey.parse(key)
    if parsed is None:
        raise ObjectNotFoundError(f"The catalog names no asset {key!r}.")
    return parsed


class _Answer:
    """One request for one object of the store."""

    def __init__(self, store: ServedStore, key: str, request: Request, checksum: str | None) -> None:
        self.store = store
        self.key = key
        self.checksum = checksum  # first digits of the SHA-256 of a whole object that never changes
        self.head = request.method == "HEAD"
        self.headers = request.headers

    async def make(self) -> Response:
        """Return the object, a part of it, or what a condition makes of it."""
        asked = parse_range(self.headers.get("range"))
        if self.head or not _CONDITIONS.isdisjoint(self.headers):
            meta = await self._ask(lambda: obstore.head_async(self.store.raw, self.key))
            if self._is_not_modified(meta):
                return Response(status_code=304, headers=self._headers(meta))
            if self.head:
                return Response(headers={**self._headers(meta), "Content-Length": str(meta["size"])})
            if not range_still_applies(strong_etag(meta["e_tag"]), meta["last_modified"], self.headers.get("if-range")):
                asked = None
        return await (self._whole() if asked is None else self._part(asked))

    async def _whole(self) -> Response:
        result = await self._ask(lambda: obstore.get_async(self.store.raw, self.key))
        return await self._send(result, 200, {})

    async def _part(self, asked: ByteRange) -> Response:
        """Return a range with one request to the store; only where that fails is the size asked for."""
        options: Any = {"range": asked.option()}
        try:
            result = await self._ask(lambda: obstore.get_async(self.store.raw, self.key, options=options), counts=False)
        except ObjectNotFoundError:
            raise
        except ObjectStoreError:
            meta = await self._ask(lambda: obstore.head_async(self.store.raw, self.key))
            if asked.is_within(meta["size"]):
                raise
            return self._beyond(meta)
        start, stop = result.range
        if start == stop:
            return self._beyond(result.meta)
        return await self._send(result, 206, {"Content-Range": f"bytes {start}-{stop - 1}/{result.meta['size']}"})

    async def _send(self, result: Any, status: int, headers: dict[str, str]) -> Response:
        start, stop = result.range
        headers |= {**self._headers(result.meta), "Content-Length": str(stop - start)}
        whole = status == HTTPStatus.OK
        if stop - start <= CHUNK:
            content = memoryview(await self._ask(result.bytes_async))
            if whole:
                self._check(hashlib.sha256(content))
            return Response(content, status, headers)
        local = self.checksum and isinstance(self.store.raw, LocalStore)
        pieces = self._pieces(start, stop) if local else _chunks(result)
        return StreamingResponse(self._checked(pieces) if whole else pieces, status, headers)

    async def _pieces(self, start: int, stop: int) -> AsyncIterator[memoryview]:
        """Yield a file by ranges: as a stream obstore reads 8 kB at a time, each in a thread of its own."""
        for at in range(start, stop, CHUNK):
            end = min(at + CHUNK, stop)
            yield memoryview(await obstore.get_range_async(self.store.raw, self.key, start=at, end=end))

    async def _checked(self, pieces: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
        """Yield the pieces of a whole object, the last only if all are what was put there: else the client lacks it."""
        digest, last = hashlib.sha256(), None
        async for piece in pieces:
            if last is not None:
                yield last
            digest.update(piece)
            last = piece
        self._check(digest)
        if last is not None:
            yield last

    def _check(self, digest: "hashlib._Hash") -> None:
        if self.checksum and not digest.hexdigest().startswith(self.checksum):
            raise CorruptObjectError(
                f"The store holds other bytes than {self.key!r} had; `worldstrat verify` mends it."
            )

    def _beyond(self, meta: Any) -> Response:
        return Response(status_code=416, headers={**self._headers(meta), "Content-Range": f"bytes */{meta['size']}"})

    def _is_not_modified(self, meta: Any) -> bool:
        return is_not_modified(
            strong_etag(meta["e_tag"]),
            meta["last_modified"],
            self.headers.get("if-none-match"),
            self.headers.get("if-modified-since"),
        )

    def _headers(self, meta: Any) -> dict[str, str]:
        etag = strong_etag(meta["e_tag"])
        return {
            "Content-Type": MEDIA_TYPES[PurePosixPath(self.key).suffix],
            "Accept-Ranges": "bytes",
            "Last-Modified": http_date(meta["last_modified"]),
            "Cache-Control": IMMUTABLE if self.checksum else REPLACEABLE,
            **({"ETag": etag} if etag else {}),
        }

    async def _ask(self, ask: Callable[[], Any], *, counts: bool = True) -> Any:
        with self.store.breaker.passing(counts=counts), store_request("asset"):
            try:
                return await ask()
            except FileNotFoundError as error:
                raise ObjectNotFoundError(f"The store has no asset {self.key!r}.") from error
            except (BaseError, OSError) as error:
                raise ObjectStoreError("The object store does not answer. Try again in a moment.") from error


async def _chunks(result: Any) -> AsyncIterator[bytes]:
    async for chunk in result.stream(min_chunk_size=CHUNK):
        yield bytes(chunk)


async def _redirect(store: S3Store, key: str, method: str, seconds: int) -> Response:
    url = await obstore.sign_async(store, "HEAD" if method == "HEAD" else "GET", key, timedelta(seconds=seconds))
    # Kept for half its life, so that nobody follows a URL that is about to expire.
    return RedirectResponse(url, 307, {"Cache-Control": f"private, max-age={seconds // 2}"})
