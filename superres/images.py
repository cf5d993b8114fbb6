"""Sharp images to degrade: folders of chips, what their manifest says of them, and which are kept out of training."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from superres.errors import TrainingDataError
from superres.model import BANDS, SCALE
from superres.places import shares_ground

Array = NDArray[np.float32]

MANIFEST: Final = "MANIFEST.tsv"
"""Table beside the files: what they are, where they come from, under which licence."""
HELD_OUT: Final = 1 / 6
"""Share of a file's images kept for the scores, and as many again for calibration."""

_REFLECTANCE: Final = 1e-4
_RASTERS: Final = (".tif", ".tiff")


@dataclass(frozen=True)
class Image:
    """One sharp image."""

    name: str
    """File and number in it."""
    source: str
    """Name of the file, without its ending: scores are told apart by it."""
    pixels: Array
    """Reflectance as `(4, h, w)` in the order of `BANDS`."""


@dataclass(frozen=True)
class ImageSplit:
    """Images by what they are used for; no two parts show the same ground."""

    train: tuple[Image, ...]
    """Trained on."""
    validation: tuple[Image, ...]
    """For the calibration of the interval, and to look at while training."""
    test: tuple[Image, ...]
    """For the scores."""
    dropped: int
    """Images that show ground of a later part, and are used for nothing."""


def read_images(folder: Path) -> list[Image]:
    """Read all images of a folder, in the order of their names.

    `.npz` files hold `x`: uint16 `(n, 4, h, w)`, reflectance times 10,000; GeoTIFFs the four bands in the same unit, or
    as floating-point reflectance.

    Raises:
        TrainingDataError: there are none, or one is not such a file.
    """
    files = sorted(file for file in folder.iterdir() if file.suffix in {".npz", *_RASTERS}) if folder.is_dir() else []
    images = [image for file in files for image in _read(file)]
    if not images:
        raise TrainingDataError(f"{folder} holds no .npz or .tif file with images of {', '.join(BANDS)}.")
    return images


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """Return the rows of the folder's manifest whose files are there, none where there is no manifest."""
    path = folder / MANIFEST
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [row for row in rows if (folder / row.get("file", "")).is_file()]


def split_images(images: Sequence[Image], held_out: float = HELD_OUT) -> ImageSplit:
    """Keep the last images of each file out of training: a share for the scores, and one before them for calibration.

    Neighbours in a file are neighbours on the ground, so what is kept out is a region. Images that show ground of a
    part that comes later (another date of a place, an overlapping cut) are dropped from the earlier.
    """
    parts: dict[str, list[Image]] = {"train": [], "validation": [], "test": []}
    dropped = 0
    for source in dict.fromkeys(image.source for image in images):
        own = [image for image in images if image.source == source]
        count = math.ceil(len(own) * held_out)
        test, middle, rest = own[-count:], own[-2 * count : -count], own[: -2 * count]
        validation = [image for image in middle if not _is_among(image, test)]
        train = [image for image in rest if not _is_among(image, [*middle, *test])]
        dropped += len(own) - len(test) - len(validation) - len(train)
        for name, part in (("train", train), ("validation", validation), ("test", test)):
            parts[name].extend(part)
    if not parts["train"]:
        raise TrainingDataError("Nothing is left to train on: all images show the ground of those kept out.")
    return ImageSplit(tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]), dropped)


def _is_among(image: Image, others: Sequence[Image]) -> bool:
    return any(shares_ground(image.pixels.mean(0), other.pixels.mean(0)) for other in others)


def _read(file: Path) -> list[Image]:
    try:
        stack = _read_npz(file) if file.suffix == ".npz" else _read_raster(file)
    except (OSError, ValueError, KeyError) as error:
        raise TrainingDataError(f"{file} cannot be read: {error}") from error
    if stack.ndim != len(("n", "band", "y", "x")) or stack.shape[1] != len(BANDS):
        raise TrainingDataError(f"{file} holds an array of {stack.shape}, not (n, {len(BANDS)}, height, width).")
    if min(stack.shape[2:]) < 2 * SCALE:
        raise TrainingDataError(f"{file}: images of {stack.shape[2]} x {stack.shape[3]} pixels are too small.")
    unit = _REFLECTANCE if stack.dtype.kind in "iu" else 1.0
    pixels = stack.astype(np.float32) * np.float32(unit)
    return [Image(f"{file.name}#{n}", file.stem, image) for n, image in enumerate(pixels)]


def _read_npz(file: Path) -> NDArray[Any]:
    with np.load(file, allow_pickle=False) as content:
        return np.asarray(content["x"])


def _read_raster(file: Path) -> NDArray[Any]:
    import rasterio  # noqa: PLC0415 - half a second, for those who train on GeoTIFFs

    with rasterio.open(file) as dataset:
        return np.asarray(dataset.read(list(range(1, len(BANDS) + 1))))[None]
