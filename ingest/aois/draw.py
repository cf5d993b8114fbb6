"""Points on land, their classes, and a draw from them that is balanced over land use."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from shapely.geometry import box, mapping

from catalog.landuse import LCCS_CLASSES, LCCS_TO_IPCC, SMOD_CLASSES
from catalog.metadata import Bounds
from ingest.aois.errors import SampleAoisError
from ingest.aois.globe import Degrees, Globe
from ingest.aois.ground import TakenGround
from ingest.aois.rebalance import Rebalancing, rebalance
from ingest.aois.sea import Sea
from ingest.aois.square import square_around

SETTLEMENT: Final = "Settlement"
NO_CLASS: Final = "None"
"""Stratum of permanent snow and ice, and the SMOD of points of which it is not known."""
MAX_POINTS: Final = 10_000_000
"""Most points of the large sample: 300 MB."""
_PER_LAND_POINT: Final = 3.6
"""Points on the globe for each on land, with a little to spare."""
_MAX_DRAWS: Final = 50
_MAX_LATITUDE: Final = 83.9
_LCCS: Final = np.array([*LCCS_CLASSES, 151], np.int16)


@dataclass(frozen=True)
class Points:
    """Points on land and their classes, all arrays of one length."""

    lon: Degrees
    """Longitudes."""
    lat: Degrees
    """Latitudes."""
    lccs: npt.NDArray[np.int16]
    """LCCS codes."""
    smod: npt.NDArray[np.int16]
    """SMOD codes; what is no class of SMOD means that it is not known."""


@dataclass(frozen=True)
class Stratum:
    """One stratum of the draw."""

    name: str
    """IPCC class, `Settlement` divided further: `Settlement_30`."""
    points: int
    """Points of the large sample in it."""
    target: int
    """Places it should get."""
    drawn: int
    """Places it got; fewer where there are no more points."""


def sample_land(lccs: Globe, smod: Globe, count: int, seed: int) -> Points:
    """Return `count` points drawn uniformly on the sphere, those in the sea and without land cover left out.

    Raises:
        SampleAoisError: a raster cannot be read, or has no land.
    """
    rng = np.random.default_rng(seed)
    sea = Sea(smod)
    parts: list[Points] = []
    missing = count
    for _ in range(_MAX_DRAWS):
        lon, lat = uniform_on_sphere(rng, round(missing * _PER_LAND_POINT) + 1000)
        classes = lccs.sample(lon, lat)
        known = np.isin(classes, _LCCS)
        lon, lat, classes = lon[known], lat[known], classes[known]
        land = np.flatnonzero(~sea.covers(lon, lat, classes))[:missing]
        lon, lat, classes = lon[land], lat[land], classes[land]
        parts.append(Points(lon, lat, classes, smod.sample(lon, lat)))
        missing -= land.size
        if not missing:
            return Points(*(np.concatenate(arrays) for arrays in zip(*map(_arrays, parts), strict=True)))
    raise SampleAoisError(f"only {count - missing} of {count} points found land in {lccs.path}; is it the whole globe?")


def uniform_on_sphere(rng: np.random.Generator, count: int) -> tuple[Degrees, Degrees]:
    """Return longitudes and latitudes of points drawn uniformly by area on the sphere."""
    lon = rng.uniform(-180, 180, count)
    return lon, np.degrees(np.arcsin(rng.uniform(-1, 1, count)))


def strata_of(points: Points) -> npt.NDArray[np.str_]:
    """Return the IPCC class of each point."""
    names = np.full(256, NO_CLASS, dtype="U16")
    for code, ipcc in LCCS_TO_IPCC.items():
        names[code] = ipcc
    return names[points.lccs]


def draw(
    points: Points,
    count: int,
    how: Rebalancing,
    seed: int,
    *,
    settlements: int | None = None,
    existing: Iterable[Bounds] = (),
) -> tuple[list[int], list[Stratum]]:
    """Return the points drawn, by stratum, and what each stratum was to get and got.

    IPCC classes are rebalanced first; the places of `Settlement` are then shared out among its degrees of
    urbanisation, rebalanced the same way.

    Args:
        points: a large sample of the land.
        count: how many places to draw.
        how: what makes rare strata less rare.
        seed: another seed, other places.
        settlements: how many of them are of `Settlement`; what rebalancing gives if not said.
        existing: AOIs that must not be overlapped; those that are drawn do not overlap each other either.
    """
    ipcc = strata_of(points)
    targets = _targets(Counter(ipcc.tolist()), count, how, settlements)
    strata = np.where(ipcc == SETTLEMENT, np.char.add(f"{SETTLEMENT}_", _smod_names(points)), ipcc)
    counts = Counter(strata.tolist())
    within = {name: size for name, size in counts.items() if name.startswith(f"{SETTLEMENT}_")}
    targets |= rebalance(within, targets.pop(SETTLEMENT, 0), how)
    rng = np.random.default_rng((seed, 1))
    ground = TakenGround(existing)
    drawn: list[int] = []
    summary = []
    for name in sorted(targets):
        chosen = _take(rng.permutation(np.flatnonzero(strata == name)), targets[name], points, ground)
        drawn += chosen
        summary.append(Stratum(name, counts[name], targets[name], len(chosen)))
    return drawn, summary


def features(points: Points, drawn: Sequence[int], prefix: str, seed: int) -> list[dict[str, Any]]:
    """Return GeoJSON features of the AOIs around points, as `extend` takes them."""
    found = []
    for index in sorted(drawn):
        lon, lat = float(points.lon[index]), float(points.lat[index])
        lccs, smod = int(points.lccs[index]), int(points.smod[index])
        properties = {
            "name": f"{prefix}-{seed}-{index}",
            # The method is the one that the published AOIs of this source were drawn by.
            "source": "Landcover",
            "lon": lon,
            "lat": lat,
            "lccs": lccs,
            "lccs_label": LCCS_CLASSES.get(lccs),
            "ipcc": LCCS_TO_IPCC.get(lccs),
            "smod": smod if smod in SMOD_CLASSES else None,
            "smod_label": SMOD_CLASSES.get(smod),
        }
        geometry = mapping(box(*square_around(lon, lat)))
        found.append({"type": "Feature", "geometry": geometry, "properties": properties})
    return found


def _targets(counts: Counter[str], count: int, how: Rebalancing, settlements: int | None) -> dict[str, int]:
    if settlements is None or SETTLEMENT not in counts:
        return rebalance(counts, count, how)
    others = {name: size for name, size in counts.items() if name != SETTLEMENT}
    return rebalance(others, count - settlements, how) | {SETTLEMENT: settlements}


def _smod_names(points: Points) -> npt.NDArray[np.str_]:
    known = np.isin(points.smod, np.array(list(SMOD_CLASSES), np.int16))
    return np.where(known, points.smod.astype("U6"), NO_CLASS)


def _take(order: npt.NDArray[np.intp], target: int, points: Points, ground: TakenGround) -> list[int]:
    """Return the first points in an order around which an AOI may be."""
    taken: list[int] = []
    for index in order:
        if len(taken) == target:
            break
        bounds = square_around(float(points.lon[index]), float(points.lat[index]))
        if bounds[0] < bounds[2] and abs(points.lat[index]) <= _MAX_LATITUDE and ground.take(bounds):
            taken.append(int(index))
    return taken


def _arrays(points: Points) -> tuple[npt.NDArray[Any], ...]:
    return points.lon, points.lat, points.lccs, points.smod
