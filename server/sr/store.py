"""Super-resolved items as objects of a store that computes them: the raster endpoints read them like any other."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.io import DatasetReader, MemoryFile

from catalog.errors import ObjectStoreError
from catalog.objects import ObjectStore
from server.raster.cache import LoadingCache
from server.raster.chip import Chips
from server.raster.decoded import Decoded, decode
from server.raster.record import AssetRecord, ItemRecord
from server.sr.chip import Chip, read_chip
from server.sr.metrics import COMPUTED, REQUESTS, SECONDS, WAITING
from server.sr.product import Pixels, encode
from server.sr.record import ASSET, Recipe
from server.sr.upscaler import Upscaler
from superres.inference import interpolate

Make = Callable[[], Pixels]

_KEPT = "cache/super-resolved"
"""Folder of the store that finished items are kept in, each followed by its hash: no reader of TIFF minds."""
_SEAL_BYTES = 32


class SuperResolvedItems:
    """Finished items, computed once however many tiles are asked for at the same time, kept up to a number of bytes."""

    def __init__(
        self, chips: Chips, upscaler: Upscaler, capacity: int, keep: Callable[[], ObjectStore] | None = None
    ) -> None:
        """Create it, empty.

        Args:
            chips: the objects of items.
            upscaler: who computes.
            capacity: most bytes of finished items, files and decoded numbers together.
            keep: gives the store that finished items are kept in too, for other processes; none unless given.
        """
        self._chips = chips
        self._upscaler = upscaler
        self._keep = keep
        self._capacity = capacity // 2
        self._files: LoadingCache[str, bytes] = LoadingCache(self._capacity, weigh=len)
        self._decoded: LoadingCache[str, Decoded | None] = LoadingCache(self._capacity, weigh=_weigh)

    def file(self, made: ItemRecord, recipe: Recipe, make: Make) -> bytes:
        """Return the GeoTIFF of an item by a recipe.

        Args:
            made: what `derive` makes of the item.
            recipe: model and method.
            make: makes its pixels, where nobody has yet.

        Raises:
            BusyError: too many are waiting already.
            RasterError: an object cannot be read, or the worker failed.
        """

        def load() -> bytes:
            COMPUTED.inc()
            return encode(make(), made, recipe)

        REQUESTS.inc()
        version = made.assets[ASSET].version
        return self._files.get(version, lambda: self._kept(version, load))

    def decoded(self, made: ItemRecord, recipe: Recipe, make: Make) -> Decoded | None:
        """Return its numbers; the errors are those of `file`."""

        def load() -> Decoded | None:
            with MemoryFile(self.file(made, recipe, make)) as memory, memory.open(driver="GTiff") as dataset:
                return decode(dataset, self._capacity)

        return self._decoded.get(made.assets[ASSET].version, load)

    def pixels(self, item: ItemRecord, recipe: Recipe) -> Pixels:
        """Compute what a recipe makes of an item; the errors are those of `file`."""
        chip = read_chip(item, self._chips, mask_clouds=recipe.mask_clouds)
        return compute(chip, recipe, self._upscaler)

    def caches(self) -> dict[str, LoadingCache[Any, Any]]:
        """Return what is kept in memory, by name."""
        return {"super-resolved files": self._files, "super-resolved": self._decoded}

    def clear(self) -> None:
        """Forget what is in memory."""
        self._files.clear()
        self._decoded.clear()

    def _kept(self, version: str, make: Callable[[], bytes]) -> bytes:
        """Return what the store keeps, or make it and let the store keep it.

        A store that does not answer costs time, no answer: it is a second cache, not the truth.
        """
        if self._keep is None:
            return make()
        store, key = self._keep(), f"{_KEPT}/{version}.tif"
        with suppress(ObjectStoreError):
            if (kept := _unsealed(store.get(key))) is not None:
                return kept
        content = make()
        with suppress(ObjectStoreError):
            store.put(key, content + _seal(content), "image/tiff")
        return content


def _seal(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _unsealed(kept: bytes) -> bytes | None:
    """Return what was kept, None where it is no longer what was kept: then it is made anew."""
    content, seal = kept[:-_SEAL_BYTES], kept[-_SEAL_BYTES:]
    return content if seal == _seal(content) else None


def compute(chip: Chip, recipe: Recipe, upscaler: Upscaler) -> Pixels:
    """Return what a recipe makes of a chip; the errors are those of the upscaler."""
    model = recipe.model
    transform = chip.transform * chip.transform.scale(1 / model.scale)
    if recipe.method in {"bicubic", "nearest"}:
        plain = interpolate(chip.reflectance, chip.valid, recipe.method, model.scale)
        return Pixels(plain.reflectance, plain.valid, transform)
    with WAITING.track_inprogress(), SECONDS.time():
        made = upscaler.upscale(chip, model)
    if recipe.method == "sr":
        bands = [made.reflectance, made.interval] if recipe.tells_interval else [made.reflectance]
        return Pixels(np.concatenate(bands), made.valid, transform)
    plain = interpolate(chip.reflectance, chip.valid, "bicubic", model.scale)
    return Pixels(made.reflectance - plain.reflectance, made.valid & plain.valid, transform)


@dataclass(frozen=True)
class MadeChips:
    """One super-resolved item with the face of `ChipCache`: what `ItemReader` reads."""

    items: SuperResolvedItems
    """Where it is kept."""
    recipe: Recipe
    """What it is made by."""
    make: Make
    """Makes its pixels."""

    def decoded(self, item: ItemRecord, asset: AssetRecord, *, coarse: bool = False) -> Decoded | None:  # noqa: ARG002
        """Return its numbers, at their full size also where the coarsest would do: they are in memory anyway."""
        return self.items.decoded(item, self.recipe, self.make)

    @contextmanager
    def open(self, item: ItemRecord, asset: AssetRecord) -> Iterator[DatasetReader]:  # noqa: ARG002
        """Open it as a raster."""
        file = self.items.file(item, self.recipe, self.make)
        with MemoryFile(file) as memory, memory.open(driver="GTiff") as dataset:
            yield dataset


def _weigh(decoded: Decoded | None) -> int:
    return decoded.bands.nbytes if decoded else 0
