"""How alike two images are, band by band."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_PERCENTILES = (2, 50, 98)


@dataclass(frozen=True)
class Match:
    """The gain and offset that bring one band closest to another, by least squares."""

    gain: float
    """What its numbers are multiplied by."""
    offset: float
    """What is added then."""


def compare_bands(first: Values, second: Values, names: tuple[list[str], list[str]]) -> list[dict[str, Any]]:
    """Return how alike the bands of two images are, where both have numbers.

    Args:
        first: bands as `(band, y, x)`, NaN where there is nothing.
        second: as many, on the same grid.
        names: names of the bands of each.
    """
    return [
        _compare(one, other, *pair) for one, other, pair in zip(first, second, zip(*names, strict=True), strict=True)
    ]


def difference(first: Values, second: Values) -> Values:
    """Return the second less the first; NaN where either has nothing."""
    return second - first


def _compare(first: Values, second: Values, name: str, other: str) -> dict[str, Any]:
    joint = np.isfinite(first) & np.isfinite(second)
    one, two = first[joint], second[joint]
    known = {"name": name, "other_name": other, "pixels": int(joint.sum())}
    if not known["pixels"]:
        return {
            **known,
            "first": None,
            "second": None,
            "difference": None,
            "before": None,
            "match": None,
            "after": None,
        }
    match = _match(one, two)
    return {
        **known,
        "first": _describe(one),
        "second": _describe(two),
        "difference": _describe(two - one),
        "before": _agreement(one, two),
        "match": vars(match),
        "after": _agreement(match.gain * one + match.offset, two),
    }


def _match(one: Values, two: Values) -> Match:
    spread = one.var()
    gain = float(((one - one.mean()) * (two - two.mean())).mean() / spread) if spread else 1.0
    return Match(gain, float(two.mean() - gain * one.mean()))


def _describe(values: Values) -> dict[str, float]:
    percentiles = {
        f"percentile_{at}": float(value)
        for at, value in zip(_PERCENTILES, np.percentile(values, _PERCENTILES), strict=True)
    }
    edges = {"min": float(values.min()), "max": float(values.max())}
    return {"mean": float(values.mean()), "std": float(values.std()), **edges, **percentiles}


def _agreement(one: Values, two: Values) -> dict[str, float | None]:
    spread = one.std() * two.std()
    together = float(((one - one.mean()) * (two - two.mean())).mean())
    return {
        "bias": float((two - one).mean()),
        "mae": float(np.abs(two - one).mean()),
        "rmse": float(np.sqrt(((two - one) ** 2).mean())),
        "correlation": together / spread if spread else None,
    }
