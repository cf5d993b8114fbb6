"""What browsers are told with every answer: who may read it, and what it may do."""

import re

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.settings import ServerSettings

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    # Tiles and assets are there to be used by other pages.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""Of every answer."""
PAGE = {
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Pages that run scripts bring a policy of their own.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
}
"""Of web pages, beside that."""
PART = {"X-Frame-Options": "SAMEORIGIN"}
"""Of scripts and styles, beside that: a policy would bind a worker that is made of one."""
DATA = {
    "X-Frame-Options": "DENY",
    # An SVG or a stranger's file that is opened by itself runs nothing and loads nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
}
"""Of everything else, beside that."""
EXPOSED = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "ETag",
    "Last-Modified",
    "Link",
    "OGC-NumberMatched",
    "OGC-NumberReturned",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Worldstrat-Next-Token",
    "X-Request-ID",
)
"""Headers that scripts of other origins may read."""
PREFLIGHT_SECONDS = 3600
"""How long a browser remembers that it may ask."""
_PARTS = re.compile("javascript|text/css")


def create_headers(settings: ServerSettings) -> list[Middleware]:
    """Return what sets the headers, the outermost first."""
    return [
        Middleware(SecurityHeadersMiddleware, hsts_seconds=settings.hsts_seconds),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            # Cookies never count here: whoever may do more shows a token, which no browser sends by itself.
            allow_credentials=False,
            allow_methods=["GET", "HEAD", "POST", "OPTIONS"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
            max_age=PREFLIGHT_SECONDS,
        ),
    ]


def security_headers(media_type: str, scheme: str, hsts_seconds: int = 0) -> dict[str, str]:
    """Return the headers of an answer.

    Args:
        media_type: what the answer is.
        scheme: how the client reached us; browsers ignore HSTS over plain HTTP, and caches might keep it.
        hsts_seconds: how long browsers shall ask by TLS only; 0 says nothing.
    """
    kind = PAGE if media_type.startswith("text/html") else PART if _PARTS.search(media_type) else DATA
    hsts = {"Strict-Transport-Security": f"max-age={hsts_seconds}"} if scheme == "https" and hsts_seconds else {}
    return ALWAYS | kind | hsts


class SecurityHeadersMiddleware:
    """Add the headers that an answer has not set itself."""

    def __init__(self, app: ASGIApp, *, hsts_seconds: int) -> None:
        """Wrap an application; see `security_headers`."""
        self.app = app
        self.hsts_seconds = hsts_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; mark its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                media_type = headers.get("content-type", "")
                for name, value in security_headers(media_type, scope["scheme"], self.hsts_seconds).items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_marked)
