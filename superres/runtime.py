"""The one protocol behind which a network runs, and the choice between the two that speak it."""

from dataclasses import dataclass
from importlib import import_module
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from superres.errors import InferenceError
from superres.model import Model

Array = NDArray[np.float32]
RuntimeName = Literal["onnx", "torch"]

_RUNTIMES = {"onnx": ("superres.onnx_runtime", "OnnxRuntime"), "torch": ("superres.torch_runtime", "TorchRuntime")}


@dataclass(frozen=True)
class Prediction:
    """What a network says of a batch."""

    reflectance: Array
    """`(n, 4, 4h, 4w)`."""
    interval: Array | None
    """Half-width per pixel, not yet calibrated, in the shape of `reflectance`; None where a network tells none."""


class Runtime(Protocol):
    """Runs one model; may be called by several threads once it is set up."""

    def setup(self, device: str) -> None:
        """Load the network onto a device: `cpu`, `cuda` or `cuda:1`.

        Raises:
            InferenceError: the device or the library is not there.
            ModelError: the file is no network, or not one of this contract.
        """

    def predict(self, batch: Array) -> Prediction:
        """Run a batch of reflectance, `(n, 4 * frames, h, w)` in the order of `BANDS`.

        Raises:
            InferenceError: the network refused it.
        """


def open_runtime(model: Model, name: RuntimeName = "onnx", device: str = "cpu", threads: int | None = None) -> Runtime:
    """Return a runtime that is ready.

    Args:
        model: what to run.
        name: `onnx`, which every model can, or `torch`, which networks of ours can.
        device: where.
        threads: cores of one prediction on the CPU; as many as there are if not set.

    Raises:
        InferenceError: the library is not installed, or there is no such device.
        ModelError: the network breaks the contract.
    """
    module, kind = _RUNTIMES[name]
    try:
        runtime: Runtime = getattr(import_module(module), kind)(model, threads)
    except ModuleNotFoundError as error:
        extra = "superres" if name == "onnx" else "train"
        raise InferenceError(f"{error.name} is not installed: pip install 'worldstrat[{extra}]'.") from error
    runtime.setup(device)
    return runtime
