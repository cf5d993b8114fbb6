"""When Sentinel-2 saw a place: candidates around the SPOT date, ranked as the published ones are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from ingest.sample.noise import create_generator
from ingest.sample.place import Place

MOST_REVISITS = 16
"""The published number of revisits."""

_CLEAR = 0.02
"""A smaller share of cloud is none."""

_FIRST_DAY = date(2017, 1, 1)
"""The catalogue was searched from this day."""


@dataclass(frozen=True)
class Revisit:
    """One Sentinel-2 image of a place."""

    n: int
    """Rank from 1, best first; not chronological."""
    lowres_date: date
    """Day of the image."""
    delta: int
    """Days from the SPOT image to this one."""
    rank: float
    """Sum of the ranks of |delta| and of cloud cover."""
    cloud_cover: float
    """Cloud cover of the whole Sentinel-2 product in percent."""
    cloud_share: float
    """Share of the AOI under cloud, 0 to 1."""


def choose_revisits(place: Place, count: int, seed: int) -> list[Revisit]:
    """Return the `count` best of the place's passes, ranked by nearness to the SPOT date and by cloud cover."""
    rng = create_generator(seed, "revisits", place.name)
    start = max(_FIRST_DAY, place.highres_date + timedelta(int(rng.integers(-2, 3))))
    # The swath passes every five days; many of the passes are not in the archive.
    days = [start + timedelta(5 * step) for step in range(-36, 37)]
    days = [day for day in days if day >= _FIRST_DAY and (day == start or rng.random() < 0.4)]  # noqa: PLR2004
    clouds = _draw_cloud_cover(rng, len(days), place.cloudiness)
    clouds[days.index(start)] = 0.02
    deltas = [(day - place.highres_date).days for day in days]
    ranks = _rank([abs(delta) for delta in deltas]) + _rank(list(clouds))
    revisits = []
    for n, index in enumerate(np.argsort(ranks, kind="stable")[:count], start=1):
        share = _draw_share(rng, clouds[index] / 100)
        revisits.append(
            Revisit(n, days[index], deltas[index], float(ranks[index]), round(float(clouds[index]), 2), share)
        )
    return revisits


def _draw_cloud_cover(rng: np.random.Generator, count: int, cloudiness: float) -> npt.NDArray[np.float64]:
    """Return cloud covers in percent: many clear days, some of every kind."""
    clear = rng.gamma(0.6, 3.0, count) * cloudiness
    cloudy = 100 * rng.beta(0.9, 0.9, count)
    return np.clip(np.where(rng.random(count) < 0.5 / cloudiness**0.5, clear, cloudy), 0, 100)


def _draw_share(rng: np.random.Generator, product: float) -> float:
    """Return the AOI's own share of cloud, given its product's: a small square is clear or covered sooner."""
    share = float(np.clip(product * rng.uniform(0.5, 1.6), 0, 1))
    return share if share > _CLEAR else 0.0


def _rank(values: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return ranks from 1, ties sharing their mean rank."""
    array = np.asarray(values, np.float64)
    less = (array[None, :] < array[:, None]).sum(axis=1)
    equal = (array[None, :] == array[:, None]).sum(axis=1)
    return np.asarray(less + (equal + 1) / 2)
