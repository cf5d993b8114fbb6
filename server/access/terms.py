"""Terms of a licence that have to be accepted once before assets are given."""

import hashlib
import time
from dataclasses import dataclass
from typing import Final

import asyncpg
from starlette.requests import Request

from server.access.caller import Caller
from server.access.errors import TermsError
from server.access.remembered import Remembered
from server.access.settings import AccessSettings
from server.access.signatures import Signatures

HEADER: Final = "worldstrat-terms"
COOKIE: Final = "worldstrat_terms"
"""Where the token of an acceptance is shown: by programs and by browsers."""
REMEMBERED_SECONDS: Final = 300.0
"""How long it is believed that a caller has accepted."""

_DAY: Final = 86_400
_ACCEPTED: Final = "SELECT true FROM worldstrat.accepted_terms WHERE subject = $1 AND terms = $2"
_TERMS: Final = """
SELECT id, content->>'title', content->>'license', (
    SELECT link->>'href' FROM jsonb_array_elements(content->'links') AS link WHERE link->>'rel' = 'license' LIMIT 1
) FROM collections WHERE id = ANY($1) ORDER BY id
"""


@dataclass(frozen=True)
class CollectionTerms:
    """The licence of one collection."""

    collection: str
    """Its id."""
    title: str | None
    """Its title."""
    license: str | None
    """SPDX name of the licence."""
    href: str | None
    """Where the licence can be read."""


class Terms:
    """What has been accepted, and by whom."""

    def __init__(self, settings: AccessSettings, signatures: Signatures) -> None:
        self._settings = settings
        self._signatures = signatures
        self._accepted: Remembered[tuple[str, str], bool] = Remembered(10_000)

    @property
    def digest(self) -> str:
        """What tells these terms from others: who accepted those for some collections has not accepted more."""
        return hashlib.sha256("\n".join(sorted(self._settings.terms_collections)).encode()).hexdigest()[:32]

    def bind(self, collection: str | None) -> bool:
        """Tell whether the assets of a collection take an acceptance."""
        return collection in self._settings.terms_collections

    async def check(self, request: Request, caller: Caller, collection: str | None, hidden: frozenset[str]) -> None:
        """Let those have an asset who accepted its terms; of what is hidden nothing is said.

        Raises:
            TermsError: they have not.
            DatabaseUnavailableError: nobody can say.
        """
        if not self.bind(collection) or collection in hidden or self._is_shown(request):
            return
        if caller.name is None or not await self._is_stored(request, caller.name):
            address = self.address(request)
            raise TermsError(
                f"Assets of {collection!r} are given to those who have accepted its terms, once: see {address}", address
            )

    def address(self, request: Request) -> str:
        """Return where the terms can be read."""
        return f"{request.base_url}access/terms"

    def create_token(self) -> tuple[str, int]:
        """Return what shows that somebody accepted, and until when it is good, in seconds since 1970.

        Raises:
            UnsignableError: there is no secret to sign with.
        """
        expires = int(time.time()) + self._settings.terms_days * _DAY
        return f"{expires}.{self._signatures.sign('terms', self.digest, str(expires))}", expires

    async def read(self, request: Request, hidden: frozenset[str]) -> list[CollectionTerms]:
        """Return the terms, of what is not hidden."""
        asked = sorted(frozenset(self._settings.terms_collections) - hidden)
        async with request.app.state.get_connection(request, "r") as connection:
            return [CollectionTerms(*row) for row in await connection.fetch(_TERMS, asked)]

    def _is_shown(self, request: Request) -> bool:
        token = request.headers.get(HEADER) or request.cookies.get(COOKIE, "")
        expires, _, signature = token.partition(".")
        return self._signatures.is_ours(signature, "terms", self.digest, expires) and int(expires) > time.time()

    async def _is_stored(self, request: Request, name: str) -> bool:
        known = self._accepted.get((name, self.digest))
        if known:
            return True
        async with request.app.state.get_connection(request, "r") as connection:
            try:
                stored = bool(await connection.fetchval(_ACCEPTED, name, self.digest))
            except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
                stored = False  # nobody ever accepted anything
        if stored:
            self._accepted.keep((name, self.digest), value=True, seconds=REMEMBERED_SECONDS)
        return stored
