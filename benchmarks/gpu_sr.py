"""The default model on a CUDA card: whether it is right, how fast, and what share of the card's peak that is."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter

import numpy as np
import onnx

from superres.inference import superresolve, superresolve_together
from superres.model import Model, default_model
from superres.runtime import Runtime, open_runtime

SIDE = 160
"""Pixels of an item at 10 m; at 2.5 m it fills 6.25 tiles of 256."""
BATCH = 64
TOLERANCE = 1e-3
NOT_MEASURED = "not measured: no CUDA device"
_TILE = 256
_ROUNDS = 20
_PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12, "A10": 125e12}
"""Dense bfloat16 operations a second, as the makers' data sheets have them; the longer names first."""


@dataclass(frozen=True)
class GpuResult:
    """What was measured on a card."""

    card: str
    difference: float
    """Farthest from ONNX Runtime on the CPU, in reflectance."""
    network_tiles: float
    """Tile-equivalents a second of the network alone, from and to the host's memory."""
    item_tiles: float
    """The same of whole items: halo, consistency and masks included."""
    item_ms: float
    """Latency of one item."""
    share: float | None
    """Of the card's peak, by the network; None for a card whose peak is not in the table."""


def measure() -> GpuResult | None:
    """Return what the card of this machine does, None where there is none.

    Raises:
        SystemExit: its answers are not those of the CPU.
    """
    import torch  # noqa: PLC0415 - where it is missing, there is no card either

    if not torch.cuda.is_available():
        return None
    model = default_model()
    gpu, cpu = open_runtime(model, "torch", "cuda"), open_runtime(model)
    items = np.random.default_rng(0).uniform(0.01, 0.4, (BATCH, 4, SIDE, SIDE)).astype(np.float32)
    difference = compare(model, gpu, cpu, items[:4])
    if difference > TOLERANCE:
        raise SystemExit(f"The card's answers are {difference:.2g} from the CPU's, more than {TOLERANCE:g}.")
    tiles = BATCH * (SIDE * model.scale / _TILE) ** 2
    valid = np.ones((SIDE, SIDE), bool)
    alone = _seconds(lambda: superresolve(items[0], valid, gpu, model))
    network = _seconds(lambda: gpu.predict(items))
    together = [(item, valid) for item in items]
    whole = _seconds(lambda: superresolve_together(together, gpu, model))
    card = torch.cuda.get_device_name()
    peak = next((peak for name, peak in _PEAKS.items() if name in card), None)
    share = BATCH * SIDE**2 * operations(model) / network / peak if peak else None
    return GpuResult(card, difference, tiles / network, tiles / whole, alone * 1000, share)


def compare(model: Model, gpu: Runtime, cpu: Runtime, items: np.ndarray) -> float:
    """Return how far two runtimes are apart, in reflectance, over whole items."""
    valid = np.ones(items.shape[-2:], bool)
    pairs = [[superresolve(item, valid, runtime, model).reflectance for runtime in (gpu, cpu)] for item in items]
    return max(float(np.abs(one - other).max()) for one, other in pairs)


def operations(model: Model) -> int:
    """Return the floating-point operations of the convolutions for one pixel of the input."""
    graph = onnx.load_from_string(model.onnx).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    weights = [shapes[node.input[1]] for node in graph.node if node.op_type == "Conv"]
    return sum(2 * int(np.prod(shape)) for shape in weights)


def _seconds(run: Callable[[], object]) -> float:
    for _ in range(3):
        run()
    taken = []
    for _ in range(_ROUNDS):
        begun = perf_counter()
        run()  # ends with the numbers in the host's memory, so nothing is left under way
        taken.append(perf_counter() - begun)
    return median(taken)


if __name__ == "__main__":
    result = measure()
    print(json.dumps(asdict(result)) if result else NOT_MEASURED)
