"""Scores of a model on pairs kept out of training, always beside bicubic interpolation."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from superres import metrics
from superres.correctness import correctness
from superres.errors import TrainingDataError
from superres.inference import Upscaled, interpolate, superresolve
from superres.model import BANDS, Interval, Model
from superres.pairs import Pair
from superres.runtime import Runtime

Array = NDArray[np.float32]

ALL: Final = "all"
"""Name of the group of every pair."""
MODEL, BICUBIC = "model", "bicubic"
_LEAST_CALIBRATION: Final = 1_000
_CLASSES: Final = ("improvement", "omission", "hallucination")


@dataclass(frozen=True)
class Scores:
    """Means over the images of a group."""

    images: int
    """Images in the group."""
    rmse: tuple[float, ...]
    """Per band, reflectance."""
    psnr: tuple[float, ...]
    """Per band, dB of a peak of 1."""
    cpsnr: tuple[float, ...]
    """Per band, dB, after the best shift and without bias."""
    ssim: tuple[float, ...]
    """Per band."""
    inconsistency: tuple[float, ...]
    """Per band: mean distance of block averages from the input, reflectance."""
    spectral_angle: float
    """Degrees."""
    improvement: float | None
    """Share of opensr-test; None where no image is large enough."""
    omission: float | None
    """Share of opensr-test."""
    hallucination: float | None
    """Share of opensr-test."""
    harmonised: tuple[float, ...] | None
    """The three shares once the output has the histogram of the truth."""
    coverage: tuple[float, ...] | None
    """Per band: share of pixels whose truth lies within the interval; None without one."""
    width: tuple[float, ...] | None
    """Per band: mean half-width of the interval, reflectance."""

    def to_json(self) -> dict[str, Any]:
        """Return the scores with six significant digits."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Report:
    """Scores of the model and of bicubic by group: all, each source, each land-use class."""

    groups: dict[str, dict[str, Scores]]
    """Group, then `model` or `bicubic`."""

    def to_json(self) -> dict[str, Any]:
        """Return it as `metrics.json` has it."""
        return {
            "bands": list(BANDS),
            "groups": {
                name: {method: scores.to_json() for method, scores in of.items()} for name, of in self.groups.items()
            },
        }


def evaluate(
    pairs: Sequence[Pair], runtime: Runtime, model: Model, tell: Callable[[int], None] = lambda _: None
) -> Report:
    """Score a model and bicubic interpolation.

    Args:
        pairs: none of which the model was trained on.
        runtime: runs `model`.
        model: the model.
        tell: called with the number of pairs done.

    Raises:
        TrainingDataError: there are no pairs.
    """
    if not pairs:
        raise TrainingDataError("There is nothing to score: no image is kept out of training.")
    rows: list[tuple[Pair, dict[str, Scores]]] = []
    for done, pair in enumerate(pairs, start=1):
        made = _upscale(pair, runtime, model)
        seen = np.ones(pair.coarse.shape[1:], bool)
        plain = interpolate(pair.coarse[: len(BANDS)], seen, "bicubic", model.scale)
        rows.append((pair, {MODEL: score(pair, made), BICUBIC: score(pair, plain)}))
        tell(done)
    groups = {ALL: [scores for _, scores in rows]}
    for pair, scores in rows:
        for name in (f"source: {pair.source}", f"land use: {pair.land_use}" if pair.land_use else None):
            if name:
                groups.setdefault(name, []).append(scores)
    return Report({name: {of: _mean([s[of] for s in own]) for of in (MODEL, BICUBIC)} for name, own in groups.items()})


def score(pair: Pair, made: Upscaled) -> Scores:
    """Return the scores of one image."""
    image, truth, valid = made.reflectance, pair.fine, pair.valid & made.valid
    coarse = pair.coarse[: len(BANDS)]
    classes = correctness(coarse, image, truth, valid)
    again = correctness(coarse, image, truth, harmonise=True) if valid.all() else None
    told = np.isfinite(made.interval).all()
    return Scores(
        images=1,
        rmse=tuple(metrics.rmse(image, truth, valid)),
        psnr=tuple(metrics.psnr(image, truth, valid)),
        cpsnr=tuple(metrics.cpsnr(image, truth, valid)),
        ssim=tuple(metrics.ssim(image, truth, valid)),
        inconsistency=tuple(metrics.inconsistency(image, coarse, truth.shape[1] // coarse.shape[1])),
        spectral_angle=metrics.spectral_angle(image, truth, valid),
        **{name: getattr(classes, name) if classes else None for name in _CLASSES},
        harmonised=tuple(getattr(again, name) for name in _CLASSES) if again else None,
        coverage=tuple(metrics.coverage(image, truth, made.interval, valid)) if told else None,
        width=tuple(made.interval[:, valid].mean(axis=1)) if told else None,
    )


def calibrate(pairs: Iterable[Pair], runtime: Runtime, model: Model, level: float) -> Interval:
    """Return the factors that make the interval hold `level` of these pairs' pixels, per band (split conformal).

    Each pair counts alike, however large.

    Args:
        pairs: kept out of training, and not those of the scores.
        runtime: runs `model`, whose factors are all 1.
        model: the model.
        level: share of pixels.

    Raises:
        TrainingDataError: too few pixels.
    """
    ratios: list[Array] = []
    weights: list[NDArray[np.float64]] = []
    for pair in pairs:
        made = _upscale(pair, runtime, model)
        valid = pair.valid & made.valid
        own = (np.abs(made.reflectance - pair.fine) / made.interval)[:, valid]
        ratios.append(own)
        weights.append(np.full(own.shape[1], 1 / max(1, own.shape[1])))
    count = sum(own.shape[1] for own in ratios)
    if count < _LEAST_CALIBRATION:
        raise TrainingDataError(
            f"{count} pixels are too few to calibrate an interval: keep more images out of training."
        )
    together, weight = np.concatenate(ratios, axis=1), np.concatenate(weights)
    return Interval(level=level, factors=tuple(_quantile(band, weight, level) for band in together))


def _upscale(pair: Pair, runtime: Runtime, model: Model) -> Upscaled:
    return superresolve(pair.coarse, np.ones(pair.coarse.shape[1:], bool), runtime, model)


def _quantile(values: Array, weights: NDArray[np.float64], level: float) -> float:
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    place = min(int(np.searchsorted(share, level * share[-1])), len(order) - 1)
    return float(max(values[order][place], 1e-6))


def _mean(scores: Sequence[Scores]) -> Scores:
    def of(name: str) -> Any:
        known = [value for value in (getattr(one, name) for one in scores) if value is not None]
        if not known:
            return None
        mean = np.nanmean(np.array(known, float), axis=0)
        return float(mean) if mean.ndim == 0 else tuple(float(value) for value in mean)

    names = [name for name in Scores.__dataclass_fields__ if name != "images"]
    return Scores(images=len(scores), **{name: of(name) for name in names})


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_rounded(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float | np.floating) else value
