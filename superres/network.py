"""The network in PyTorch: re-parameterised while it is trained, plain convolutions when it runs.

A convolution is trained as a sum of branches and used as the one convolution that they are equal to, also during
training: the branches cost nothing but the folding of their kernels. The consistency of the output is a linear map of
the last layer's channels, so it folds into that layer's weights and costs nothing at all.
"""

from typing import Final, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from superres.architecture import OUTPUTS, SUBPIXELS, Architecture, Layer
from superres.interpolation import BICUBIC_RADIUS, bicubic_taps
from superres.model import BANDS, SCALE

INPUT_GAIN: Final = 4.0
"""Reflectance is small; features start near 1."""
RESIDUAL_GAIN: Final = 0.05
"""Reflectance of one unit of the last layer: about the contrast within an input pixel."""
INTERVAL_GAIN: Final = 0.02
INTERVAL_FLOOR: Final = 1e-4
"""Half-width of the interval: `softplus(x) * gain + floor`."""

_EXPANSION = 2
_HALF = len(BANDS) * SUBPIXELS


class RepConv(nn.Module):
    """A convolution trained as the sum of itself, a wider one squeezed back, a 1 x 1 and the identity."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.kernel = layer.kernel
        self.direct = nn.Conv2d(layer.inputs, layer.outputs, layer.kernel)
        self.wide = nn.Conv2d(layer.inputs, _EXPANSION * layer.outputs, layer.kernel)
        self.squeeze = nn.Conv2d(_EXPANSION * layer.outputs, layer.outputs, 1, bias=False)
        self.point = nn.Conv2d(layer.inputs, layer.outputs, 1, bias=False)
        # Each branch starts at a share of the variance that one convolution would have.
        for branch, share in ((self.direct, 0.8), (self.squeeze, 0.4), (self.point, 0.3)):
            branch.weight.data.mul_(share)

    def fold(self) -> tuple[Tensor, Tensor]:
        """Return weight and bias of the one convolution that the branches are equal to."""
        squeeze = self.squeeze.weight[:, :, 0, 0]
        weight = self.direct.weight + torch.einsum("om,mikl->oikl", squeeze, self.wide.weight)
        weight = weight + functional.pad(self.point.weight, [self.kernel // 2] * 4)
        assert self.direct.bias is not None and self.wide.bias is not None  # noqa: S101, PT018 - for the type checker
        return weight, self.direct.bias + squeeze @ self.wide.bias

    def branches(self, x: Tensor) -> Tensor:
        """Return the sum of the branches, computed one by one: what `forward` must be equal to away from the edges."""
        pad = self.kernel // 2
        wide = functional.conv2d(x, self.wide.weight, self.wide.bias, padding=pad)
        direct = functional.conv2d(x, self.direct.weight, self.direct.bias, padding=pad)
        total: Tensor = direct + self.squeeze(wide) + self.point(x)
        return total

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with the folded kernel; the edges are padded with zeros."""
        weight, bias = self.fold()
        return functional.conv2d(x, weight, bias, padding=self.kernel // 2)


Network = TypeVar("Network", bound="Single")


class Single(nn.Module):
    """`plain` and `srcnn`: one image in, reflectance and interval out, `(n, 4, 4h, 4w)` each."""

    def __init__(self, architecture: Architecture, *, folded: bool = False) -> None:
        super().__init__()
        self.architecture = architecture
        self.make = _plain if folded else RepConv
        self.convolutions = nn.ModuleList(self.make(layer) for layer in architecture.layers)
        self.activations = nn.ModuleList(
            nn.PReLU(layer.outputs) if layer.active else nn.Identity() for layer in architecture.layers
        )
        self.register_buffer("skip", bicubic_kernel(), persistent=False)
        if isinstance(last := self.convolutions[-1], RepConv):
            _start_from_zero(last)

    def features(self, x: Tensor) -> Tensor:
        """Return what the last layer says, `(n, OUTPUTS, h, w)`, before consistency."""
        return self.run(x * INPUT_GAIN, 0, len(self.convolutions))

    def run(self, x: Tensor, first: int, end: int) -> Tensor:
        """Run some of the layers."""
        before = x
        for layer, convolve, activate in list(
            zip(self.architecture.layers, self.convolutions, self.activations, strict=True)
        )[first:end]:
            result = activate(convolve(x))
            if layer.skip:
                result = result + before
            before, x = x, result
        return x

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Super-resolve a batch `(n, 4, h, w)` of reflectance."""
        return finish(x[:, : len(BANDS)], self.features(x), self.get_buffer("skip"))

    def fold(self) -> Self:
        """Return the same network of plain convolutions, consistency folded into the last."""
        return fold_into(self, type(self)(self.architecture, folded=True))


def finish(x: Tensor, features: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
    """Make reflectance and interval of the last layer: bicubic skip, consistency, sub-pixels in their places.

    The sub-pixels of an input pixel are still its channels here: what the network adds loses its mean, and the kernel
    of the skip keeps the mean at the input pixel, so that the result is consistent without a further layer.
    """
    residual = without_mean(features[:, :_HALF].float()) * RESIDUAL_GAIN
    with torch.autocast(x.device.type, enabled=False):  # bfloat16 has two digits, which is too few for reflectance
        base = functional.conv2d(x, skip, padding=BICUBIC_RADIUS, groups=len(BANDS))
    interval = functional.softplus(features[:, _HALF:].float()) * INTERVAL_GAIN + INTERVAL_FLOOR
    return functional.pixel_shuffle(base + residual, SCALE), functional.pixel_shuffle(interval, SCALE)


def without_mean(channels: Tensor) -> Tensor:
    """Return `(n, 64, ...)` less the mean of each band's sixteen sub-pixels."""
    grouped = torch.unflatten(channels, 1, (len(BANDS), SUBPIXELS))
    return torch.flatten(grouped - grouped.mean(2, keepdim=True), 1, 2)


def bicubic_kernel() -> Tensor:
    """Return bicubic interpolation as a kernel `(64, 1, 5, 5)`, made consistent: sub-pixels average to the input."""
    taps = torch.tensor(bicubic_taps(SCALE))
    kernel = torch.einsum("iy,jx->ijyx", taps, taps).reshape(SUBPIXELS, *[2 * BICUBIC_RADIUS + 1] * 2)
    kernel = kernel - kernel.mean(0)
    kernel[:, BICUBIC_RADIUS, BICUBIC_RADIUS] += 1
    return kernel.repeat(len(BANDS), 1, 1)[:, None]


def fold_into(trained: Network, plain: Network) -> Network:
    """Copy a trained network into the one of plain convolutions that it is equal to."""
    state = {name: value for name, value in trained.state_dict().items() if name in plain.state_dict()}
    for name, module in trained.named_modules():
        if isinstance(module, RepConv):
            state[f"{name}.weight"], state[f"{name}.bias"] = (part.detach() for part in module.fold())
    last = f"convolutions.{len(plain.convolutions) - 1}"
    for part in ("weight", "bias"):
        tensor = state[f"{last}.{part}"]
        flat = tensor.reshape(1, OUTPUTS, -1)
        state[f"{last}.{part}"] = torch.cat([without_mean(flat[:, :_HALF]), flat[:, _HALF:]], 1).reshape(tensor.shape)
    plain.load_state_dict({name: value.clone().contiguous() for name, value in state.items()})
    return plain.eval()


def _plain(layer: Layer) -> nn.Module:
    return nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, padding=layer.kernel // 2)


def _start_from_zero(last: RepConv) -> None:
    """Let training start from what is consistent and bicubic, with an even interval."""
    for branch in (last.direct, last.squeeze, last.point):
        nn.init.zeros_(branch.weight)
    for bias in (last.direct.bias, last.wide.bias):
        if bias is not None:
            nn.init.zeros_(bias)
