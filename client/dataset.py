"""Samples as arrays, streamed from a server and kept in a folder: what a PyTorch DataLoader takes, without PyTorch."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, TypedDict

import numpy as np
import rasterio
from numpy.typing import NDArray

from catalog.constants import MAX_REVISIT
from client.download.choice import Choice, Wanted
from client.errors import DownloadError, QueryError
from client.kept import KeptFiles
from client.samples import FRAMES, Item, Place

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Sharp = Literal["ps", "rgbn", "pan"]
"""SPOT rasters: four bands at 1.5 m, four at 6 m, one at 1.5 m."""

HIDDEN: Final = {
    # No data, defective, cloud shadow, clouds of medium and high probability, cirrus.
    "scl": (0, 1, 3, 8, 9, 10),
    "clm": (1, 255),
}
"""Masks of a revisit that tell where clouds are, the better first, and their classes that hide the ground."""
AHEAD: Final = 2
"""Places whose files come while one is read."""
_SEEN: Final = "data-mask"
_DATA: Final = "data"


class Sample(TypedDict):
    """One place."""

    lr: Array
    """`(frames, bands, H, W)`: reflectance of the revisits, the best first; 0 where there is no data."""
    masks: Mask
    """`(frames, H, W)`: where the ground is seen: there is data, and no cloud or its shadow."""
    hr: Array
    """`(bands, h, w)`: reflectance of SPOT."""
    facts: dict[str, Any]
    """Name, classes and split of the place, ids and days of its items."""


class Batch(TypedDict):
    """Several places, each filled up with zeros, on the right and below, to the size of the largest."""

    lr: Array
    """`(n, frames, bands, H, W)`."""
    masks: Mask
    """`(n, frames, H, W)`; false where filled up."""
    hr: Array
    """`(n, bands, h, w)`."""
    hr_masks: Mask
    """`(n, h, w)`; false where filled up."""
    facts: list[dict[str, Any]]
    """One for each place."""


class Samples(Sequence[Sample]):
    """Samples of places: `len()` and `[index]`, as a map-style dataset has them.

    Files come when they are first asked for, are checked against the checksums of their items and kept in a folder;
    from then on nothing is asked of the server. Who iterates, or takes the samples of a batch together, has the files
    of the next places come while one is read. Several processes may share the folder. Workers may be forked or
    spawned: each makes its own connections.
    """

    def __init__(self, places: Sequence[Place], cache: Path, *, frames: int = FRAMES, hr: Sharp = "ps") -> None:
        """Choose what samples hold; nothing is connected yet.

        Args:
            places: the places, as `draw` gives them.
            cache: folder of files; grows by some 10 MB a place with 8 revisits.
            frames: revisits of a sample. A place with fewer has its best one again, all of it masked.
            hr: the SPOT raster.

        Raises:
            QueryError: a sample cannot have so many revisits.
        """
        if not 1 <= frames <= MAX_REVISIT:
            raise QueryError(f"A sample has 1 to {MAX_REVISIT} revisits, not {frames}.")
        self._places = tuple(places)
        self._files = KeptFiles(cache)
        self._frames = frames
        self._sharp = hr

    def __len__(self) -> int:
        """Count the places."""
        return len(self._places)

    def __getitem__(self, index: Any) -> Any:
        """Return a sample, or the samples of a slice.

        Raises:
            DownloadError: a file cannot be had as the catalog names it, or a place has no such raster.
        """
        if isinstance(index, slice):
            return Samples(self._places[index], self._files.folder, frames=self._frames, hr=self._sharp)
        return self._make(self._places[index], self._ask(self._places[index]))

    def __iter__(self) -> Iterator[Sample]:
        """Yield all samples; while one is read, the files of the next ones come."""
        return self._stream(self._places)

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        """Return several samples, as PyTorch's DataLoader asks for those of a batch."""
        return list(self._stream([self._places[index] for index in indices]))

    def close(self) -> None:
        """Close the connections; they are made again when they are needed."""
        self._files.close()

    def _stream(self, places: Sequence[Place]) -> Iterator[Sample]:
        asked: deque[list[Future[None]]] = deque()
        waiting = iter(places)
        for place in places:
            asked.extend(map(self._ask, islice(waiting, AHEAD + 1 - len(asked))))
            yield self._make(place, asked.popleft())

    def _ask(self, place: Place) -> list[Future[None]]:
        """Ask for the files of a place."""
        with suppress(DownloadError):  # what it lacks is told when its turn comes
            return self._files.ask([one for files in self._wanted(place) for one in files.values()])
        return []

    def _wanted(self, place: Place) -> list[dict[str, Wanted]]:
        """Return the files of each revisit, then those of SPOT."""
        return [*map(_of_revisit, place.revisits[: self._frames]), _named(place.spot, (self._sharp,))]

    def _make(self, place: Place, asked: Sequence[Future[None]]) -> Sample:
        wanted = self._wanted(place)
        for one in asked:
            one.result()
        images, masks = zip(*(self._read_revisit(files) for files in wanted[:-1]), strict=True)
        # Other shapes do not occur in the dataset, but nothing forbids them in a catalog.
        alike = [at for at, image in enumerate(images) if image.shape == images[0].shape]
        lr, seen = [images[at] for at in alike], [masks[at] for at in alike]
        missing = self._frames - len(lr)
        shown = replace(place, revisits=tuple(place.revisits[at] for at in alike))
        return Sample(
            lr=np.stack(lr + lr[:1] * missing),
            masks=np.stack(seen + [np.zeros_like(seen[0])] * missing),
            hr=_reflectance(*_read(self._files.path(wanted[-1][self._sharp]))[:2]),
            facts=shown.facts,
        )

    def _read_revisit(self, files: Mapping[str, Wanted]) -> tuple[Array, Mask]:
        stored, scale, nodata = _read(self._files.path(files[_DATA]))
        seen = np.ones(stored.shape[1:], bool) if nodata is None else np.asarray((stored != nodata).all(axis=0))
        told = next((key for key in HIDDEN if key in files), None)
        if told:
            seen &= ~np.isin(_classes(self._files.path(files[told]), seen), HIDDEN[told])
        if _SEEN in files:
            seen &= _classes(self._files.path(files[_SEEN]), seen) != 0
        return _reflectance(stored, scale), seen


def stack(samples: Sequence[Sample]) -> Batch:
    """Join samples of different sizes to a batch: the `collate_fn` of a DataLoader.

    Args:
        samples: of one `Samples`, at least one.
    """
    return Batch(
        lr=_filled([sample["lr"] for sample in samples]),
        masks=_filled([sample["masks"] for sample in samples]),
        hr=_filled([sample["hr"] for sample in samples]),
        hr_masks=_filled([np.ones(sample["hr"].shape[1:], bool) for sample in samples]),
        facts=[sample["facts"] for sample in samples],
    )


def _of_revisit(item: Item) -> dict[str, Wanted]:
    """Return the files of a revisit: pixels, the better mask of clouds, the mask of data."""
    told = next((key for key in HIDDEN if key in item["assets"]), None)
    return _named(item, (_DATA, *([told] if told else []), *([_SEEN] if _SEEN in item["assets"] else [])))


def _named(item: Item, keys: tuple[str, ...]) -> dict[str, Wanted]:
    files = {one.key: one for one in Choice(assets=keys).files(item)}
    if absent := [key for key in keys if key not in files]:
        raise DownloadError(f"{item['id']} has no {absent[0]!r}; it has {', '.join(item['assets'])}.")
    return files


def _read(path: Path) -> tuple[NDArray[Any], float, float | None]:
    """Return the bands of a raster as stored, their scale, and the number that stands for no data."""
    with rasterio.open(path) as src:
        return src.read(), src.scales[0], src.nodata


def _reflectance(stored: NDArray[Any], scale: float) -> Array:
    """Return reflectance as it was published.

    In double precision, then rounded to single, the published numbers come back exactly; NumPy does both on pieces that
    stay in the processor's cache.
    """
    made = np.empty(stored.shape, np.float32)
    np.multiply(stored, scale, out=made, dtype=np.float64, casting="unsafe")
    return made


def _classes(path: Path, like: Mask) -> NDArray[Any]:
    with rasterio.open(path) as src:
        return np.asarray(src.read(1, out_shape=like.shape))


def _filled(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Stack arrays whose last two dimensions differ, filled up with zeros."""
    height, width = (max(array.shape[axis] for array in arrays) for axis in (-2, -1))
    stacked = np.zeros((len(arrays), *arrays[0].shape[:-2], height, width), arrays[0].dtype)
    for into, array in zip(stacked, arrays, strict=True):
        into[..., : array.shape[-2], : array.shape[-1]] = array
    return stacked
