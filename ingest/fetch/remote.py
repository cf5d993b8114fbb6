"""A server of files: what it says of one, and its bytes; what goes wrong is told apart by what helps."""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Final, Self
from urllib.parse import quote

import httpx

from ingest.errors import FetchError
from ingest.fetch.turns import Turns, UnansweredError

_TIMEOUT: Final = httpx.Timeout(30.0, pool=None)
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_LATER: Final = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
"""Answers after which the same request may do."""


class ChangedError(Exception):
    """The server's file is not, or no longer, the one that the download began with."""


class RangeError(Exception):
    """The server sent other bytes than were asked for."""


@dataclass(frozen=True)
class Offer:
    """What a server says of a file."""

    size: int | None
    """Its bytes; None where it does not say."""
    validator: str | None
    """What it knows this state of the file by: a strong ETag, else its date."""
    ranges: bool
    """Whether it gives parts of it."""


class Remote:
    """A folder of files on a server."""

    def __init__(self, url: str, turns: Turns) -> None:
        self._url = url.rstrip("/")
        self._turns = turns
        self._client = httpx.AsyncClient(
            timeout=_TIMEOUT,
            follow_redirects=True,
            # Turns limit the requests; a pool of as many loses a place with a request cancelled at its start.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=turns.count),
            headers={"User-Agent": f"worldstrat/{version('worldstrat')}", "Accept-Encoding": "identity"},
        )

    @property
    def connections(self) -> int:
        """Requests that may be under way at once."""
        return self._turns.count

    async def __aenter__(self) -> Self:
        """Return the folder itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def offer(self, name: str, rank: int) -> Offer:
        """Ask for one byte of a file, to learn what the server says of it.

        Raises:
            FetchError: it has no such file, or refuses.
            UnansweredError: it does not answer now.
        """
        async with self._get(name, rank, {"Range": "bytes=0-0"}) as answer:
            validator = _validator(answer.headers)
            spanned = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if answer.status_code == HTTPStatus.PARTIAL_CONTENT:
                return Offer(int(spanned[3]) if spanned else None, validator, spanned is not None)
            length = answer.headers.get("Content-Length")
            return Offer(int(length) if length else None, validator, ranges=False)

    async def read(self, name: str, rank: int) -> AsyncGenerator[bytes, None]:
        """Yield a whole file.

        Raises:
            FetchError: the server has no such file, or refuses.
            UnansweredError: it does not answer, or not to the end.
        """
        async with self._get(name, rank, {}) as answer:
            async for data in answer.aiter_raw():
                yield data

    async def read_span(self, name: str, rank: int, span: tuple[int, int], offer: Offer) -> AsyncGenerator[bytes, None]:
        """Yield bytes of a file, `span` from first to last; perhaps more, perhaps fewer.

        Raises:
            FetchError: the server has no such file, or refuses.
            UnansweredError: it does not answer, or not to the end.
            ChangedError: it offers another file now.
            RangeError: it sends other bytes.
        """
        headers = {"Range": f"bytes={span[0]}-{span[1]}"}
        if offer.validator is not None:
            headers["If-Range"] = offer.validator
        async with self._get(name, rank, headers) as answer:
            if answer.status_code != HTTPStatus.PARTIAL_CONTENT or _validator(answer.headers) != offer.validator:
                raise ChangedError
            spanned = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if not spanned or int(spanned[1]) != span[0] or int(spanned[3]) != offer.size:
                raise RangeError
            async for data in answer.aiter_raw():
                yield data

    @asynccontextmanager
    async def _get(self, name: str, rank: int, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
        url = f"{self._url}/{quote(name)}"
        async with self._turns.turn(rank):
            try:
                async with self._client.stream("GET", url, headers=headers) as answer:
                    _check(answer)
                    yield answer
            except httpx.TooManyRedirects as error:
                raise FetchError(
                    f"{httpx.URL(url).host} sends {name} round in circles. --base-url names a mirror."
                ) from error
            except (httpx.TransportError, httpx.StreamError) as error:
                reason = str(error) or type(error).__name__
                raise UnansweredError(f"the connection to {httpx.URL(url).host} failed ({reason})") from error


def _check(answer: httpx.Response) -> None:
    status = answer.status_code
    if status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
        return
    # Mirrors may want a login, and redirect to signed addresses.
    said = f"{answer.url.copy_with(userinfo=b'', query=None)} answers {status} {answer.reason_phrase}".rstrip()
    if status in _LATER:
        raise UnansweredError(said, _seconds(answer.headers.get("Retry-After")))
    raise FetchError(f"{said}. --base-url names a mirror that has the file.")


def _validator(headers: httpx.Headers) -> str | None:
    etag: str | None = headers.get("ETag")
    modified: str | None = headers.get("Last-Modified")
    return etag if etag and not etag.startswith("W/") else modified


def _seconds(retry_after: str | None) -> float | None:
    """Return what Retry-After asks for: it gives seconds, or a date."""
    if retry_after is None:
        return None
    try:
        if retry_after.isdigit():
            return float(retry_after)
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
