"""The objects of items in memory, opened as rasters."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Protocol

from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, MemoryFile

from catalog.errors import CorruptObjectError, ObjectNotFoundError, ObjectStoreError
from catalog.objects import ObjectStore, is_sha256, multihash
from server.raster.cache import LoadingCache
from server.raster.decoded import Decoded, decode
from server.raster.errors import BrokenRasterError, MissingObjectError, StoreUnavailableError
from server.raster.record import AssetRecord, ItemRecord

_TRIES: Final = 2


class Chips(Protocol):
    """Where the pixels of items come from."""

    def decoded(self, item: ItemRecord, asset: AssetRecord, *, coarse: bool = False) -> Decoded | None:
        """Return the numbers of a raster of an item, None where it takes GDAL to make tiles of it."""

    def open(self, item: ItemRecord, asset: AssetRecord) -> AbstractContextManager[DatasetReader]:
        """Open a raster of an item."""


class ChipCache:
    """Whole objects, fetched once, and the numbers in them, decoded once; both kept up to a number of bytes.

    A chip is 350 kB and a SPOT image a few MB, so one request for all of it costs less than the ranges that a file on
    a network would need; every tile after the first asks the store for nothing and decodes nothing.
    """

    def __init__(self, store: Callable[[], ObjectStore], capacity: int, decoded_capacity: int) -> None:
        """Create an empty cache.

        Args:
            store: gives the store once the application runs.
            capacity: most bytes of objects.
            decoded_capacity: most bytes of numbers.
        """
        self._store = store
        self._capacity = decoded_capacity
        self._objects: LoadingCache[tuple[str, str], bytes] = LoadingCache(capacity, weigh=len)
        self._decoded: LoadingCache[tuple[str, str, bool], Decoded | None] = LoadingCache(
            decoded_capacity, weigh=_weigh
        )

    def caches(self) -> dict[str, LoadingCache[Any, Any]]:
        """Return what is kept in memory, by name."""
        return {"objects": self._objects, "decoded": self._decoded}

    def decoded(self, item: ItemRecord, asset: AssetRecord, *, coarse: bool = False) -> Decoded | None:
        """Return the numbers of a raster of an item, None where it takes GDAL to make tiles of it.

        `coarse` asks for its coarsest overview: a tile of many items takes a sixteenth of the time and of the memory.
        The errors are those of `open`.
        """

        def load() -> Decoded | None:
            with self.open(item, asset) as dataset:
                return decode(dataset, self._capacity, coarse=coarse)

        return self._decoded.get((asset.href, asset.version, coarse), load)

    @contextmanager
    def open(self, item: ItemRecord, asset: AssetRecord) -> Iterator[DatasetReader]:
        """Open a raster of an item. The dataset is this caller's own: no two threads share one.

        Raises:
            MissingObjectError: the store does not hold it.
            StoreUnavailableError: the store does not answer.
            CorruptObjectError: the store holds other bytes than the item tells.
            BrokenRasterError: the object cannot be read as a raster.
        """
        name = f"the asset {asset.key!r} of {item.id!r}"
        data = self._objects.get((asset.href, asset.version), lambda: self._fetch(asset, name))
        if not data:
            # rasterio takes no bytes for a file that is to be written.
            raise BrokenRasterError(f"The object of {name} is empty.")
        try:
            with MemoryFile(data) as memory, memory.open(driver="GTiff") as dataset:
                yield dataset
        except RasterioError as error:
            raise BrokenRasterError(f"The object of {name} cannot be read: {error}.") from error

    def _fetch(self, asset: AssetRecord, name: str) -> bytes:
        """Return the bytes that the item tells of, and no others: twice, what was damaged on its way is whole then."""
        for _ in range(_TRIES):
            data = self._get(asset.href, name)
            if asset.checksum is None or not is_sha256(asset.checksum) or multihash(data) == asset.checksum:
                return data
        raise CorruptObjectError(f"The store holds other bytes than {name} had; `worldstrat verify` mends it.")

    def _get(self, href: str, name: str) -> bytes:
        store = self._store()
        key = store.key(href)
        if key is None:
            # Whatever an item claims, only objects of our own store are read.
            raise MissingObjectError(f"The object of {name} does not lie in this server's store.")
        try:
            return store.get(key)
        except ObjectNotFoundError as error:
            raise MissingObjectError(f"The store does not hold the object of {name}; ingest it again.") from error
        except ObjectStoreError as error:
            raise StoreUnavailableError(f"The object store does not answer for {name}; try again.") from error


def _weigh(decoded: Decoded | None) -> int:
    return decoded.nbytes if decoded else 0
