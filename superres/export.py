"""A folded network as one ONNX file, written node by node: no tracing, no external data."""

from itertools import pairwise
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from superres.architecture import SUBPIXELS
from superres.model import BANDS, SCALE
from superres.network import INPUT_GAIN, INTERVAL_FLOOR, INTERVAL_GAIN, RESIDUAL_GAIN, Single

INPUT = "reflectance_lr"
OUTPUTS = ("reflectance", "interval")
_OPSET = 17
_IR_VERSION = 9
_HALF = len(BANDS) * SUBPIXELS


class Graph:
    """Nodes and constants of a graph, in the order in which they run."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: Tensor | NDArray[Any] | float, name: str = "") -> str:
        """Add a constant and return its name; one that has a name of its own is added once."""
        if any(name == constant.name for constant in self.constants):
            return name
        name = name or f"c{len(self.constants)}"
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
        kind = np.int64 if array.dtype.kind == "i" else np.float32
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array, kind), name))
        return name

    def add(self, operator: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node of one output and return the output's name."""
        name = name or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def convolve(self, x: str, name: str, weight: Tensor, bias: Tensor | None = None, groups: int = 1) -> str:
        """Add a convolution that keeps the size."""
        parts = {f"{name}.weight": weight, f"{name}.bias": bias}
        constants = [self.constant(part, of) for of, part in parts.items() if part is not None]
        side, pad = weight.shape[-1], weight.shape[-1] // 2
        return self.add("Conv", x, *constants, kernel_shape=[side, side], pads=[pad] * 4, group=groups)

    def cut(self, x: str, start: int, end: int) -> str:
        """Add a slice of channels."""
        return self.add("Slice", x, *(self.constant(np.array([n])) for n in (start, end, 1)))

    def activate(self, x: str, name: str, slope: Tensor) -> str:
        """Add a PReLU."""
        return self.add("PRelu", x, self.constant(slope[:, None, None], f"{name}.slope"))


def export_onnx(network: Single, producer: str = "worldstrat") -> bytes:
    """Return a folded network as the bytes of an ONNX file.

    The input `reflectance_lr` is `(n, 4 * frames, h, w)`; the outputs `reflectance` and `interval` are
    `(n, 4, 4h, 4w)`.
    """
    graph = Graph()
    features, image = _features(graph, network)
    _finish(graph, image, features, network)
    frames = network.architecture.frames
    shape: list[str | int | None] = ["n", len(BANDS) * frames, "h", "w"]
    inputs = [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, shape)]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", len(BANDS), "h4", "w4"]) for name in OUTPUTS
    ]
    made = helper.make_graph(graph.nodes, "super-resolution", inputs, outputs, graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name=producer)
    model.ir_version = _IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _features(graph: Graph, network: Single) -> tuple[str, str]:
    """Add all layers; return what they end in, and the image that the skip starts from."""
    layers = len(network.architecture.layers)
    frames = network.architecture.frames
    if frames == 1:
        return _run(graph, network, INPUT, range(layers)), INPUT
    images = [graph.cut(INPUT, n * len(BANDS), (n + 1) * len(BANDS)) for n in range(frames)]
    encoded = [
        _run(graph, network, graph.add("Concat", images[0], image, axis=1), range(layers - 1)) for image in images
    ]
    while len(encoded) > 1:
        encoded = [_fuse(graph, network, *pair) for pair in list(pairwise(encoded))[::2]]
    return _run(graph, network, encoded[0], range(layers - 1, layers)), images[0]


def _fuse(graph: Graph, network: Single, a: str, b: str) -> str:
    state = network.state_dict()
    inner = both = graph.add("Concat", a, b, axis=1)
    for index in (0, 1, 2):
        x = graph.add("Add", both, inner) if index == 2 else inner  # noqa: PLR2004 - the last one
        name = f"fusion.{index}"
        x = graph.convolve(x, name, state[f"{name}.weight"], state[f"{name}.bias"])
        inner = graph.activate(x, name, state[f"fusion_activations.{index}.weight"])
    return inner


def _run(graph: Graph, network: Single, x: str, layers: range) -> str:
    state = network.state_dict()
    before = x
    for index in layers:
        layer = network.architecture.layers[index]
        name = f"convolutions.{index}"
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        result = graph.convolve(x, name, weight * INPUT_GAIN if index == 0 else weight, bias)
        if layer.active:
            result = graph.activate(result, name, state[f"activations.{index}.weight"])
        if layer.skip:
            result = graph.add("Add", result, before)
        before, x = x, result
    return x


def _finish(graph: Graph, x: str, features: str, network: Single) -> None:
    reflectance, interval = graph.cut(features, 0, _HALF), graph.cut(features, _HALF, 2 * _HALF)
    base = graph.convolve(x, "skip", network.get_buffer("skip"), groups=len(BANDS))
    residual = graph.add("Mul", reflectance, graph.constant(RESIDUAL_GAIN))
    _shuffle(graph, graph.add("Add", base, residual), OUTPUTS[0])
    spread = graph.add("Mul", graph.add("Softplus", interval), graph.constant(INTERVAL_GAIN))
    _shuffle(graph, graph.add("Add", spread, graph.constant(INTERVAL_FLOOR)), OUTPUTS[1])


def _shuffle(graph: Graph, x: str, name: str) -> None:
    graph.add("DepthToSpace", x, name=name, blocksize=SCALE, mode="CRD")
