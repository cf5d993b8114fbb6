"""What a network is made of, as `model.json` says it: enough to build it, and to know how far it looks."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from superres.errors import ModelError
from superres.interpolation import BICUBIC_RADIUS
from superres.model import BANDS, SCALE

ArchitectureName = Literal["plain", "srcnn", "highresnet"]

SUBPIXELS: Final = SCALE * SCALE
"""Output pixels of an input pixel."""
OUTPUTS: Final = 2 * len(BANDS) * SUBPIXELS
"""Channels of the last layer: reflectance, then interval, each with the sub-pixels of a band together."""
MAX_CHANNELS: Final = 512
MAX_BLOCKS: Final = 64
_FRAMES_OF_FUSION = 8


@dataclass(frozen=True)
class Layer:
    """One convolution."""

    inputs: int
    """Channels in."""
    outputs: int
    """Channels out."""
    kernel: int = 3
    """Side of its kernel."""
    active: bool = True
    """Followed by a PReLU."""
    skip: bool = False
    """What went into the layer before is added to what comes out: the end of a residual block."""


@dataclass(frozen=True)
class Architecture:
    """A network before its weights."""

    name: ArchitectureName
    """`plain`: re-parameterised 3 x 3 convolutions in residual pairs (after ECBSR and SPAN); `srcnn` and `highresnet`:
    the baselines of WorldStrat's authors, with the decoder and the last layer of ours."""
    channels: int = 32
    """Width."""
    blocks: int = 4
    """Residual pairs; of `highresnet`, those of the encoder."""

    @property
    def frames(self) -> int:
        """Revisits that go in together."""
        return _FRAMES_OF_FUSION if self.name == "highresnet" else 1

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Convolutions from the four bands (of one revisit) to the features, and from those to the sub-pixels."""
        width, bands = self.channels, len(BANDS)
        if self.name == "srcnn":
            return Layer(bands, 2 * width, 9), Layer(2 * width, width, 1), Layer(width, OUTPUTS, 5, active=False)
        inputs = bands if self.frames == 1 else 2 * bands  # a revisit beside the reference
        pair = (Layer(width, width), Layer(width, width, active=False, skip=True))
        return Layer(inputs, width), *pair * self.blocks, Layer(width, OUTPUTS, active=False)

    @property
    def radius(self) -> int:
        """Receptive radius in input pixels."""
        reach = sum(layer.kernel // 2 for layer in self.layers)
        if self.frames > 1:  # each fusion is a residual pair and a convolution
            reach += 3 * (self.frames.bit_length() - 1)
        return max(reach, BICUBIC_RADIUS)

    def to_json(self) -> dict[str, Any]:
        """Return it as `model.json` has it."""
        return {"name": self.name, "channels": self.channels, "blocks": self.blocks}

    @classmethod
    def from_json(cls, text: dict[str, Any]) -> "Architecture":
        """Read it from `model.json`.

        Raises:
            ModelError: it is none of ours, or absurdly large.
        """
        try:
            made = cls(text["name"], int(text["channels"]), int(text["blocks"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"the architecture {text!r} has no name, channels and blocks.") from error
        if made.name not in {"plain", "srcnn", "highresnet"}:
            raise ModelError(f"the architecture {made.name!r} is not known: plain, srcnn, highresnet are.")
        if not (1 <= made.channels <= MAX_CHANNELS and 0 <= made.blocks <= MAX_BLOCKS):
            raise ModelError(f"{made.channels} channels and {made.blocks} blocks are out of bounds.")
        return made
