"""Where pairs come from: a folder of sharp images to degrade, or a catalog; the same three parts either way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from superres.degradation import DegradedImages, scored_pairs
from superres.errors import TrainingDataError
from superres.images import HELD_OUT, read_images, read_manifest, split_images
from superres.pairs import CutPairs, Pair, Sampler

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Material:
    """What a model is trained, calibrated and scored on."""

    sampler: Sampler
    """Draws what is trained on."""
    validation: Sequence[Pair]
    """For the calibration of the interval."""
    test: Sequence[Pair]
    """For the scores."""
    facts: dict[str, Any]
    """What `model.json` and the model card say of it."""


def from_images(folder: Path, frames: int = 1) -> Material:
    """Return pairs made of a folder's images by degradation; the last of each file are kept out of training.

    Raises:
        TrainingDataError: there are no images, or none is left.
    """
    split = split_images(read_images(folder))
    sources = sorted({image.source for part in (split.train, split.validation, split.test) for image in part})

    def count(part: Sequence[Any], source: str) -> int:
        return sum(image.source == source for image in part)

    facts = {
        "pairs": "degradation (Wald's protocol): random Gaussian PSF, average over 4 x 4 pixels, noise",
        "images": {
            source: {
                "train": count(split.train, source),
                "validation": count(split.validation, source),
                "test": count(split.test, source),
            }
            for source in sources
        },
        "dropped": split.dropped,
        "manifest": read_manifest(folder),
    }
    return Material(
        DegradedImages(split.train, frames),
        scored_pairs(split.validation, frames),
        scored_pairs(split.test, frames),
        facts,
    )


def from_catalog(
    url: str,
    folder: Path,
    tell: Callable[[str, str | None], None],
    splits: Sequence[Split] = SPLITS,
    **query: Any,
) -> Material:
    """Return the pairs of a catalog: the official splits, without places that are in two.

    Where the official validation or test split has none (a small catalog), places of the training split are set aside.

    Args:
        url: address of the STAC API.
        folder: keeps the pairs, so that a run that goes on does not read them again.
        tell: called for each place, with why it was dropped if it was.
        splits: those that are wanted; the others stay empty.
        query: further fields of `catalog_pairs.Query`.

    Raises:
        TrainingDataError: the address is no STAC API, or has too few usable pairs.
    """
    from superres.catalog_pairs import Query, store_pairs  # noqa: PLC0415 - needs a STAC client and rasterio

    asked = Query(url, **query)
    parts: dict[str, Sequence[Pair]] = dict.fromkeys(SPLITS, ())
    parts |= {split: store_pairs(asked, split, folder / split, tell) for split in splits}
    empty = [split for split in splits if not parts[split]]
    if splits[0] in empty:
        raise TrainingDataError(f"{url} has no pair of the split {splits[0]!r} that can be used.")
    for split in empty:  # a small catalog: set places of the training split aside, which are other places all the same
        aside = max(1, round(len(parts["train"]) * HELD_OUT))
        parts["train"], parts[split] = parts["train"][:-aside], parts["train"][-aside:]
    if splits == SPLITS and not parts["train"]:
        raise TrainingDataError(f"{url} has too few pairs of the split 'train' to set some aside for {empty}.")
    facts = {
        "pairs": f"SPOT 6/7 and Sentinel-2 {asked.level} of the WorldStrat dataset, by query from {url}",
        "images": {"worldstrat": {name: len(part) for name, part in parts.items()}},
        "set aside": empty,
        "manifest": [
            {"file": "worldstrat-spot", "source": "WorldStrat SPOT 6/7, Airbus", "licence": "CC BY-NC 4.0"},
            {
                "file": f"worldstrat-sentinel-2-{asked.level.lower()}",
                "source": "Copernicus Sentinel-2",
                "licence": "Copernicus Sentinel data",
            },
        ],
    }
    return Material(CutPairs(parts["train"]), parts["val"], parts["test"], facts)
