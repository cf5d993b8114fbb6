"""Why somebody may not do something; the door answers them, in the words of `server.errors`."""

from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from server.errors import ServerError, error_response


class AccessError(ServerError):
    """Base of the refusals."""

    status: ClassVar[int] = 403
    """HTTP status of the answer."""

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer."""
        return {}


class CredentialsError(AccessError):
    """A key or a token is needed, or the one that was shown is not good."""

    status = 401

    def __init__(self, message: str, *, shown: bool = False) -> None:
        super().__init__(message)
        self._shown = shown

    @property
    def headers(self) -> dict[str, str]:
        """How to ask again, as RFC 6750 wants it said."""
        wrong = ', error="invalid_token"' if self._shown else ""
        return {"WWW-Authenticate": f'Bearer realm="worldstrat"{wrong}'}


class ScopeError(AccessError):
    """The key or token is good, but not for this."""

    def __init__(self, scope: str, name: str | None) -> None:
        super().__init__(f"This needs the scope {scope!r}, which {name!r} does not have.")
        self._scope = scope

    @property
    def headers(self) -> dict[str, str]:
        """Which scope lacks."""
        return {"WWW-Authenticate": f'Bearer realm="worldstrat", error="insufficient_scope", scope="{self._scope}"'}


class SignatureError(AccessError):
    """A signed address has expired, or was not signed here or not for this."""


class TermsError(AccessError):
    """The terms of a collection have not been accepted."""

    def __init__(self, message: str, address: str) -> None:
        super().__init__(message)
        self._address = address

    @property
    def headers(self) -> dict[str, str]:
        """Where the terms are."""
        return {"Link": f'<{self._address}>; rel="terms-of-service"'}


class IssuerUnavailableError(AccessError):
    """The issuer of tokens does not answer, so that nobody can tell whether one is good."""

    status = 503


class UnsignableError(AccessError):
    """The operator has set no secret to sign with."""

    status = 404


class UnclassifiedRouteError(ServerError):
    """An endpoint stands in no line of the table of rules."""


def refuse(_: Request, error: Exception) -> Response:
    """Return the answer to who may not do something."""
    if not isinstance(error, AccessError):
        raise error
    return error_response(error.status, type(error).__name__, str(error), error.headers)
