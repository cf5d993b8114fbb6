"""What covers the ground and how bright it is in each band, through the year."""

import math
from collections.abc import Sequence
from datetime import date
from enum import StrEnum, auto

import numpy as np
import numpy.typing as npt

Spectrum = npt.NDArray[np.float32]
"""Surface reflectance in the thirteen bands B01 to B12 with B8A after B08 and B10 after B09."""


class Cover(StrEnum):
    """A surface with a spectrum of its own; a pixel is a mixture of these."""

    FOREST = auto()
    TREE = auto()
    SHRUB = auto()
    GRASS = auto()
    CROP_EARLY = auto()
    CROP_MAIN = auto()
    CROP_LATE = auto()
    CROP_TWICE = auto()
    PADDY = auto()
    SAND = auto()
    LATERITE = auto()
    SOIL = auto()
    DARK_SOIL = auto()
    ROCK = auto()
    WATER = auto()
    RIVER = auto()
    MUD_POND = auto()
    GREEN_POND = auto()
    METAL_ROOF = auto()
    TILE_ROOF = auto()
    CONCRETE = auto()
    TENT = auto()
    ASPHALT = auto()
    SHADE = auto()


# Per mille, typical of published spectral libraries: B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10 B11 B12.
_GREEN_CROP = (24, 28, 62, 33, 105, 330, 410, 440, 460, 460, 300, 215, 105)
_GREEN_GRASS = (28, 34, 66, 48, 110, 250, 300, 320, 335, 335, 250, 215, 120)
_STRAW = (60, 82, 122, 165, 200, 232, 262, 290, 310, 318, 330, 380, 285)
_SOIL = (56, 74, 108, 146, 170, 188, 206, 224, 238, 248, 280, 315, 265)
_PER_MILLE: dict[Cover, tuple[int, ...]] = {
    Cover.FOREST: (14, 19, 40, 21, 64, 215, 285, 305, 325, 325, 220, 145, 62),
    Cover.TREE: (20, 27, 50, 33, 84, 205, 255, 275, 292, 295, 220, 170, 88),
    Cover.SHRUB: (34, 45, 68, 68, 112, 190, 222, 240, 255, 260, 240, 230, 150),
    Cover.SAND: (132, 178, 248, 312, 372, 392, 412, 432, 450, 460, 480, 530, 480),
    Cover.LATERITE: (58, 76, 122, 176, 222, 244, 262, 282, 302, 312, 340, 392, 326),
    Cover.SOIL: _SOIL,
    Cover.DARK_SOIL: (38, 48, 66, 84, 98, 108, 118, 128, 138, 143, 155, 175, 140),
    Cover.ROCK: (88, 112, 146, 178, 192, 200, 208, 214, 222, 226, 240, 268, 246),
    Cover.WATER: (48, 44, 36, 18, 14, 11, 10, 9, 8, 7, 4, 4, 3),
    Cover.RIVER: (52, 66, 104, 118, 110, 64, 58, 44, 38, 22, 10, 9, 6),
    Cover.MUD_POND: (68, 94, 146, 160, 146, 84, 78, 58, 48, 28, 12, 10, 6),
    Cover.GREEN_POND: (42, 58, 96, 62, 66, 42, 42, 34, 30, 18, 8, 8, 5),
    Cover.METAL_ROOF: (205, 235, 262, 274, 284, 294, 304, 314, 322, 326, 340, 360, 330),
    Cover.TILE_ROOF: (58, 78, 122, 222, 272, 292, 312, 330, 342, 346, 360, 382, 358),
    Cover.CONCRETE: (132, 158, 190, 212, 224, 234, 242, 252, 260, 264, 280, 302, 282),
    Cover.TENT: (380, 430, 458, 470, 476, 480, 482, 482, 480, 470, 450, 400, 320),
    Cover.ASPHALT: (66, 78, 94, 104, 110, 115, 119, 124, 128, 131, 140, 152, 142),
    Cover.SHADE: (19, 17, 13, 9, 8, 8, 8, 8, 8, 8, 6, 5, 3),
}

# Two ends between which a living cover moves: bare or dry, and fully green.
_LIVING: dict[Cover, tuple[tuple[int, ...], tuple[int, ...]]] = {
    Cover.GRASS: (_STRAW, _GREEN_GRASS),
    Cover.CROP_EARLY: (_STRAW, _GREEN_CROP),
    Cover.CROP_MAIN: (_SOIL, _GREEN_CROP),
    Cover.CROP_LATE: (_SOIL, (26, 32, 72, 46, 122, 300, 360, 385, 400, 402, 290, 225, 120)),
    Cover.CROP_TWICE: (_STRAW, (22, 26, 54, 27, 90, 330, 430, 465, 485, 480, 300, 195, 90)),
    Cover.PADDY: (
        (46, 58, 84, 84, 86, 84, 88, 86, 84, 70, 60, 62, 40),
        (22, 27, 60, 30, 96, 310, 390, 420, 436, 430, 270, 165, 78),
    ),
    Cover.TREE: ((36, 46, 66, 66, 108, 172, 200, 218, 234, 240, 230, 232, 150), _PER_MILLE[Cover.TREE]),
    Cover.SHRUB: ((56, 74, 106, 128, 158, 186, 208, 228, 244, 250, 260, 300, 226), _PER_MILLE[Cover.SHRUB]),
}

# Phase in the year (of the wet season's peak) and width of each crop's green time.
_CROP_SEASON = {
    Cover.CROP_EARLY: ((-0.10, 0.11),),
    Cover.CROP_MAIN: ((0.0, 0.13),),
    Cover.CROP_LATE: ((0.16, 0.12),),
    Cover.CROP_TWICE: ((-0.06, 0.11), (0.40, 0.12)),
    Cover.PADDY: ((0.05, 0.12),),
}

WATERS = (Cover.WATER, Cover.RIVER, Cover.MUD_POND, Cover.GREEN_POND)
"""The covers that a classification calls water."""

_YEAR = 365.25


def compute_greenness(cover: Cover, day: date, *, green_peak: int, dry_green: float) -> float:
    """Return how green a living cover is on a day: 0 dry or bare, 1 at its best.

    Args:
        cover: one of the living covers.
        day: the date of the image.
        green_peak: day of the year when the place is greenest.
        dry_green: what grass, shrubs and trees keep in the driest month, 0 to 1.
    """
    phase = (day.timetuple().tm_yday - green_peak) / _YEAR
    if cover in _CROP_SEASON:
        return max(_bump(phase - start, width) for start, width in _CROP_SEASON[cover])
    wave = math.pow(0.5 + 0.5 * math.cos(2 * math.pi * phase), 1.4)
    return dry_green + (1 - dry_green) * wave


def _bump(phase: float, width: float) -> float:
    """Return a bell over the cyclic year."""
    distance = abs((phase + 0.5) % 1 - 0.5)
    return math.exp(-0.5 * (distance / width) ** 2)


def compute_spectra(covers: Sequence[Cover], day: date, *, green_peak: int, dry_green: float) -> Spectrum:
    """Return the spectra of the covers on a day, as (cover, 13) surface reflectance."""
    rows: list[Spectrum] = []
    for cover in covers:
        if cover in _LIVING:
            dry, green = (np.array(end, np.float32) for end in _LIVING[cover])
            share = np.float32(compute_greenness(cover, day, green_peak=green_peak, dry_green=dry_green))
            rows.append(dry + share * (green - dry))
        else:
            rows.append(np.array(_PER_MILLE[cover], np.float32))
    return np.asarray(np.stack(rows) / 1000, np.float32)
