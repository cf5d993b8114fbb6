"""Land divided into parcels: fields, blocks and lots, cut one from another as land is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.sample.noise import Labels, Plane

LAST_RANK = 30
"""No parcel is cut more often than this."""


@dataclass(frozen=True)
class Frame:
    """The scene in turned and bent coordinates, in pixels, along which land is cut."""

    u: Plane
    v: Plane

    @classmethod
    def turned(cls, size: int, angle: float, bend: Sequence[Plane] = ()) -> "Frame":
        """Return the frame turned by `angle` degrees and displaced by two planes of pixels."""
        axis = np.arange(size, dtype=np.float32) - size / 2
        cosine, sine = (np.float32(f(math.radians(angle))) for f in (math.cos, math.sin))
        u = cosine * axis[None, :] + sine * axis[:, None]
        v = cosine * axis[:, None] - sine * axis[None, :]
        if bend:
            u, v = u + bend[0], v + bend[1]
        return cls(u=u.astype(np.float32), v=v.astype(np.float32))


@dataclass(frozen=True)
class Parcels:
    """A division of the scene into parcels that are rectangles in their frame."""

    ident: Labels
    """Which parcel each pixel is in."""
    sides: tuple[Plane, Plane, Plane, Plane]
    """Distance to the side of least u, most u, least v and most v, in pixels."""
    ranks: npt.NDArray[np.int8]
    """(parcel, side): how many cuts came before the one that made the side; 0 is the first, widest road."""

    @property
    def edge(self) -> Plane:
        """Distance to the nearest side in pixels."""
        nearest: Plane = np.minimum.reduce(self.sides)
        return nearest

    @property
    def width(self) -> Plane:
        """Extent of the pixel's parcel along u."""
        return self.sides[0] + self.sides[1]

    @property
    def height(self) -> Plane:
        """Extent of the pixel's parcel along v."""
        return self.sides[2] + self.sides[3]

    def measure_lanes(self, half_widths: Sequence[float]) -> Plane:
        """Return the distance to the nearest lane's kerb in pixels, negative on a lane.

        Args:
            half_widths: of the lane along a side, by the side's rank; no lane beyond the list.
        """
        widths = np.full(LAST_RANK + 1, -99, np.float32)
        widths[: len(half_widths)] = half_widths
        per_parcel = widths[self.ranks]
        kerbs = [side - per_parcel[self.ident, index] for index, side in enumerate(self.sides)]
        nearest: Plane = np.minimum.reduce(kerbs)
        return nearest


@dataclass
class _Cutter:
    """Cuts a rectangle again and again and keeps the pieces."""

    rng: np.random.Generator
    area: float
    shortest: float
    spread: float
    pieces: list[tuple[float, float, float, float]]
    ranks: list[tuple[int, int, int, int]]

    def cut(self, box: tuple[float, float, float, float], ranks: tuple[int, int, int, int], depth: int) -> None:
        """Cut a box (u0, u1, v0, v1) until its pieces are small enough."""
        u0, u1, v0, v1 = box
        width, height = u1 - u0, v1 - v0
        goal = self.area * math.exp(self.rng.normal(0, self.spread))
        if depth >= LAST_RANK or width * height < goal or max(width, height) < 2 * self.shortest:
            self.pieces.append(box)
            self.ranks.append(ranks)
            return
        share = 0.5 + self.rng.uniform(-0.17, 0.17)
        if width * math.exp(self.rng.normal(0, 0.25)) > height:
            at = u0 + share * width
            self.cut((u0, at, v0, v1), (ranks[0], depth, ranks[2], ranks[3]), depth + 1)
            self.cut((at, u1, v0, v1), (depth, ranks[1], ranks[2], ranks[3]), depth + 1)
        else:
            at = v0 + share * height
            self.cut((u0, u1, v0, at), (ranks[0], ranks[1], ranks[2], depth), depth + 1)
            self.cut((u0, u1, at, v1), (ranks[0], ranks[1], depth, ranks[3]), depth + 1)


def cut_parcels(
    rng: np.random.Generator, frame: Frame, *, area: float, shortest: float, spread: float = 0.5
) -> Parcels:
    """Divide the scene.

    Args:
        rng: where the cuts come from.
        frame: the coordinates along which to cut.
        area: typical area of a parcel in square pixels.
        shortest: no side is cut below this, in pixels.
        spread: how unequal the areas are (standard deviation of their logarithm).
    """
    low_u, low_v = float(frame.u.min()) - 2, float(frame.v.min()) - 2
    high_u, high_v = float(frame.u.max()) + 2, float(frame.v.max()) + 2
    cutter = _Cutter(rng, area, shortest, spread, [], [])
    cutter.cut((low_u, high_u, low_v, high_v), (LAST_RANK,) * 4, 0)
    boxes = np.array(cutter.pieces, np.float32)
    atlas = np.zeros((math.ceil(high_v - low_v) + 1, math.ceil(high_u - low_u) + 1), np.int32)
    for index, (u0, u1, v0, v1) in enumerate(np.rint(boxes - (low_u, low_u, low_v, low_v)).astype(int)):
        atlas[v0:v1, u0:u1] = index
    ident = atlas[(frame.v - np.float32(low_v)).astype(np.int32), (frame.u - np.float32(low_u)).astype(np.int32)]
    own = [boxes[:, side][ident] for side in range(4)]
    sides = (frame.u - own[0], own[1] - frame.u, frame.v - own[2], own[3] - frame.v)
    return Parcels(ident=ident, sides=sides, ranks=np.array(cutter.ranks, np.int8))
