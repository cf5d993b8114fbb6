"""Small answers that a browser may keep: a strong ETag of their bytes, and 304."""

import hashlib

from starlette.requests import Request
from starlette.responses import Response

from server.raster.guards import Handler, RasterRoute

CACHE_CONTROL = "public, max-age=600"
"""Ten minutes without a question."""


class DigestRoute(RasterRoute):
    """A route whose answer is made anyway, and sent only where the caller does not have it."""

    def get_route_handler(self) -> Handler:
        """Return the handler with the ETag around it."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            response = await answer(request)
            etag = f'"{hashlib.sha256(response.body).hexdigest()[:32]}"'
            known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
            headers = {"ETag": etag, "Cache-Control": CACHE_CONTROL}
            if etag in known:
                return Response(status_code=304, headers=headers)
            response.headers.update(headers)
            return response

        return handle
