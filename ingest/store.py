"""Objects into the store, each verified before an item names it."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from catalog.asset import Stored
from catalog.keys import object_key
from catalog.objects import ObjectStore, multihash

PARALLEL_PUTS = 8
"""Objects of one AOI on their way at once: an S3 server answers a small put in milliseconds of waiting."""
_PROBE = ".worldstrat-write-check"


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
        self._puts.append(self._pool.submit(self._store.put_verified, key, data, media_type))
        return Stored(self._store.href(key), len(data), checksum, name, multihash(published), header_size)


def check_writable(store: ObjectStore) -> None:
    """Write and remove a small object, so that a full or absent store is known before the work begins.

    Raises:
        ObjectStoreError: the store cannot be written.
    """
    store.put_verified(_PROBE, b"worldstrat", "text/plain")
    store.delete(_PROBE)
