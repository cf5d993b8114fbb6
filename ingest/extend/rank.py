"""Which revisits to take: the authors' rank of days and clouds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import inf
from typing import Any


@dataclass(frozen=True)
class Candidate:
    """One image of a catalog that covers an AOI."""

    item: Mapping[str, Any]
    """Its STAC item."""
    address: str
    """Where the item is."""
    day: date
    """Day it was taken, UTC."""
    cloud_cover: float | None
    """Per cent of clouds in the whole product, where the catalog says it."""


@dataclass(frozen=True)
class Choice:
    """A candidate that becomes a revisit."""

    n: int
    """Its place, from 1, the best first."""
    candidate: Candidate
    """What it is."""
    delta: int | None
    """Days from the target date to it, None without one."""
    rank: float
    """Weighted sum of its ranks; the smaller the better."""


@dataclass(frozen=True)
class Ranking:
    """How candidates are ranked, and how many are taken."""

    revisits: int = 16
    """At most so many."""
    days: float = 1.0
    """Weight of the rank by days from the target date."""
    clouds: float = 1.0
    """Weight of the rank by cloud cover."""
    max_cloud: float | None = None
    """Per cent of clouds beyond which an image is no candidate."""
    max_days: int | None = None
    """Days beyond which an image is no candidate."""


def choose(candidates: Iterable[Candidate], target: date | None, ranking: Ranking) -> list[Choice]:
    """Return the best candidates: rank of |days| times its weight plus rank of clouds times its weight.

    Ranks are those of all candidates that the limits leave; equal ones share their mean rank. What is unknown ranks
    behind everything known. Of equal sums the nearer day, then the earlier one comes first.
    """
    kept = [candidate for candidate in candidates if _within(candidate, target, ranking)]
    deltas = [None if target is None else (candidate.day - target).days for candidate in kept]
    distances = [inf if delta is None else abs(delta) for delta in deltas]
    clouds = [inf if candidate.cloud_cover is None else candidate.cloud_cover for candidate in kept]
    sums = [
        ranking.days * by_days + ranking.clouds * by_clouds
        for by_days, by_clouds in zip(mean_ranks(distances), mean_ranks(clouds), strict=True)
    ]
    order = sorted(range(len(kept)), key=lambda i: (sums[i], distances[i], kept[i].day, kept[i].address))
    return [Choice(n, kept[i], deltas[i], sums[i]) for n, i in enumerate(order[: ranking.revisits], start=1)]


def mean_ranks(values: Sequence[float]) -> list[float]:
    """Return the rank of each value from 1, equal ones sharing their mean, as pandas' `rank` gives them."""
    order = sorted(values)
    first = {value: index for index, value in reversed(list(enumerate(order, start=1)))}
    last = {value: index for index, value in enumerate(order, start=1)}
    return [(first[value] + last[value]) / 2 for value in values]


def _within(candidate: Candidate, target: date | None, ranking: Ranking) -> bool:
    if ranking.max_cloud is not None and (candidate.cloud_cover is None or candidate.cloud_cover > ranking.max_cloud):
        return False
    return ranking.max_days is None or target is None or abs((candidate.day - target).days) <= ranking.max_days
