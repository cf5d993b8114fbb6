"""Random fields that the places are made of; every one is drawn from the generator it is given."""

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.floating]
"""A (y, x) field, float32 but for what is computed on the way."""

Labels = npt.NDArray[np.int32]
"""A (y, x) field of identifiers."""

HALF = 0.5
"""Where a soft mask becomes a hard one."""


def create_generator(*key: str | int) -> np.random.Generator:
    """Return the generator that belongs to a key, the same in every process and run."""
    return np.random.default_rng([part if isinstance(part, int) else zlib.crc32(part.encode()) for part in key])


def make_fractal(rng: np.random.Generator, shape: tuple[int, int], *, scale: float, roughness: float = 1.6) -> Plane:
    """Return a fractal field of mean 0 and standard deviation 1.

    Args:
        rng: where the phases come from.
        shape: rows and columns wanted.
        scale: largest feature, in pixels.
        roughness: exponent of the amplitude's fall with frequency; 1 is rough, 2.5 is smooth.
    """
    size = _round_up(max(shape) + int(min(scale, 128)))
    fy = np.fft.fftfreq(size).astype(np.float32)[:, None]
    fx = np.fft.rfftfreq(size).astype(np.float32)[None, :]
    amplitude = (fy * fy + fx * fx + np.float32(1 / scale**2)) ** np.float32(-roughness / 2)
    amplitude[0, 0] = 0
    phases = rng.standard_normal((2, size, size // 2 + 1), dtype=np.float32)
    field = np.fft.irfft2((phases[0] + 1j * phases[1]) * amplitude, s=(size, size))[: shape[0], : shape[1]]
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def _round_up(size: int) -> int:
    """Return the next size that the Fourier transform is quick with."""
    return min(base << power for base in (9, 15, 25, 27) for power in range(12) if base << power >= size)


def make_grain(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    """Return white noise of mean 0 and standard deviation 1."""
    return rng.standard_normal(shape, dtype=np.float32)


def blur(field: Plane, sigma: float) -> Plane:
    """Return the field convolved with a Gaussian of `sigma` pixels, its edges continued outwards."""
    reach = max(1, round(2.6 * sigma))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).astype(np.float32)
    taps /= taps.sum()
    for axis in (0, 1):
        wide = np.pad(field, [(reach, reach) if axis == side else (0, 0) for side in (0, 1)], mode="edge")
        field = np.zeros_like(field)
        for index, tap in enumerate(taps):
            window = slice(index, index + field.shape[axis])
            field += tap * (wide[window] if axis == 0 else wide[:, window])
    return field


def smoothstep(field: Plane, low: float, high: float) -> Plane:
    """Return 0 below `low`, 1 above `high` and a smooth ramp between; `low` may be the larger."""
    ramp: Plane = np.clip((field - np.float32(low)) / np.float32(high - low), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def hash_labels(labels: Labels, salt: int) -> Plane:
    """Return a number in [0, 1) for each identifier, the same wherever the identifier occurs."""
    mixed = (labels.astype(np.uint32) + np.uint32(salt * 7919 + 1)) * np.uint32(2654435761)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(2246822519)
    mixed ^= mixed >> np.uint32(13)
    return (mixed >> np.uint32(8)).astype(np.float32) / np.float32(2**24)


def deal(labels: Labels, salt: int, shares: Sequence[float]) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield for each share the pixels of the identifiers that fall to it; what the shares leave falls to none."""
    lot, low = hash_labels(labels, salt), 0.0
    for share in shares:
        yield (lot >= low) & (lot < low + share)
        low += share


def make_cells(rng: np.random.Generator, shape: tuple[int, int], *, pitch: float) -> tuple[Labels, Plane]:
    """Return the cells of scattered centres: whose cell a pixel is in, and how far its centre is in pitches."""
    rows, columns = (int(length / pitch) + 3 for length in shape)
    jitter = rng.random((2, rows, columns), dtype=np.float32)
    y = (np.arange(shape[0], dtype=np.float32)[:, None] / np.float32(pitch)) + 1
    x = (np.arange(shape[1], dtype=np.float32)[None, :] / np.float32(pitch)) + 1
    nearest = np.full(shape, 9, np.float32)
    owner = np.zeros(shape, np.int32)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            iy, ix = y.astype(np.int32) + dy, x.astype(np.int32) + dx
            squared = (iy + jitter[0][iy, ix] - y) ** 2 + (ix + jitter[1][iy, ix] - x) ** 2
            closer = squared < nearest
            np.copyto(nearest, squared, where=closer)
            np.copyto(owner, iy * columns + ix, where=closer)
    return owner, np.sqrt(nearest)
