"""From the dates of one band to one value per pixel, of those dates only on which it was seen."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["median", "mean", "min", "max", "best"]
"""How dates become one; `best` takes the first that shows a pixel, the others look at all of them."""


def reduce_dates(values: NDArray[Any], hidden: NDArray[np.bool_], method: Method) -> NDArray[Any]:
    """Return one value for each pixel.

    Args:
        values: one band of each date, as `(time, y, x)`, the best date first.
        hidden: where there is nothing to see, of the same shape.
        method: how.

    Returns:
        Array `(y, x)` of the same type; whole numbers are rounded. What no date shows has any value.
    """
    if method == "best":
        return _taken(values, hidden.argmin(axis=0))
    if method in {"min", "max"}:
        lowest, highest = _extremes(values.dtype)
        if method == "min":
            return np.asarray(np.where(hidden, highest, values).min(axis=0))
        return np.asarray(np.where(hidden, lowest, values).max(axis=0))
    seen: NDArray[np.int64] = np.maximum((~hidden).sum(axis=0), 1)
    if method == "mean":
        return _rounded(np.where(hidden, 0, values).sum(axis=0, dtype=np.float64) / seen, values.dtype)
    return _rounded(_median(values, hidden, seen), values.dtype)


def _median(values: NDArray[Any], hidden: NDArray[np.bool_], seen: NDArray[np.int64]) -> NDArray[np.float64]:
    # What is hidden goes to the end; the middle is then that of the first `seen` values. numpy's own median of masked
    # arrays takes ten times as long.
    ordered = np.sort(np.where(hidden, _extremes(values.dtype)[1], values), axis=0)
    lower, upper = _taken(ordered, (seen - 1) // 2), _taken(ordered, seen // 2)
    return np.asarray((lower.astype(np.float64) + upper) / 2)


def _taken(values: NDArray[Any], dates: NDArray[np.int64]) -> NDArray[Any]:
    """Return of each pixel the value of one date."""
    return np.asarray(np.take_along_axis(values, dates[None], axis=0)[0])


def _extremes(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    if np.issubdtype(dtype, np.floating):
        return dtype.type(-np.inf), dtype.type(np.inf)
    return dtype.type(np.iinfo(dtype).min), dtype.type(np.iinfo(dtype).max)


def _rounded(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    return (values if np.issubdtype(dtype, np.floating) else np.rint(values)).astype(dtype)
