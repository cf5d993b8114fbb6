"""The keys of the database as the door asks for them: each at most every few seconds."""

import asyncpg
from starlette.requests import Request

from server.access.caller import Caller
from server.access.errors import CredentialsError
from server.access.keys import ShownKey, StoredKey
from server.access.remembered import Remembered
from server.access.tables import COLUMNS, stored

KEY_SECONDS = 15.0
"""How long a key is believed, and so works after it was removed."""
ABSENT_SECONDS = 5.0
"""How long it is believed that there is none of an id."""
MOST_KEYS = 10_000
"""Keys, and ids that are none, in memory."""

_FIND = f"SELECT {COLUMNS} FROM worldstrat.api_keys WHERE id = $1"  # noqa: S608 - a constant


class KeyRing:
    """Keys by their ids."""

    def __init__(self) -> None:
        self._known: Remembered[str, StoredKey | None] = Remembered(MOST_KEYS)

    async def caller(self, request: Request, shown: ShownKey) -> Caller:
        """Return who shows a key.

        Args:
            request: gives the database.
            shown: what was shown.

        Raises:
            CredentialsError: it is not good, or not any more.
            DatabaseUnavailableError: nobody can say.
        """
        known = self._known.get(shown.id)
        key = known[0] if known else await self._load(request, shown.id)
        if key is None or not key.fits(shown):
            raise CredentialsError("The server knows no such API key.", shown=True)
        if key.is_expired:
            raise CredentialsError("The API key has expired.", shown=True)
        return key.caller

    async def _load(self, request: Request, key_id: str) -> StoredKey | None:
        async with request.app.state.get_connection(request, "r") as connection:
            try:
                row = await connection.fetchrow(_FIND, key_id)
            except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
                row = None  # no key was ever added
        key = stored(row) if row else None
        self._known.keep(key_id, key, KEY_SECONDS if key else ABSENT_SECONDS)
        return key
