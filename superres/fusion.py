"""The multi-frame baseline: eight revisits encoded alike and fused in pairs, after HighRes-net."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from superres.architecture import Architecture, Layer
from superres.model import BANDS
from superres.network import INPUT_GAIN, Single


class HighResNet(Single):
    """Each revisit goes through one encoder beside the reference, the first; pairs are fused until one is left."""

    def __init__(self, architecture: Architecture, *, folded: bool = False) -> None:
        super().__init__(architecture, folded=folded)
        width = 2 * architecture.channels
        self.fusion = nn.ModuleList(self.make(layer) for layer in fusion_layers(architecture))
        self.fusion_activations = nn.ModuleList([nn.PReLU(width), nn.PReLU(width), nn.PReLU(width // 2)])

    def features(self, x: Tensor) -> Tensor:
        """Return what the last layer says of all revisits, `(n, 4 * frames, h, w)` in, the reference first."""
        frames = torch.split(x * INPUT_GAIN, len(BANDS), 1)
        last = len(self.convolutions) - 1
        encoded = [self.run(torch.cat([frames[0], frame], 1), 0, last) for frame in frames]
        while len(encoded) > 1:
            encoded = [self._fuse(*pair) for pair in list(pairwise(encoded))[::2]]
        return self.run(encoded[0], last, last + 1)

    def _fuse(self, a: Tensor, b: Tensor) -> Tensor:
        both = torch.cat([a, b], 1)
        inner = both
        for convolve, activate in list(zip(self.fusion, self.fusion_activations, strict=True))[:-1]:
            inner = activate(convolve(inner))
        fused: Tensor = self.fusion_activations[-1](self.fusion[-1](both + inner))
        return fused


def fusion_layers(architecture: Architecture) -> tuple[Layer, ...]:
    """Return the convolutions of one fusion: a residual pair, then one that halves the width."""
    width = 2 * architecture.channels
    return Layer(width, width), Layer(width, width), Layer(width, width // 2)


def build(architecture: Architecture, *, folded: bool = False) -> Single:
    """Return the network of an architecture: of branches to train, or folded to run."""
    kind = HighResNet if architecture.frames > 1 else Single
    return kind(architecture, folded=folded)
