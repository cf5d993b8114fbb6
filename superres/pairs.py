"""What a network is trained and scored on: a coarse image, and the sharp one that it should have become."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from superres.model import SCALE

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Pair:
    """One place twice."""

    name: str
    """Name of the place or the image."""
    source: str
    """Where it comes from: scores are told apart by it."""
    land_use: str | None
    """Land-use class, where one is known."""
    coarse: Array
    """`(4 * frames, h, w)`, reflectance."""
    fine: Array
    """`(4, 4h, 4w)`, reflectance; 0 where not valid."""
    valid: Mask
    """`(4h, 4w)`: where both show the ground."""


@dataclass(frozen=True)
class Batch:
    """What one training step sees."""

    coarse: Array
    """`(n, 4 * frames, h, w)`."""
    fine: Array
    """`(n, 4, 4h, 4w)`."""
    valid: Mask
    """`(n, 4h, 4w)`."""


class Sampler(Protocol):
    """Draws batches; the same generator gives the same batch."""

    @property
    def max_shift(self) -> int:
        """Output pixels by which the two may still be apart: the loss looks for the best."""

    def draw(self, count: int, side: int, rng: np.random.Generator) -> Batch:
        """Draw `count` pairs of `side` x `side` input pixels."""


@dataclass(frozen=True)
class CutPairs:
    """Draws cuts of fixed pairs."""

    pairs: Sequence[Pair]
    """What is drawn from, each place alike."""
    max_shift: int = 2
    """Output pixels that two sensors may still be apart after registration."""

    def draw(self, count: int, side: int, rng: np.random.Generator) -> Batch:
        """Draw a batch of `count` pairs of `side` x `side` input pixels, turned at random."""
        cuts = [self._cut(self.pairs[index], side, rng) for index in rng.integers(0, len(self.pairs), count)]
        coarse, fine, valid = (np.stack(part) for part in zip(*cuts, strict=True))
        return Batch(coarse, fine, valid)

    def _cut(self, pair: Pair, side: int, rng: np.random.Generator) -> tuple[Array, Array, Mask]:
        row, column = (int(rng.integers(0, max(1, size - side + 1))) for size in pair.coarse.shape[1:])
        there = slice(row, row + side), slice(column, column + side)
        fine = tuple(slice(part.start * SCALE, part.stop * SCALE) for part in there)
        turns, flip = int(rng.integers(4)), bool(rng.integers(2))
        coarse, sharp = (
            _turned(image[:, *part], turns, flip) for image, part in ((pair.coarse, there), (pair.fine, fine))
        )
        return coarse, sharp, _turned(pair.valid[*fine], turns, flip)


def _turned(image: NDArray[T], turns: int, flip: bool) -> NDArray[T]:  # noqa: FBT001 - two throws of a die
    turned = np.rot90(image, turns, axes=(-2, -1))
    return np.ascontiguousarray(turned[..., ::-1] if flip else turned)
