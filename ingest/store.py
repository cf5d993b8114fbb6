"""Objects into the store, each verified before an item names it."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from catalog.asset import Stored
from catalog.errors import ObjectStoreError
from catalog.keys import object_key
from catalog.objects import ObjectStore, multihash

PARALLEL_PUTS = 8
"""Objects of one AOI on their way at once: an S3 server answers a small put in milliseconds of waiting."""
_PROBE = ".worldstrat-write-check"
_MD5_DIGITS = 32


class Uploader(AbstractContextManager["Uploader"]):
    """Stores the objects of one AOI in the background; leaving it waits until each is there and verified."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(PARALLEL_PUTS, thread_name_prefix="put")
        self._puts: list[Future[None]] = []
        self.size = 0
        """Bytes handed over so far."""

    def __enter__(self) -> Self:
        """Return the uploader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for all objects.

        Raises:
            ObjectStoreError: the store refused one of them, or holds other bytes than it was given.
        """
        self._pool.shutdown(cancel_futures=error is not None)
        if error is None:
            for put in self._puts:
                put.result()

    def put(
        self,
        place: tuple[str, str],
        data: bytes,
        media_type: str,
        source: tuple[str, bytes],
        *,
        header_size: int | None = None,
    ) -> Stored:
        """Begin to store an object under a key that holds its hash.

        Args:
            place: folder of the key (`{collection}/{place}`) and name of the file.
            data: the object.
            media_type: what it is.
            source: the published file that it was made of: its name in the dataset, its bytes.
            header_size: bytes before the first block of a COG.
        """
        (folder, file), (name, published) = place, source
        checksum = multihash(data)
        key = object_key(folder, checksum, file)
        self.size += len(data)
        self._puts.append(self._pool.submit(put_verified, self._store, key, data, media_type))
        return Stored(self._store.href(key), len(data), checksum, name, multihash(published), header_size)


def put_verified(store: ObjectStore, key: str, data: bytes, media_type: str) -> None:
    """Store `data` under `key` and make sure that the store holds these very bytes.

    An S3 server answers a plain put with the MD5 of what it received; where it does not, the object is read back.

    Raises:
        ObjectStoreError: the store refused, or holds something else.
    """
    etag = (store.put(key, data, media_type).etag or "").strip('"')
    # A folder's etags are no MD5: the time to compute one is for stores that may give it.
    if len(etag) == _MD5_DIGITS and etag == hashlib.md5(data, usedforsecurity=False).hexdigest():
        return
    if store.get(key) != data:
        raise ObjectStoreError(f"{store.href(key)} does not hold the {len(data)} bytes that were written to it.")


def check_writable(store: ObjectStore) -> None:
    """Write and remove a small object, so that a full or absent store is known before the work begins.

    Raises:
        ObjectStoreError: the store cannot be written.
    """
    put_verified(store, _PROBE, b"worldstrat", "text/plain")
    store.delete(_PROBE)
