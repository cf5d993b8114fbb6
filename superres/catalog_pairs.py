"""Pairs by query: SPOT and the closest clear revisits of each place of a split, from any server of ours."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pystac
import rasterio
from numpy.typing import NDArray
from pystac_client import Client
from pystac_client.exceptions import APIError
from rasterio.enums import Resampling

from catalog.constants import COLLECTION_SPOT, LEVEL_COLLECTIONS, Level, slug
from superres.errors import TrainingDataError
from superres.matching import match
from superres.material import Split
from superres.model import BANDS
from superres.pairs import Pair

Array = NDArray[np.float32]

MOST_CLOUD: Final = 5.0
"""Per cent of an AOI that may be cloudy in a revisit."""
_LEAST_DATA: Final = 99.0
_SPOT_BANDS: Final = ("blue", "green", "red", "nir")  # in the order of BANDS
_CLOUDS: Final = {"scl": (0, 1, 3, 8, 9, 10), "clm": (1, 255), "data-mask": (0,)}
_UNIT: Final = 1e-4
_KEPT: Final = 256


@dataclass(frozen=True)
class Query:
    """Which pairs."""

    url: str
    """Address of the STAC API."""
    level: Level = "L2A"
    """Level of the revisits."""
    frames: int = 1
    """Revisits of a place: the closest clear one, then the next."""
    most_cloud: float = MOST_CLOUD
    """Per cent of an AOI that may be cloudy."""
    places: int | None = None
    """Most places of each split; all if not set."""


def find_places(query: Query, split: Split) -> Iterator[pystac.Item]:
    """Return the SPOT items of a split; places that are in two splits are in none.

    Raises:
        TrainingDataError: the address is no STAC API, or it refuses the search.
    """
    ours = {"op": "=", "args": [{"property": "worldstrat:split"}, split]}
    whole = {"op": "=", "args": [{"property": "worldstrat:split_conflict"}, False]}
    return _search(query.url, COLLECTION_SPOT, {"op": "and", "args": [ours, whole]}, query.places)


def find_revisits(query: Query, spot: pystac.Item) -> list[pystac.Item]:
    """Return the clear revisits of a place, the closest in time first; the errors are those of `find_places`."""
    aoi = {"op": "=", "args": [{"property": "worldstrat:aoi"}, spot.properties["worldstrat:aoi"]]}
    found = _search(query.url, LEVEL_COLLECTIONS[query.level], aoi)
    clear = [item for item in found if _is_clear(item, query.most_cloud)]
    return sorted(clear, key=lambda item: abs(item.properties.get("worldstrat:delta") or 0))


def read_pair(spot: pystac.Item, revisits: Sequence[pystac.Item], frames: int) -> Pair | str:
    """Return the pair of a place, or why there is none.

    Raises:
        rasterio.errors.RasterioError: a raster cannot be read.
    """
    if not {"ps", "rgbn"} <= set(spot.assets):
        return "its SPOT image lacks `ps` or `rgbn`"
    if not revisits:
        return "it has no clear revisit"
    images, masks = zip(*(_read_revisit(item) for item in revisits[:frames]), strict=True)
    alike = [image if image.shape == images[0].shape else images[0] for image in images]
    alike += [images[0]] * (frames - len(alike))
    made = match(images[0], masks[0], _read_spot(spot))
    if isinstance(made, str):
        return made
    facts = spot.properties
    return Pair(
        facts["worldstrat:aoi"],
        facts["worldstrat:source"],
        facts.get("worldstrat:ipcc"),
        np.concatenate([np.nan_to_num(image) for image in alike]).astype(np.float32),
        made.fine,
        made.valid,
    )


def store_pairs(query: Query, split: Split, folder: Path, tell: Callable[[str, str | None], None]) -> "StoredPairs":
    """Read all pairs of a split into a folder; those that are there already are not read again.

    Args:
        query: which pairs.
        split: the split.
        folder: gets a file per place.
        tell: called for each place with its name, and with why it was dropped if it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for spot in find_places(query, split):
        name = spot.properties["worldstrat:aoi"]
        file = folder / f"{slug(name)}.npz"
        reason = None
        if not file.is_file():
            reason = _store(query, spot, file)
        if reason is None:
            files.append(file)
        tell(name, reason)
    return StoredPairs(tuple(files))


@dataclass(frozen=True)
class StoredPairs(Sequence[Pair]):
    """Pairs in files, the last few hundred in memory."""

    files: tuple[Path, ...]
    """One file per place."""

    def __len__(self) -> int:
        """Count the places."""
        return len(self.files)

    def __getitem__(self, index: Any) -> Any:
        """Read a pair."""
        if isinstance(index, slice):
            return StoredPairs(self.files[index])
        return _load(self.files[index])


def _search(url: str, collection: str, condition: dict[str, Any], most: int | None = None) -> Iterator[pystac.Item]:
    try:
        found = _client(url).search(
            collections=[collection], filter=condition, filter_lang="cql2-json", max_items=most, limit=100
        )
        yield from found.items()
    except (APIError, OSError) as error:
        raise TrainingDataError(f"{url} is no STAC API that answers searches of {collection}: {error}") from error


@lru_cache(maxsize=4)
def _client(url: str) -> Client:
    return Client.open(url)


def _store(query: Query, spot: pystac.Item, file: Path) -> str | None:
    try:
        pair = read_pair(spot, find_revisits(query, spot), query.frames)
    except rasterio.errors.RasterioError as error:
        return f"it cannot be read: {error}"
    if isinstance(pair, str):
        return pair
    part = file.with_suffix(".part")
    with part.open("wb") as out:
        facts = [pair.name, pair.source, pair.land_use or ""]
        np.savez(out, coarse=_stored(pair.coarse), fine=_stored(pair.fine), valid=pair.valid, facts=np.array(facts))
    part.replace(file)
    return None


@lru_cache(maxsize=_KEPT)
def _load(file: Path) -> Pair:
    with np.load(file, allow_pickle=False) as content:
        name, source, land_use = (str(fact) for fact in content["facts"])
        coarse, fine = (content[key].astype(np.float32) * np.float32(_UNIT) for key in ("coarse", "fine"))
        return Pair(name, source, land_use or None, coarse, fine, content["valid"])


def _stored(image: Array) -> NDArray[np.uint16]:
    return np.asarray(np.rint(image / _UNIT).clip(0, 65_535), np.uint16)


def _is_clear(item: pystac.Item, most: float) -> bool:
    cloud, data = (item.properties.get(f"worldstrat:{what}_cover") for what in ("cloud", "data"))
    return cloud is not None and cloud <= most and (data is None or data >= _LEAST_DATA)


def _read_revisit(item: pystac.Item) -> tuple[Array, NDArray[np.bool_]]:
    image = _read(item.assets["data"], BANDS)
    seen = np.isfinite(image).all(axis=0)
    for key, values in _CLOUDS.items():
        if key in item.assets:
            with rasterio.open(item.assets[key].href) as dataset:
                classes = dataset.read(1, out_shape=seen.shape)
            seen = seen & ~np.isin(classes, values)
    return image, np.asarray(seen)


def _read_spot(item: pystac.Item) -> Array:
    """Return blue, green and red at 1.5 m and the near infrared, whose own pixels are 6 m, interpolated to the same."""
    visible = _read(item.assets["ps"], _SPOT_BANDS[:3])
    infrared = _read(item.assets["rgbn"], _SPOT_BANDS[3:], visible.shape[1:])
    return np.concatenate([visible, infrared])


def _read(asset: pystac.Asset, names: Sequence[str], shape: tuple[int, ...] | None = None) -> Array:
    """Return bands by name as reflectance, NaN where there is no data."""
    known = [band["name"] for band in asset.extra_fields["bands"]]
    indexes = [known.index(name) + 1 for name in names]
    with rasterio.open(asset.href) as dataset:
        size = (len(indexes), *(shape or dataset.shape))
        stored = dataset.read(indexes, masked=True, out_shape=size, resampling=Resampling.cubic)
        scales, offsets = (
            np.array([of[index - 1] for index in indexes])[:, None, None] for of in (dataset.scales, dataset.offsets)
        )
        reflectance = stored.astype(np.float64) * scales + offsets
    return np.asarray(reflectance.filled(np.nan), np.float32)
