"""Do two images show the same ground? Another date or an overlapping cut of a place must not sit in two splits."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

ANYWHERE: Final = 10.0
"""Height of the correlation's peak, in standard deviations, from which two images have ground in common wherever it is:
different fields of one kind reach 9."""
IN_PLACE: Final = 6.0
"""The same for images of one place, at most `_NEAR` pixels apart: different places reach it once in a hundred times."""

_NEAR: Final = 4
_MIN_SIDE: Final = 16
_BAND: Final = (0.08, 0.4)  # cycles a pixel: coarser is relief and haze, finer is noise
_AXES: Final = 2.5  # cycles an image: nearer to the axes are the stripes of fields and sensors
_MOST: Final = 3.0  # standard deviations: one roof must not decide


def shares_ground(a: NDArray[np.floating], b: NDArray[np.floating]) -> bool:
    """Tell whether two images `(y, x)` of one pixel size have ground in common, by phase correlation of their detail.

    Of images of one place in different years it finds about four of five; of the same year, all.
    """
    height, width = min(a.shape[0], b.shape[0]), min(a.shape[1], b.shape[1])
    if min(height, width) < _MIN_SIDE:
        return False
    cross = _spectrum(a[:height, :width]) * _spectrum(b[:height, :width]).conj()
    surface = np.fft.ifft2(cross).real
    surface /= max(surface.std(), np.finfo(float).tiny)
    near = np.arange(-_NEAR, _NEAR + 1)
    return bool(surface.max() > ANYWHERE or surface[np.ix_(near, near)].max() > IN_PLACE)


def _spectrum(image: NDArray[np.floating]) -> NDArray[np.complex128]:
    """Return the phases of an image's detail."""
    around = sum(np.roll(image, step, axis) for step in (1, -1) for axis in (0, 1)) / 4
    detail = (image - around)[1:-1, 1:-1]
    detail = np.clip(detail, -_MOST * detail.std(), _MOST * detail.std())
    window = np.outer(*(np.hanning(size + 2)[1:-1] for size in detail.shape))
    spectrum = np.fft.fft2((detail - detail.mean()) * window)
    rows, columns = (np.abs(np.fft.fftfreq(size)) for size in detail.shape)
    radius = np.hypot(rows[:, None], columns)
    kept = (radius > _BAND[0]) & (radius < _BAND[1])
    kept &= (rows[:, None] > _AXES / detail.shape[0]) & (columns > _AXES / detail.shape[1])
    phases: NDArray[np.complex128] = spectrum / np.maximum(np.abs(spectrum), np.finfo(float).tiny) * kept
    return phases
