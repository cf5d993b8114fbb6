"""The public keys of an issuer of tokens: fetched from the one address that the operator named."""

import asyncio
import json
import time
import urllib.request
from typing import Any, Final, NoReturn
from urllib.error import HTTPError, URLError

from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError
from starlette.concurrency import run_in_threadpool

from server.access.errors import CredentialsError, IssuerUnavailableError

TIMEOUT: Final = 5.0
"""Seconds that the issuer has to answer."""
MOST_BYTES: Final = 1_048_576
"""Of its answer."""
REFRESH_FLOOR: Final = 30.0
"""Seconds between two questions on account of keys that nobody knows: a stranger can invent any number of them."""
_KINDS: Final = frozenset({"RSA", "EC", "OKP"})
RETRY_FLOOR: Final = 5.0
"""Seconds before an issuer that did not answer is asked again."""


class IssuerKeys:
    """Keys by their ids, believed for a while, asked for again when one is unknown."""

    def __init__(self, url: str, seconds: float) -> None:
        """Know nothing yet.

        Args:
            url: address of the keys.
            seconds: for how long they are believed.
        """
        self._url = url
        self._seconds = seconds
        self._keys: dict[str, PyJWK] = {}
        self._fetched = self._failed = -float("inf")
        self._turn = asyncio.Lock()

    async def get(self, key_id: str) -> PyJWK:
        """Return the key of an id.

        Raises:
            CredentialsError: the issuer has none of this id.
            IssuerUnavailableError: it does not answer.
        """
        if self._is_fresh() and key_id in self._keys:
            return self._keys[key_id]
        async with self._turn:  # whoever waited here finds what the one before fetched
            if not self._is_fresh() or (key_id not in self._keys and self._age() > REFRESH_FLOOR):
                await self._refresh()
        if key_id not in self._keys:
            raise CredentialsError("The token is signed by a key that its issuer does not publish.", shown=True)
        return self._keys[key_id]

    def _age(self) -> float:
        return time.monotonic() - self._fetched

    def _is_fresh(self) -> bool:
        return self._age() < self._seconds

    async def _refresh(self) -> None:
        if time.monotonic() - self._failed < RETRY_FLOOR:
            _unavailable()
        try:
            document = await run_in_threadpool(_fetch, self._url)
            found = PyJWKSet.from_dict(document)
        except (OSError, ValueError, PyJWTError, AttributeError, TypeError) as error:
            self._failed = time.monotonic()
            _unavailable(error)
        # A key for secrets, or one that both sides share, checks no signature.
        usable = [key for key in found.keys if key.key_type in _KINDS and key.public_key_use in {None, "sig"}]
        self._keys = {key.key_id: key for key in usable if key.key_id}
        self._fetched = time.monotonic()


def _unavailable(cause: Exception | None = None) -> NoReturn:
    raise IssuerUnavailableError(
        "The issuer of tokens does not answer, so none can be checked. Try again in a moment, or without the token."
    ) from cause


class _Unredirected(urllib.request.HTTPRedirectHandler):
    """Goes nowhere but where the operator said."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Refuse; urllib then raises the answer as an error."""


_OPENER: Final = urllib.request.build_opener(_Unredirected)


def _fetch(url: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - settings take http(s)
    try:
        with _OPENER.open(request, timeout=TIMEOUT) as answer:
            body: bytes = answer.read(MOST_BYTES + 1)
    except HTTPError as error:
        error.close()
        raise
    if len(body) > MOST_BYTES:
        raise URLError(f"more than {MOST_BYTES} bytes of keys")
    document: dict[str, Any] = json.loads(body)
    return document
