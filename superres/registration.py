"""How far two images of one place are apart, by phase correlation, and the averaging that comes before it."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

PSF = 0.4
"""Standard deviation of Sentinel-2's blur in its own pixels: with a pixel's own average it leaves a quarter of the
contrast at half a cycle a pixel, as the mission's 10 m bands do (MTF 0.15 to 0.3)."""
MAX_SHIFT = 4.0
"""Farthest two images are looked for apart, in pixels of the coarser."""
MIN_VALID = 0.25
"""Least share of pixels that both images must show."""
TRUSTED = 0.12
"""Agreement from which a shift is worth believing; images of different places reach 0.08."""

Image = NDArray[np.floating]
Mask = NDArray[np.bool_]

_BAND = 0.17  # cycles a pixel: finer detail is noise and aliasing, which two sensors do not share
_FEATHER = 3.0  # pixels: standard deviation of the blur of what is valid
_STEPS = (0.1, 0.01, 0.001)  # of a pixel: each search looks between the best of the one before and its neighbours
_REACH = 4.0  # standard deviations of a blur that are summed
_ERF_AT = np.linspace(-_REACH - 1, _REACH + 1, 2001)
_ERF = np.array([math.erf(x / math.sqrt(2)) for x in _ERF_AT])


@dataclass(frozen=True)
class Shift:
    """Where an image must be moved to lie on another."""

    rows: float
    """Pixels down."""
    columns: float
    """Pixels to the right."""
    confidence: float
    """Agreement of the two once moved, from 0 to 1: what share of their common detail is in phase."""

    @property
    def length(self) -> float:
        """Pixels as the crow flies."""
        return math.hypot(self.rows, self.columns)

    @property
    def trusted(self) -> bool:
        """Whether the agreement is more than chance gives."""
        return self.confidence >= TRUSTED


def register(reference: Image, moving: Image, valid: Mask | None = None) -> Shift | None:
    """Return how far an image must be moved to lie on another, by phase correlation.

    A pixel at `(y, x)` of `moving` shows what `reference` shows at `(y + rows, x + columns)`. Brightness and contrast
    may differ. The peak is found on a grid of whole pixels, then ever finer around the best (Guizar-Sicairos, Thurman
    and Fienup, 2008); frequencies are weighted by a Gaussian, since the finest hold noise and aliasing.

    Args:
        reference: one band as `(y, x)`.
        moving: the same place on the same grid.
        valid: True where both show the ground.

    Returns:
        The shift, None where too little is valid or there is no detail.

    Raises:
        ValueError: the images differ in shape, or are no images.
    """
    if reference.ndim != 2 or reference.shape != moving.shape:  # noqa: PLR2004
        raise ValueError(f"two images of one shape are registered, not {reference.shape} and {moving.shape}")
    valid = np.isfinite(reference) & np.isfinite(moving) & (True if valid is None else valid)
    if min(reference.shape) < 4 * MAX_SHIFT or valid.mean() < MIN_VALID:
        return None
    rows, columns = (np.fft.fftfreq(size) for size in reference.shape)
    squares = rows[:, None] ** 2 + columns**2
    window = _window(valid, squares)
    spectra = [np.fft.fft2(_flatten(image, valid) * window) for image in (reference, moving)]
    cross = np.conj(spectra[0]) * spectra[1]
    strength = np.abs(cross)
    weights = np.exp(-squares / (2 * _BAND**2))
    weights[strength <= strength.max() * 1e-12] = 0
    if not weights.any():
        return None
    phases = weights * cross / np.maximum(strength, np.finfo(float).tiny) / weights.sum()
    return _peak(phases, rows, columns)


def _window(valid: Mask, squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights that fall to 0 towards every edge: both images share edges, which would say that nothing moved."""
    blurred = np.fft.ifft2(np.fft.fft2(valid) * np.exp(-2 * (np.pi * _FEATHER) ** 2 * squares)).real
    tapers = (np.hanning(size + 2)[1:-1] for size in valid.shape)
    return np.asarray(np.outer(*tapers) * np.where(valid, np.clip(2 * blurred - 1, 0, 1), 0))


def _flatten(image: Image, valid: Mask) -> NDArray[np.float64]:
    """Return an image about its mean, 0 where it is not valid."""
    return np.where(valid, image - image[valid].mean(), 0).astype(np.float64)


def _peak(phases: NDArray[np.complex128], rows: Image, columns: Image) -> Shift:
    middle, height = np.zeros(2), 0.0
    spread, step = MAX_SHIFT, 0.5
    for finer in (*_STEPS, 0.0):
        around = np.arange(-round(spread / step), round(spread / step) + 1) * step
        down, right = middle[0] + around, middle[1] + around
        surface = _correlate(phases, rows, columns, down, right)
        best = np.unravel_index(surface.argmax(), surface.shape)
        middle, height = np.array([down[best[0]], right[best[1]]]), float(surface[best])
        spread, step = step, finer
    return Shift(float(middle[0]), float(middle[1]), min(1.0, max(0.0, height)))


def _correlate(
    phases: NDArray[np.complex128], rows: Image, columns: Image, down: Image, right: Image
) -> NDArray[np.float64]:
    """Return how well two images agree for each shift: a Fourier transform at those places alone."""
    left = np.exp(-2j * np.pi * np.outer(down, rows))
    return np.asarray((left @ phases @ np.exp(-2j * np.pi * np.outer(columns, right))).real)


@dataclass(frozen=True)
class Axis:
    """How the pixels of a coarse grid lie over those of a fine one, along one side."""

    fine: int
    """Pixels of the fine grid."""
    coarse: int
    """Pixels of the coarse grid."""
    start: float
    """Where the coarse grid begins, in pixels of the fine."""
    step: float
    """Fine pixels in a coarse one; need not be whole."""

    @classmethod
    def over(cls, fine: int, coarse: int) -> "Axis":
        """Return an axis of two grids of one extent."""
        return cls(fine, coarse, 0.0, fine / coarse)


def average(image: Image, rows: Axis, columns: Axis, psf: float = PSF) -> NDArray[np.float64]:
    """Return what a coarser sensor would have seen: blurred by its optics, averaged over its pixels.

    Args:
        image: bands as `(..., y, x)` on the fine grid; NaN where there is no data.
        rows: the grids along y.
        columns: the grids along x.
        psf: standard deviation of the optics' blur, in coarse pixels; 0 for the plain average.

    Returns:
        The bands on the coarse grid, NaN where less than half of what a pixel sees has data.
    """
    seen = np.isfinite(image)
    total = _gather(_gather(np.where(seen, image, 0), rows, psf).swapaxes(-1, -2), columns, psf).swapaxes(-1, -2)
    shown = np.ones(image.shape[-2:]) if seen.all() else seen.astype(np.float64)
    share = _gather(_gather(shown, rows, psf).swapaxes(-1, -2), columns, psf).swapaxes(-1, -2)
    return np.where(share > 0.5, total / np.where(share > 0, share, 1), np.nan)  # noqa: PLR2004


def _gather(image: Image, axis: Axis, psf: float) -> NDArray[np.float64]:
    """Return an image whose rows are those of the coarse grid."""
    picks, shares = _weights(axis, psf)
    total = np.zeros((*image.shape[:-2], axis.coarse, image.shape[-1]))
    for tap in range(picks.shape[1]):
        total += shares[:, tap, None] * image[..., picks[:, tap], :]
    return total


@lru_cache(maxsize=16)
def _weights(axis: Axis, psf: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return which fine pixels each coarse one sees, as `(coarse, tap)`, and their shares: less than 1 at edges."""
    sigma = psf * axis.step
    low = (axis.start + np.arange(axis.coarse) * axis.step)[:, None]
    high = low + axis.step
    width = math.ceil(axis.step + 2 * _REACH * sigma) + 1
    pixels = np.floor(low - _REACH * sigma).astype(np.intp) + np.arange(width)
    if psf:
        ends = ((edge - pixels - 0.5) / sigma for edge in (high, low))
        weights = np.subtract(*(np.interp(end, _ERF_AT, _ERF) for end in ends)) / 2
    else:
        weights = np.clip(np.minimum(pixels + 1, high) - np.maximum(pixels, low), 0, None)
    shares: NDArray[np.float64] = np.where((pixels >= 0) & (pixels < axis.fine), weights / axis.step, 0)
    picks = np.clip(pixels, 0, axis.fine - 1)
    for array in (picks, shares):
        array.flags.writeable = False
    return picks, shares
