"""Samples as arrays, streamed from a server and kept in a folder: what a PyTorch DataLoader takes, without PyTorch."""

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal, TypedDict

import httpx
import numpy as np
import rasterio
from numpy.typing import NDArray

from catalog.constants import MAX_REVISIT
from client.download.choice import Choice, Wanted
from client.download.run import TIMEOUT
from client.download.transfer import Transfer
from client.errors import DownloadError, QueryError
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
_SEEN: Final = "data-mask"
_DATA: Final = "data"
_THREADS: Final = 8


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
    from then on nothing is asked of the server. Several processes may share the folder. Workers may be forked or
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
        self._cache = cache
        self._frames = frames
        self._sharp = hr
        self._line: _Line | None = None
        self._checked: set[str] = set()

    def __len__(self) -> int:
        """Count the places."""
        return len(self._places)

    def __getitem__(self, index: Any) -> Any:
        """Return a sample, or the samples of a slice.

        Raises:
            DownloadError: a file cannot be had as the catalog names it, or a place has no such raster.
        """
        if isinstance(index, slice):
            return Samples(self._places[index], self._cache, frames=self._frames, hr=self._sharp)
        place = self._places[index]
        revisits = place.revisits[: self._frames]
        wanted = [*map(_of_revisit, revisits), _named(place.spot, (self._sharp,))]
        self._fetch([one for files in wanted for one in files.values()])
        images, masks = zip(*(self._read_revisit(files) for files in wanted[:-1]), strict=True)
        # Other shapes do not occur in the dataset, but nothing forbids them in a catalog.
        alike = [at for at, image in enumerate(images) if image.shape == images[0].shape]
        lr, seen = [images[at] for at in alike], [masks[at] for at in alike]
        missing = self._frames - len(lr)
        shown = replace(place, revisits=tuple(revisits[at] for at in alike))
        return Sample(
            lr=np.stack(lr + lr[:1] * missing),
            masks=np.stack(seen + [np.zeros_like(seen[0])] * missing),
            hr=_reflectance(self._path(wanted[-1][self._sharp]))[0],
            facts=shown.facts,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave connections behind: another process makes its own."""
        return self.__dict__ | {"_line": None}

    def close(self) -> None:
        """Close the connections; they are made again when they are needed."""
        if self._line:
            self._line.http.close()
        self._line = None

    def _fetch(self, files: Sequence[Wanted]) -> None:
        """Get the files that are not in the folder, several at once."""
        missing = [one for one in files if not self._is_there(one)]
        if not missing:
            return
        if self._line is None or self._line.pid != os.getpid():
            self._line = _Line()
        transfer = Transfer(self._line.http)
        with ThreadPoolExecutor(min(_THREADS, len(missing)), thread_name_prefix="samples") as pool:
            for one, content in zip(missing, pool.map(transfer.get, missing), strict=True):
                _keep(self._path(one), content)
                self._checked.add(_name(one))

    def _is_there(self, wanted: Wanted) -> bool:
        """Tell whether a file is in the folder; the first time it is read and compared with its checksum."""
        name, path = _name(wanted), self._path(wanted)
        if not path.is_file():
            return False
        if name in self._checked or not wanted.sha256 or _sha256(path) == wanted.sha256:
            self._checked.add(name)
            return True
        return False

    def _path(self, wanted: Wanted) -> Path:
        name = _name(wanted)
        return self._cache / name[:2] / f"{name}.tif"

    def _read_revisit(self, files: Mapping[str, Wanted]) -> tuple[Array, Mask]:
        image, seen = _reflectance(self._path(files[_DATA]))
        told = next((key for key in HIDDEN if key in files), None)
        if told:
            seen &= ~np.isin(_classes(self._path(files[told]), seen), HIDDEN[told])
        if _SEEN in files:
            seen &= _classes(self._path(files[_SEEN]), seen) != 0
        return image, seen


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


class _Line:
    """The connections of one process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.http = httpx.Client(timeout=TIMEOUT, follow_redirects=True)


def _of_revisit(item: Item) -> dict[str, Wanted]:
    """Return the files of a revisit: pixels, the better mask of clouds, the mask of data."""
    told = next((key for key in HIDDEN if key in item["assets"]), None)
    return _named(item, (_DATA, *([told] if told else []), *([_SEEN] if _SEEN in item["assets"] else [])))


def _named(item: Item, keys: tuple[str, ...]) -> dict[str, Wanted]:
    files = {one.key: one for one in Choice(assets=keys).files(item)}
    if absent := [key for key in keys if key not in files]:
        raise DownloadError(f"{item['id']} has no {absent[0]!r}; it has {', '.join(item['assets'])}.")
    return files


def _name(wanted: Wanted) -> str:
    """Return the name of a file in the folder: its checksum, so that other bytes have another name."""
    return wanted.sha256 or hashlib.sha256(wanted.href.encode()).hexdigest()


def _keep(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, whoever writes it at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as out:
        out.write(content)
    Path(out.name).replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reflectance(path: Path) -> tuple[Array, Mask]:
    """Return the bands of a raster as reflectance, as they were published, and where all of them have data."""
    with rasterio.open(path) as src:
        stored, scale, nodata = src.read(), src.scales[0], src.nodata
    seen = np.ones(stored.shape[1:], bool) if nodata is None else (stored != nodata).all(axis=0)
    # In double precision, then rounded to single: the published numbers come back exactly.
    return (stored * scale).astype(np.float32), np.asarray(seen)


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
