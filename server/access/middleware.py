"""The door as a layer around the application: refusals, what a hidden collection looks like, what caches are told."""

from dataclasses import dataclass
from typing import Final

from starlette._utils import get_route_path
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.access.door import Admitted, Door
from server.access.errors import AccessError, refuse
from server.access.rules import renamed
from server.errors import DatabaseUnavailableError, error_response

VARY: Final = ("Authorization", "X-API-Key")
"""Headers by which answers differ."""

_NOBODY: Final = "~"  # begins no name of a private collection: the settings see to that


class AccessMiddleware:
    """Let through who may pass, with what they see written on the request (`request.state`)."""

    def __init__(self, app: ASGIApp, *, door: Door) -> None:
        self.app = app
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        told, request = _Told(varies=self.door.varies), Request(scope)
        try:
            admitted = await self.door.admit(request)
        except AccessError as error:
            await refuse(request, error)(scope, receive, told.by(send))
            return
        except DatabaseUnavailableError as error:
            await error_response(503, type(error).__name__, str(error))(scope, receive, told.by(send))
            return
        state = scope.setdefault("state", {})
        state["caller"], state["hidden"] = admitted.caller, admitted.hidden
        # Who holds a signed address is not known by it: all of them together are not one client.
        state["client_id"] = admitted.caller.name if admitted.caller.name != "signed" else None
        told = _Told(self.door.varies, admitted)
        if admitted.absent:
            route = get_route_path(scope)
            before = scope["path"].removesuffix(route)
            scope["path"] = before + renamed(route, _other(admitted.absent))
        await self.app(scope, receive, told.by(send))


@dataclass(frozen=True)
class _Told:
    """What a caller is told.

    A collection that is hidden must look as one that was never there, whatever the endpoint says of such: in the same
    words, by the same status, in the same time. So the application is asked for one that was never there, and what it
    says of its name is said of the name that was asked for. Both are equally long.
    """

    varies: bool
    """Whether answers depend on who asks."""
    admitted: Admitted | None = None
    """The request, None where it is refused."""

    def by(self, send: Send) -> Send:
        """Return the channel to the caller."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._mark(MutableHeaders(scope=message))
            if self.admitted and self.admitted.absent:
                _rename(message, _other(self.admitted.absent), self.admitted.absent)
            await send(message)

        return told

    def _mark(self, headers: MutableHeaders) -> None:
        for name in VARY if self.varies else ():
            headers.add_vary_header(name)
        if self.admitted and self.admitted.terms:
            headers.append("Link", f'<{self.admitted.terms}>; rel="license terms-of-service"')
        if self.admitted and self.admitted.private:
            rules = [rule.strip() for rule in headers.get("cache-control", "no-cache").split(",")]
            kept = [rule for rule in rules if rule != "public" and not rule.startswith("s-maxage")]
            headers["cache-control"] = ", ".join(["private", *(rule for rule in kept if rule != "private")])


def _other(name: str) -> str:
    return _NOBODY + name[1:]


def _rename(message: Message, old: str, new: str) -> None:
    before, after = old.encode(), new.encode()
    if "headers" in message:
        message["headers"] = [(name, value.replace(before, after)) for name, value in message["headers"]]
    if "body" in message:
        message["body"] = bytes(message["body"]).replace(before, after)
