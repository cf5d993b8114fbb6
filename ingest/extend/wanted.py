"""The list of new AOIs: GeoJSON features, checked one by one."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from shapely.errors import ShapelyError
from shapely.geometry import shape

from catalog.landuse import IPCC_CLASSES, LCCS_CLASSES, LCCS_TO_IPCC, SMOD_CLASSES
from catalog.metadata import SPLITS, Aoi, Bounds, source_of
from ingest.aois.square import area_of, square_around
from ingest.extend.errors import ExtendError
from ingest.extend.grid import create_grid
from ingest.raster import Grid

MAX_AOIS: Final = 100_000
"""More features than this are refused: the file would be another one than meant."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}")
_RESERVED: Final = frozenset({"hr_dataset", "lr_dataset", "12bit", "8bit", "hr_dataset_raw"})
_MAX_LATITUDE: Final = 84.0
"""Where UTM ends; Sentinel-2 does not look beyond."""


@dataclass(frozen=True)
class Wanted:
    """One AOI that revisits are wanted of."""

    aoi: Aoi
    """What is known of the place, without revisits."""
    grid: Grid
    """Where its pixels lie."""
    target: date | None
    """Day that revisits should be near."""
    highres_date: date | None
    """Day of its high-resolution image, where there is one."""


@dataclass(frozen=True)
class Refused:
    """An AOI that came to nothing, and why."""

    aoi: str
    """Its name, or its place in the file."""
    reason: str
    """What is wrong."""


def read_wanted(path: Path, default_target: date | None = None) -> tuple[list[Wanted], list[Refused]]:
    """Read the AOIs of a GeoJSON file, and list the features that are none.

    Polygons give their bounds, points the square of 2.5 km² around them. Properties: `name`, and optionally `source`,
    `highres_date`, `target_date`, `lccs`, `ipcc`, `smod`, `split`, `lon`, `lat`.

    Args:
        path: a FeatureCollection in longitude and latitude.
        default_target: day that revisits of AOIs without a date of their own should be near.

    Raises:
        ExtendError: the file cannot be read, or is no FeatureCollection.
    """
    wanted: dict[str, Wanted] = {}
    refused: list[Refused] = []
    for number, feature in enumerate(_features(path), start=1):
        name = f"feature {number}"
        try:
            name = _name(feature)
            found = _read(name, feature, default_target)
        except ExtendError as error:
            refused.append(Refused(name, str(error)))
            continue
        if wanted.setdefault(found.aoi.slug, found) is not found:
            refused.append(Refused(name, "an earlier feature has this name"))
    return list(wanted.values()), refused


def _features(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ExtendError(f"{path} cannot be read as GeoJSON: {error}.") from error
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or not features:
        raise ExtendError(f"{path} is no GeoJSON FeatureCollection with features.")
    if len(features) > MAX_AOIS:
        raise ExtendError(f"{path} has {len(features)} features; at most {MAX_AOIS} are taken, split it.")
    return (feature if isinstance(feature, dict) else {} for feature in features)


def _name(feature: Mapping[str, Any]) -> str:
    name = _properties(feature).get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _RESERVED:
        raise ExtendError(
            f"its name is {name!r}; give 1 to 80 letters, digits, spaces, `.`, `_` and `-`, a letter or digit first"
        )
    return name


def _read(name: str, feature: Mapping[str, Any], default_target: date | None) -> Wanted:
    properties = _properties(feature)
    bounds, lon, lat = _place(feature)
    lccs = _code(properties, "lccs", {**LCCS_CLASSES, 151: None})
    ipcc = _code(properties, "ipcc", dict.fromkeys(IPCC_CLASSES))
    smod = _code(properties, "smod", SMOD_CLASSES)
    split = _code(properties, "split", dict.fromkeys(SPLITS))
    highres_date = _date(properties, "highres_date")
    aoi = Aoi(
        name=name,
        source=str(properties.get("source") or source_of(name)),
        bounds=bounds,
        lon=lon,
        lat=lat,
        area=round(area_of(bounds), 2),
        lccs=lccs,
        lccs_label=LCCS_CLASSES.get(lccs),
        ipcc=ipcc or LCCS_TO_IPCC.get(lccs),
        smod=smod,
        smod_label=SMOD_CLASSES.get(smod),
        splits=(split,) if split else (),
    )
    return Wanted(
        aoi, create_grid(bounds), _date(properties, "target_date") or highres_date or default_target, highres_date
    )


def _properties(feature: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = feature.get("properties")
    return properties if isinstance(properties, dict) else {}


def _place(feature: Mapping[str, Any]) -> tuple[Bounds, float, float]:
    """Return the bounds of a feature and its point, or its centre."""
    try:
        geometry = shape(feature["geometry"])
        kind, valid = geometry.geom_type, geometry.is_valid and not geometry.is_empty
    except (KeyError, TypeError, ValueError, AttributeError, ShapelyError) as error:
        raise ExtendError(f"its geometry cannot be read: {error!r}") from error
    if not valid or kind not in {"Point", "Polygon"}:
        raise ExtendError(f"its geometry is {'a' if valid else 'an invalid'} {kind}; give a Polygon or a Point")
    if kind == "Point":
        lon, lat = geometry.bounds[:2]
        bounds = square_around(lon, lat) if abs(lon) <= 180 and abs(lat) <= _MAX_LATITUDE else geometry.bounds  # noqa: PLR2004
    else:
        bounds = geometry.bounds
        lon, lat = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    west, south, east, north = bounds
    if not (-180 <= west < east <= 180 and -_MAX_LATITUDE <= south < north <= _MAX_LATITUDE):  # noqa: PLR2004
        raise ExtendError(f"it reaches from {bounds}, beyond ±180° or ±{_MAX_LATITUDE:g}°, or over the antimeridian")
    return (west, south, east, north), lon, lat


def _code(properties: Mapping[str, Any], key: str, known: Mapping[Any, Any]) -> Any:
    """Return a class or None; one that nobody knows is refused."""
    value = properties.get(key)
    if value is None:
        return None
    try:
        if value in known and not isinstance(value, bool):
            return value
    except TypeError:
        pass
    raise ExtendError(f"its {key} is {value!r}, which is none of {', '.join(map(str, known))}")


def _date(properties: Mapping[str, Any], key: str) -> date | None:
    value = properties.get(key)
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise ExtendError(f"its {key} is {value!r}, no date like 2020-05-13") from error
