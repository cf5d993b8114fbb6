"""Signed addresses of a server's assets, for whatever reads them; a modifier of pystac-client.

With an API key (`client.key`) they are signed by the server, with one question for a collection. Without one they are
those of its store, where the server redirects to it; of a server that streams its objects they stay as they are.
"""

import os
import threading
import time
import weakref
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pystac

from catalog.keys import ObjectKey
from client.errors import ServerError
from client.key import api_key, headers_for

MARGIN: Final = 60.0
"""Seconds before its end at which a signed address is replaced; half its life where that is shorter."""
MOST_KEPT: Final = 50_000
"""Addresses in memory; the oldest go first."""
_STREAMING: Final = 300.0
"""Seconds for which a server that streamed is taken to stream everything."""
_AT_ONCE: Final = 8
_ASSETS: Final = "/assets/"
_SIGNATURE: Final = "ws-signature="
_ORIGINAL: Final = "server"
"""Key of the alternate that keeps a signed asset's own address."""
_TIMEOUT: Final = httpx.Timeout(30, connect=10)

Signable = TypeVar("Signable", bound=str | pystac.STACObject | pystac.Asset | pystac.ItemCollection | dict[str, Any])
Thing = pystac.STACObject | pystac.Asset | pystac.ItemCollection | dict[str, Any]


class Signer:
    """Signs addresses late, each when it is asked for, and again shortly before it expires.

    Safe to use from several threads, and in processes that were forked from one that used it.
    """

    def __init__(self) -> None:
        """Keep nothing yet; nothing is connected before the first address."""
        self._of_process: dict[int, _Mine] = {}

    def href(self, href: str) -> str:
        """Return the signed address of an asset; one that needs no signature, or is not of a server of ours, stays.

        Raises:
            ServerError: the server does not answer, or refuses.
        """
        href = _unsigned(href)
        if not _is_ours(href):
            return href
        known = self._known(href)
        return self._ask(href) if known is None else known

    def sign(self, thing: Signable) -> Signable:
        """Return a signed copy of a thing with assets, as an object or as JSON, or a signed address.

        An asset that was signed before is signed from its own address again, however long ago that was.
        """
        if isinstance(thing, str):
            return cast("Signable", self.href(thing))
        # Links of pystac lead to whole catalogs, which a deep copy would copy too.
        copy = deepcopy(thing) if isinstance(thing, dict) else thing.clone()
        return self.sign_inplace(cast("Signable", copy))

    def sign_inplace(self, thing: Signable) -> Signable:
        """Sign the assets of a thing where they are, several at once; `Client.open(url, modifier=sign_inplace)`.

        An asset keeps its own address as the alternate `server`.
        """
        if isinstance(thing, str):
            raise TypeError("A text cannot be changed in place: sign() returns a signed one.")
        views = [view for view in map(_View, _assets(thing)) if _is_ours(view.original)]
        signed = {view.original: self._known(view.original) for view in views}
        if unknown := [href for href, known in signed.items() if known is None]:
            # The first one tells whether the server streams; if it does, no other is asked for.
            signed[unknown[0]] = self.href(unknown[0])
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sign") as pool:
                signed |= zip(unknown[1:], pool.map(self.href, unknown[1:]), strict=True)
        for view in views:
            view.change(signed[view.original] or view.original)
        return thing

    def _known(self, href: str) -> str | None:
        """Return what an address was signed as, or itself where its server streams; None where that is not known."""
        mine, now = self._here(), time.monotonic()
        with mine.lock:
            token, until = mine.tokens.get(_folder(href), ("", 0.0))
            if now < until and api_key(href):
                return f"{href}?{token}"
            if now < mine.streams.get(_origin(href), 0.0):
                return href
            signed, until = mine.signed.get(href, ("", 0.0))
        return signed if now < until else None

    def _ask(self, href: str) -> str:
        mine, now = self._here(), time.monotonic()
        if api_key(href) and (found := _token(mine.client, href)):
            token, lifetime = found
            with mine.lock:
                mine.tokens[_folder(href)] = (token, now + lifetime)
            return f"{href}?{token}"
        signed, lifetime = _resolve(mine.client, href)
        with mine.lock:
            if signed == href:
                mine.streams[_origin(href)] = now + lifetime
            elif lifetime > 0:
                mine.signed.pop(href, None)
                mine.signed[href] = (signed, now + lifetime)
                if len(mine.signed) > MOST_KEPT:
                    del mine.signed[next(iter(mine.signed))]
        return signed

    def _here(self) -> "_Mine":
        """Return what belongs to this process: a forked one must not use the sockets and locks of its parent."""
        pid = os.getpid()
        # Threads that come at once get the same one: setdefault() is atomic.
        return self._of_process.get(pid) or self._of_process.setdefault(pid, _Mine())


class _Mine:
    """What a signer has in one process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.client = httpx.Client(timeout=_TIMEOUT, follow_redirects=False)
        weakref.finalize(self, self.client.close).atexit = False
        self.signed: dict[str, tuple[str, float]] = {}
        self.tokens: dict[str, tuple[str, float]] = {}
        self.streams: dict[str, float] = {}


class _View:
    """An asset, as an object or as JSON."""

    def __init__(self, asset: pystac.Asset | dict[str, Any]) -> None:
        self._asset = asset
        fields = asset.extra_fields if isinstance(asset, pystac.Asset) else asset
        href = asset.href if isinstance(asset, pystac.Asset) else asset.get("href", "")
        self._fields = fields
        self.original: str = _unsigned(fields.get("alternate", {}).get(_ORIGINAL, {}).get("href", href))

    def change(self, href: str) -> None:
        """Give it another address."""
        if isinstance(self._asset, pystac.Asset):
            self._asset.href = href
        else:
            self._asset["href"] = href
        if href != self.original:
            self._fields["alternate"] = self._fields.get("alternate", {}) | {_ORIGINAL: {"href": self.original}}


_DEFAULT: Final = Signer()


def sign(thing: Signable) -> Signable:
    """Return a signed copy of a thing, or a signed address: `Signer.sign` of the signer that all share."""
    return _DEFAULT.sign(thing)


def sign_inplace(thing: Signable) -> Signable:
    """Sign the assets of a thing where they are: `Signer.sign_inplace` of the signer that all share."""
    return _DEFAULT.sign_inplace(thing)


def _assets(thing: Thing) -> Iterable[pystac.Asset | dict[str, Any]]:
    """Return the assets of a thing; an asset is its own only one."""
    if isinstance(thing, pystac.Asset):
        return [thing]
    if isinstance(thing, pystac.ItemCollection):
        return [asset for item in thing.items for asset in item.assets.values()]
    if isinstance(thing, pystac.STACObject):
        return list(getattr(thing, "assets", {}).values())
    if "features" in thing:
        return [asset for item in thing["features"] for asset in item.get("assets", {}).values()]
    if "assets" in thing:
        return list(thing["assets"].values())
    return [thing] if "href" in thing else []


def _is_ours(href: str) -> bool:
    """Tell whether an address is that of an object of the catalog on a server of ours."""
    parts = urlsplit(href)
    if parts.scheme not in {"http", "https"} or parts.query:
        return False
    _, found, key = unquote(parts.path).partition(_ASSETS)
    return bool(found) and ObjectKey.parse(key) is not None


def _origin(href: str) -> str:
    """Return what the addresses of all assets of a server begin with."""
    return href.partition(_ASSETS)[0]


def _folder(href: str) -> str:
    """Return what the addresses of all assets of a collection begin with."""
    origin, _, key = href.partition(_ASSETS)
    return f"{origin}{_ASSETS}{key.partition('/')[0]}/"


def _unsigned(href: str) -> str:
    """Return the address that the server signed; another one as it is."""
    return href.partition("?")[0] if _SIGNATURE in href else href


def _token(client: httpx.Client, href: str) -> tuple[str, float] | None:
    """Ask the server to sign a collection; return the parameters and for how many seconds they hold.

    None where it has no such collection, or signs nothing.
    """
    collection = _folder(href).rstrip("/").rpartition("/")[2]
    address = f"{_origin(href)}/access/token/{collection}"
    try:
        answer = client.get(address, headers=headers_for(href))
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if not answer.is_success:
            raise ServerError(f"{href} cannot be signed: the server answered {answer.status_code}: {answer.text[:300]}")
        told = answer.json()
        whole = (
            datetime.fromisoformat(told["msft:expiry"]) - parsedate_to_datetime(answer.headers["date"])
        ).total_seconds()
        return str(told["token"]), whole - min(MARGIN, whole / 2)
    except httpx.HTTPError as error:
        raise ServerError(f"{href} cannot be signed: the server does not answer ({type(error).__name__}).") from error
    except (KeyError, ValueError, TypeError) as error:
        raise ServerError(f"{address} answers something else than a signature. Is it a server of ours?") from error


def _resolve(client: httpx.Client, href: str) -> tuple[str, float]:
    """Return where a server leads to, or the address itself where it streams, and for how many seconds that holds.

    The question is a GET, since what is signed for HEAD is refused for GET; of a stream only one byte is asked for.
    """
    try:
        with client.stream("GET", href, headers={"Range": "bytes=0-0"}) as answer:
            if answer.is_success:
                return href, _STREAMING
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return href, 0.0  # whoever reads it is told; one lost object must not end a search
            if answer.has_redirect_location:
                return _followed(answer)
            raise ServerError(f"{href} cannot be signed: the server answered {answer.status_code}.")
    except httpx.HTTPError as error:
        raise ServerError(f"{href} cannot be signed: the server does not answer ({type(error).__name__}).") from error


def _followed(answer: httpx.Response) -> tuple[str, float]:
    target = str(answer.url.join(answer.headers["location"]))
    return target, _lifetime(target, answer.headers)


def _lifetime(signed: str, headers: Mapping[str, str]) -> float:
    """Return for how many seconds a signed address may be handed out; 0 where it does not tell.

    Both times are the server's, so that a clock of this machine that goes wrong does no harm.
    """
    asked = parse_qs(urlsplit(signed).query)
    try:
        begin = datetime.strptime(asked["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        whole = float(asked["X-Amz-Expires"][0])
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else begin
    except (KeyError, ValueError):
        return 0.0
    return whole - (now - begin).total_seconds() - min(MARGIN, whole / 2)
