"""The door: who asks, whether they may, and what does not exist for them. Every request passes here, and only here."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr
from starlette._utils import get_route_path
from starlette.requests import Request

from catalog.errors import SettingsError
from server.access.caller import ANYBODY, SNAPSHOT, WRITE, Caller, hidden_from
from server.access.errors import CredentialsError, ScopeError
from server.access.key_ring import KeyRing
from server.access.keys import ShownKey
from server.access.rules import collection_named_by, need_of, scope_of
from server.access.settings import AccessSettings
from server.access.signatures import SIGNATURE, Signatures
from server.access.terms import Terms
from server.access.tokens import Tokens

KEY_HEADER: Final = "x-api-key"
ASSETS: Final = "/assets/"
METRICS: Final = "/metrics"


@dataclass(frozen=True)
class Admitted:
    """A request that may go on."""

    caller: Caller
    """Who sent it."""
    hidden: frozenset[str]
    """Collections that do not exist for it."""
    absent: str | None = None
    """The collection that it names and that does not exist for it."""
    private: bool = False
    """Whether others would get another answer, so that no cache may share it."""
    terms: str | None = None
    """Where the terms are by which the answer is given."""


class Door:
    """What the operator decided, at work."""

    def __init__(self, settings: AccessSettings, secret: SecretStr | None) -> None:
        """Ask nobody yet: neither the database nor the issuer of tokens.

        Args:
            settings: what the operator decided.
            secret: by which addresses and acceptances are signed; None where nothing can be.

        Raises:
            SettingsError: the settings need a secret.
        """
        if settings.terms_collections and secret is None:
            raise SettingsError(
                "WORLDSTRAT_TERMS_COLLECTIONS needs WORLDSTRAT_SIGNING_SECRET, by which acceptances are signed."
            )
        self.settings = settings
        self.signatures = Signatures(secret)
        self.terms = Terms(settings, self.signatures)
        self._keys = KeyRing()
        self._tokens = Tokens(settings) if settings.oidc_issuer else None

    @property
    def varies(self) -> bool:
        """Whether answers depend on who asks."""
        return bool(self.settings.private_collections) or self.settings.access_read == "token"

    async def admit(self, request: Request) -> Admitted:
        """Return what a request may see.

        Raises:
            AccessError: it may not go on.
            DatabaseUnavailableError: nobody can say whether it may.
        """
        path = get_route_path(request.scope)
        key = path.removeprefix(ASSETS) if path.startswith(ASSETS) and request.method in {"GET", "HEAD"} else None
        if key is not None and SIGNATURE in request.query_params:
            self.signatures.check(key, request.query_params)
            return self._signed(path)
        # The counters have a token of their own.
        caller = ANYBODY if path == METRICS else await self.identify(request)
        hidden = hidden_from(caller, self.settings.private_collections)
        scope = scope_of(need_of(request.method, path), self.settings, hidden)
        if scope is not None and scope not in caller.scopes:
            raise _lacks(scope, caller)
        collection = collection_named_by(path)
        if key is not None:
            await self.terms.check(request, caller, collection, hidden)
        # A snapshot of a public collection holds links into hidden ones.
        gone = collection in hidden or (bool(hidden) and key is not None and key.endswith(SNAPSHOT))
        private = (self.varies and caller is not ANYBODY) or self.terms.bind(collection)
        terms = self.terms.address(request) if key is not None and self.terms.bind(collection) and not gone else None
        return Admitted(caller, hidden, collection if gone else None, private, terms)

    async def identify(self, request: Request) -> Caller:
        """Return who sent a request.

        Raises:
            CredentialsError: what was shown is not good.
            IssuerUnavailableError: nobody can say whether it is.
            DatabaseUnavailableError: the same.
        """
        shown = credentials_of(request.headers)
        if shown is None:
            return ANYBODY
        own = self.settings.sr_write_token
        if own and secrets.compare_digest(shown.encode(), own.get_secret_value().encode()):
            return Caller("token:sr-write", frozenset({WRITE}))
        if key := ShownKey.parse(shown):
            return await self._keys.caller(request, key)
        if self._tokens is None:
            raise CredentialsError("The server knows no such API key.", shown=True)
        return await self._tokens.caller(shown)

    def _signed(self, path: str) -> Admitted:
        """Admit an address that was signed for whoever might see its collection, and nothing else."""
        own = collection_named_by(path)
        hidden = frozenset(self.settings.private_collections) - {own}
        return Admitted(Caller("signed"), hidden, private=True)


def credentials_of(headers: Mapping[str, str]) -> str | None:
    """Return the key or token of a request; what other schemes say is meant for somebody else, such as a proxy."""
    scheme, _, shown = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and shown.strip():
        return shown.strip()
    return headers.get(KEY_HEADER, "").strip() or None


def _lacks(scope: str, caller: Caller) -> ScopeError | CredentialsError:
    if caller is ANYBODY:
        return CredentialsError(f"This needs a key or token with the scope {scope!r}.")
    return ScopeError(scope, caller.name)
