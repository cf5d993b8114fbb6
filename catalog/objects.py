"""Objects by key, with one face for files and for S3."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import LocalStore, S3Store

from catalog.errors import ObjectNotFoundError, ObjectStoreError, WorldStratError
from catalog.settings import StoreSettings

SHA2_256 = "1220"
"""Multihash prefix: SHA2-256, 32 bytes."""
PAGE: Final = 1000
"""Objects that are listed, or deleted, at once; S3 knows no larger page."""
_CHUNK: Final = 1_048_576
"""Bytes of an object that are in memory while it is hashed."""
PIECE: Final = 8 * 1_048_576
"""Bytes of an object too large for the memory that are written, or asked for, at once."""
_MD5_DIGITS: Final = 32
_SHA2_256_DIGITS: Final = 64


@dataclass(frozen=True)
class Patience:
    """How long an S3 server is waited for."""

    connect: float = 5.0
    """Seconds until it takes a connection."""
    silence: float = 30.0
    """Seconds without a byte of an answer."""
    whole: float = 60.0
    """Seconds of one whole request."""
    retries: int = 4
    """Further tries after a request that failed."""
    trying: float = 30.0
    """Seconds after which no further try begins."""


BATCH_WORK: Final = Patience()
"""Of work that nobody waits for: it rather lasts than fails."""


@dataclass(frozen=True)
class ObjectMeta:
    """What the store says of one object."""

    key: str
    """Key below the store's url."""
    size: int
    """Bytes."""
    etag: str | None
    """Entity tag, where the store gives one."""
    modified: datetime | None = field(default=None, compare=False)
    """When it was written, where that was asked for."""


class ObjectStore:
    """The objects below one url; canonical hrefs are `url/key`."""

    def __init__(self, settings: StoreSettings, patience: Patience = BATCH_WORK) -> None:
        self.url = settings.url.rstrip("/")
        self.raw: LocalStore | S3Store = _open(settings, patience)

    @classmethod
    def open(cls, settings: StoreSettings, patience: Patience = BATCH_WORK) -> Self:
        """Return the store of these settings; nothing is connected yet."""
        return cls(settings, patience)

    def href(self, key: str) -> str:
        """Return the canonical href of `key`."""
        return f"{self.url}/{key}"

    def key(self, href: str) -> str | None:
        """Return the key of a canonical href, None where it is not below this store."""
        prefix = f"{self.url}/"
        return href[len(prefix) :] if href.startswith(prefix) else None

    def put(self, key: str, data: bytes, media_type: str) -> ObjectMeta:
        """Store `data` under `key` at once or not at all.

        Raises:
            ObjectStoreError: the store is full, absent or refuses.
        """
        # A folder of files keeps no headers: the media type is then told by the item and the key's suffix.
        attributes = None if isinstance(self.raw, LocalStore) else {"Content-Type": media_type}
        try:
            result = obstore.put(self.raw, key, data, attributes=attributes)
        except Exception as error:
            raise self._failed("write", key, error) from error
        return ObjectMeta(key, len(data), result["e_tag"])

    def put_verified(self, key: str, data: bytes, media_type: str) -> None:
        """Store `data` under `key` and make sure that the store holds these very bytes.

        An S3 server answers a plain put with the MD5 of what it received; where it does not, the object is read back.

        Raises:
            ObjectStoreError: the store refused, or holds something else.
        """
        etag = (self.put(key, data, media_type).etag or "").strip('"')
        # A folder's etags are no MD5: the time to compute one is for stores that may give it.
        if len(etag) == _MD5_DIGITS and etag == hashlib.md5(data, usedforsecurity=False).hexdigest():
            return
        if self.get(key) != data:
            raise ObjectStoreError(f"{self.href(key)} does not hold the {len(data)} bytes that were written to it.")

    def put_pieces(self, key: str, pieces: Iterable[bytes], media_type: str) -> None:
        """Store what need not fit in memory under `key`, at once or not at all: nothing, where `pieces` raises.

        Raises:
            ObjectStoreError: the store is full, absent or refuses.
        """
        attributes = None if isinstance(self.raw, LocalStore) else {"Content-Type": media_type}
        try:
            obstore.put(self.raw, key, iter(pieces), attributes=attributes, chunk_size=PIECE, max_concurrency=2)
        except WorldStratError:
            raise
        except Exception as error:
            raise self._failed("write", key, error) from error

    def head(self, key: str) -> ObjectMeta:
        """Return size and etag of `key`.

        Raises:
            ObjectNotFoundError: there is no such object.
            ObjectStoreError: the store does not answer.
        """
        try:
            meta = obstore.head(self.raw, key)
        except Exception as error:
            raise self._failed("read", key, error) from error
        return ObjectMeta(key, meta["size"], meta["e_tag"])

    def get(self, key: str) -> bytes:
        """Return the whole object.

        Raises:
            ObjectNotFoundError: there is no such object.
            ObjectStoreError: the store does not answer.
        """
        try:
            return bytes(obstore.get(self.raw, key).bytes())
        except Exception as error:
            raise self._failed("read", key, error) from error

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return `length` bytes from `start`; the same errors as `get`."""
        try:
            return bytes(obstore.get_range(self.raw, key, start=start, length=length))
        except Exception as error:
            raise self._failed("read", key, error) from error

    def pieces(self, key: str) -> Iterator[bytes]:
        """Yield an object in pieces, each a request of its own: no request takes long, however large the object is.

        The errors are those of `get`.
        """
        try:
            reader = obstore.open_reader(self.raw, key, buffer_size=PIECE)
            while piece := bytes(reader.read(PIECE)):
                yield piece
        except Exception as error:
            raise self._failed("read", key, error) from error

    def measure(self, key: str) -> tuple[int, str]:
        """Return size and multihash of an object, which need not fit in memory; the same errors as `get`."""
        digest, size = hashlib.sha256(), 0
        try:
            for chunk in obstore.get(self.raw, key).stream(min_chunk_size=_CHUNK):
                digest.update(chunk)
                size += len(chunk)
        except Exception as error:
            raise self._failed("read", key, error) from error
        return size, SHA2_256 + digest.hexdigest()

    def delete(self, key: str) -> None:
        """Remove `key`; that it is not there is no error."""
        try:
            obstore.delete(self.raw, key)
        except (NotFoundError, FileNotFoundError):
            return
        except Exception as error:
            raise self._failed("delete", key, error) from error

    def delete_all(self, keys: Sequence[str]) -> None:
        """Remove up to `PAGE` objects in one request; that one is not there is no error."""
        try:
            obstore.delete(self.raw, list(keys))
        except (NotFoundError, FileNotFoundError):
            for key in keys:
                self.delete(key)
        except Exception as error:
            raise self._failed("delete", keys[0], error) from error

    def list(self, prefix: str = "") -> list[ObjectMeta]:
        """Return all objects whose key lies below the folder `prefix`."""
        return [meta for page in self.pages(prefix) for meta in page]

    def pages(self, prefix: str = "") -> Iterator[Sequence[ObjectMeta]]:
        """Yield all objects whose key lies below the folder `prefix`, a page at a time."""
        try:
            for page in obstore.list(self.raw, prefix=prefix or None, chunk_size=PAGE):
                yield [ObjectMeta(meta["path"], meta["size"], meta["e_tag"], meta["last_modified"]) for meta in page]
        except Exception as error:
            raise self._failed("list", prefix, error) from error

    def _failed(self, verb: str, key: str, error: Exception) -> ObjectStoreError:
        if isinstance(error, NotFoundError | FileNotFoundError):
            return ObjectNotFoundError(f"No object {key!r} in {self.url}.")
        reason = str(error).split("\n")[0][:300]
        return ObjectStoreError(f"Cannot {verb} {key!r} in {self.url}: {reason}. Is the object store up and not full?")


def multihash(data: bytes) -> str:
    """Return the SHA2-256 of `data` as the file extension writes it: a hexadecimal multihash."""
    return SHA2_256 + hashlib.sha256(data).hexdigest()


def is_sha256(checksum: str) -> bool:
    """Tell whether a multihash is one that `multihash` could have returned."""
    return checksum.startswith(SHA2_256) and len(checksum) == len(SHA2_256) + _SHA2_256_DIGITS


def _open(settings: StoreSettings, patience: Patience) -> LocalStore | S3Store:
    parts = urlsplit(settings.url)
    if parts.scheme == "file":
        try:
            # A folder whose last object was deleted goes with it.
            return LocalStore(Path(unquote(parts.path)), mkdir=True, automatic_cleanup=True)
        except OSError as error:
            raise ObjectStoreError(f"{settings.url} is no folder that can be opened or made: {error}.") from error
    if settings.endpoint_url and not settings.access_key_id:
        # Amazon's machine roles are of no use elsewhere, and looking for one takes seconds.
        raise ObjectStoreError(
            f"The S3 server {settings.endpoint_url} needs keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    secret = settings.secret_access_key
    given: dict[str, Any] = {
        "prefix": parts.path.strip("/"),
        "endpoint": settings.endpoint_url,
        "access_key_id": settings.access_key_id,
        "secret_access_key": secret.get_secret_value() if secret else None,
    }
    return S3Store(
        parts.netloc,
        # obstore takes no None: a machine with a role of its own names no key.
        **{name: value for name, value in given.items() if value},
        region=settings.region,
        # An S3 server of one's own is rarely reached by a host name per bucket, and often without TLS.
        virtual_hosted_style_request=settings.endpoint_url is None,
        client_options={
            "allow_http": True,
            "timeout": timedelta(seconds=patience.whole),
            "connect_timeout": timedelta(seconds=patience.connect),
            "read_timeout": timedelta(seconds=patience.silence),
        },
        retry_config={"max_retries": patience.retries, "retry_timeout": timedelta(seconds=patience.trying)},
    )
