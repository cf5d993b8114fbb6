"""The SPOT image of a place: pansharpened, panchromatic, native 6 m, and a preview."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ingest.sample.canvas import Canvas
from ingest.sample.cover import compute_spectra
from ingest.sample.noise import Plane, blur, create_generator, make_grain
from ingest.sample.place import Place
from ingest.sample.raster import average, write_hr

HR_SIZE = 1054
"""Pixels of 1.5 m along the side of an AOI."""

MS_SIZE = 263
"""Pixels of 6 m along the side of an AOI."""

_BANDS = (3, 2, 1, 7)
"""Red, green, blue and near infrared among the thirteen bands."""

_PAN = (0.32, 0.36, 0.27, 0.05)
"""Share of each band in the panchromatic one."""

_NOISE = 0.0012
"""Standard deviation of the sensor's noise in reflectance."""


def write_spot(folder: Path, place: Place, canvas: Canvas, seed: int) -> Iterator[Path]:
    """Write the four files of a place, yielding each one."""
    folder.mkdir(parents=True)
    rng = create_generator(seed, "spot", place.name)
    sharp = _expose(canvas, place)
    bands = np.stack([blur(band, 0.55) for band in sharp])
    pan = sum(share * band for share, band in zip(_PAN, sharp, strict=True))
    pan = blur(np.asarray(pan, np.float32), 0.5)
    shape = (MS_SIZE, MS_SIZE)
    for kind, image in (("ps", bands), ("pan", pan[None]), ("rgbn", average(bands, shape, psf=0.3))):
        grain = np.stack([make_grain(rng, image.shape[1:]) for _ in image])
        path = folder / f"{place.name}_{kind}.tiff"
        write_hr(path, _scale(image + np.float32(_NOISE) * grain))
        yield path
    path = folder / f"{place.name}_rgb.png"
    Image.fromarray(stretch(bands[:3])).save(path, compress_level=4)
    yield path


def _expose(canvas: Canvas, place: Place) -> Plane:
    """Return the reflectance of the ground in SPOT's bands on the day of the image, as (4, y, x)."""
    covers = canvas.covers
    spectra = compute_spectra(covers, place.highres_date, green_peak=place.green_peak, dry_green=place.dry_green)
    image = np.zeros((len(_BANDS), *canvas.shape), np.float32)
    for cover, spectrum in zip(covers, spectra, strict=True):
        plane = canvas[cover]
        for index, band in enumerate(_BANDS):
            image[index] += plane * spectrum[band]
    return image


def _scale(reflectance: Plane) -> npt.NDArray[np.uint16]:
    """Return reflectance as digital numbers, ten thousand to one."""
    return np.clip(np.rint(reflectance * 10000), 1, 65535).astype(np.uint16)


def stretch(rgb: Plane) -> npt.NDArray[np.uint8]:
    """Return three bands (3, y, x) as an 8-bit picture (y, x, 3), stretched from the darkest to the 99th percentile."""
    low, high = np.quantile(rgb[:, ::5, ::5], (0.005, 0.99))
    light = np.clip((rgb - low) / (high - low), 0, 1) ** np.float32(1 / 1.4)
    return np.ascontiguousarray((255 * light).astype(np.uint8).transpose(1, 2, 0))
