"""Where the sun stands when a satellite passes in the local morning."""

import math
from dataclasses import dataclass
from datetime import date

_PASS_HOUR = 10.5
"""Mean local solar time of the overpass, Sentinel-2's and nearly SPOT's."""


@dataclass(frozen=True)
class Sun:
    """The sun's place in the sky, in degrees."""

    azimuth: float
    """Clockwise from north."""
    zenith: float
    """From straight above."""

    def step(self) -> tuple[float, float]:
        """Return the way a shadow falls, as the unit step (down, right) in a north-up image."""
        return (math.cos(math.radians(self.azimuth)), -math.sin(math.radians(self.azimuth)))

    def shadow(self, height: float, gsd: float) -> tuple[float, float]:
        """Return the shadow of something `height` metres tall as a step (down, right) in pixels of `gsd` metres."""
        length = height * math.tan(math.radians(min(self.zenith, 75))) / gsd
        down, right = self.step()
        return (down * length, right * length)


def compute_sun(day: date, latitude: float) -> Sun:
    """Return the sun at the overpass of a day (Cooper's declination, no equation of time)."""
    turn = 2 * math.pi * (284 + day.timetuple().tm_yday) / 365
    declination = math.radians(23.45) * math.sin(turn)
    phi, hour = math.radians(latitude), math.radians(15 * (_PASS_HOUR - 12))
    east = -math.cos(declination) * math.sin(hour)
    north = math.cos(phi) * math.sin(declination) - math.sin(phi) * math.cos(declination) * math.cos(hour)
    up = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(hour)
    zenith = math.degrees(math.acos(max(-1.0, min(1.0, up))))
    return Sun(azimuth=math.degrees(math.atan2(east, north)) % 360, zenith=zenith)
