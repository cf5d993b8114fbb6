"""The places of the sample: names of the published scheme, classes, splits, and a square of 2.5 km² each."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from rasterio.warp import transform

from ingest.sample import camps, countryside, mines, towns
from ingest.sample.canvas import Canvas

Painter = Callable[[Canvas], None]
"""What paints a place on an empty canvas."""

AREA = 2.5
"""Area of an AOI in km²."""

MOST_PLACES = 400
"""More AOIs than this are not offered: each costs about 27 MB."""


class LandCover(NamedTuple):
    """The three classifications of a place, as the published tables write them."""

    lccs: int
    lccs_label: str
    ipcc: str
    smod: int
    smod_label: str


@dataclass(frozen=True)
class Place:
    """One AOI of the sample."""

    name: str
    """AOI name in the published scheme."""
    source: str
    """Landcover, UNHCR, ASMSpotter or Amnesty."""
    lon: float
    """Longitude of the centre in degrees; made up, on the right kind of land."""
    lat: float
    """Latitude of the centre in degrees; made up likewise."""
    classes: LandCover
    """What the place is classified as."""
    splits: tuple[str, ...]
    """The splits that the published table lists it in: one, none, or two that contradict each other."""
    highres_date: date
    """When SPOT saw it."""
    paint: Painter
    """What it looks like."""
    green_peak: int
    """Day of the year when it is greenest."""
    dry_green: float
    """What perennial plants keep in the driest month, 0 to 1."""
    cloudiness: float = 1.0
    """How cloudy its revisits are, 1 is usual."""

    @property
    def has_angles(self) -> bool:
        """Whether its revisits come with angle rasters; the others come with a scene classification."""
        return self.source in {"ASMSpotter", "Amnesty"}

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north of the square of 2.5 km² around the centre, in degrees."""
        sine = math.sin(math.radians(self.lat))
        axis, flattening = 6378137.0, 0.0066943799901413165
        meridian = axis * (1 - flattening) / (1 - flattening * sine**2) ** 1.5
        parallel = axis / math.sqrt(1 - flattening * sine**2) * math.cos(math.radians(self.lat))
        half = 500 * math.sqrt(AREA)
        dx, dy = math.degrees(half / parallel), math.degrees(half / meridian)
        return (self.lon - dx, self.lat - dy, self.lon + dx, self.lat + dy)

    @property
    def lr_size(self) -> tuple[int, int]:
        """Rows and columns at 10 m: the square's extent between its corners in UTM, rounded."""
        west, south, east, north = self.bounds
        zone = int((self.lon + 180) // 6) % 60 + 1
        utm = f"EPSG:{326 if self.lat >= 0 else 327}{zone:02d}"
        xs, ys = transform("EPSG:4326", utm, [west, east], [south, north])[:2]
        return (round(abs(ys[1] - ys[0]) / 10), round(abs(xs[1] - xs[0]) / 10))


_CROPLAND = LandCover(10, "Cropland, rainfed", "Agriculture", 21, "Urban: Suburban")
_RAINFOREST = LandCover(
    50, "Tree cover, broadleaved, evergreen, closed to open (>15%)", "Forest", 11, "Rural: Very Low Dens"
)

# In the order in which a smaller sample takes them: the first four are one of each source, with the two oddities.
_PLACES = (
    Place(
        "Amnesty POI-5-2-2", "Amnesty", 43.6, 14.4,
        LandCover(11, "Herbaceous cover", "Agriculture", 11, "Rural: Very Low Dens"),
        ("test", "train"), date(2018, 9, 15), countryside.paint_wadi, 240, 0.3, 0.7,
    ),
    Place(
        "UNHCR-NERs009627", "UNHCR", 4.7, 15.1,
        LandCover(130, "Grassland", "Grassland", 11, "Rural: Very Low Dens"),
        (), date(2019, 10, 3), camps.paint_desert_camp, 240, 0.2, 0.7,
    ),
    Place(
        "ASMSpotter-1-1-1", "ASMSpotter", -55.0, 4.6, _RAINFOREST,
        ("train",), date(2016, 10, 18), mines.paint_creek_mine, 150, 0.8, 2.0,
    ),
    Place(
        "Landcover-8379", "Landcover", 115.6, 23.1, _CROPLAND,
        ("train",), date(2019, 12, 8), countryside.paint_paddies, 250, 0.7,
    ),
    Place(
        "Landcover-778743", "Landcover", 75.3, 17.4,
        LandCover(190, "Urban areas", "Settlement", 30, "Urban: Centre"),
        ("train",), date(2019, 11, 20), towns.paint_city, 240, 0.45,
    ),
    Place(
        "UNHCR-ZWEs002079", "UNHCR", 32.5, -20.5, _CROPLAND._replace(smod=11, smod_label="Rural: Very Low Dens"),
        ("val",), date(2020, 5, 13), camps.paint_savanna_camp, 45, 0.3, 0.8,
    ),
    Place(
        "Amnesty POI-1-1-1", "Amnesty", 12.9, 11.6,
        LandCover(190, "Urban areas", "Settlement", 30, "Urban: Centre"),
        ("train",), date(2017, 11, 1), towns.paint_town, 250, 0.25, 0.8,
    ),
    Place(
        "ASMSpotter-21-2-3", "ASMSpotter", -70.1, -12.9, _RAINFOREST,
        ("test",), date(2018, 8, 3), mines.paint_river_mine, 60, 0.8, 1.6,
    ),
)  # fmt: skip

_BLOCKS = ("Amnesty", "ASMSpotter", "Landcover", "UNHCR")
"""The order of the sources in the published metadata.csv."""


def select_places(count: int) -> list[Place]:
    """Return `count` places in the order of the published table; beyond the eight they are variations of them."""
    chosen = [_vary(_PLACES[index % len(_PLACES)], index // len(_PLACES)) for index in range(count)]
    return sorted(chosen, key=lambda place: (_BLOCKS.index(place.source), place.name))


def _vary(place: Place, turn: int) -> Place:
    """Return the place itself for turn 0, else another one like it some kilometres on, under a name of its own."""
    if turn == 0:
        return place
    names = {
        "Amnesty": f"Amnesty POI-{23 + turn}-{1 + turn % 3}-{1 + len(place.splits)}",
        "ASMSpotter": f"ASMSpotter-{40 + turn}-{1 + turn % 3}-{1 if place.lat > 0 else 2}",
        "Landcover": f"Landcover-{9000000 + 10 * turn + place.classes.lccs // 100}",
        "UNHCR": f"{place.name[:9]}s{900000 + turn}",
    }
    split = ("train", "val", "test")[turn % 3]
    lon, lat = place.lon + 0.03 * turn, place.lat + 0.02 * (turn % 10)
    return replace(place, name=names[place.source], lon=round(lon, 6), lat=round(lat, 6), splits=(split,))
