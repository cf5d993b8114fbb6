"""PyTorch: for a GPU, in bfloat16 and channels-last; float32 on the CPU."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load

from superres.architecture import Architecture
from superres.errors import InferenceError, ModelError
from superres.fusion import build
from superres.model import Model
from superres.runtime import Prediction

Array = NDArray[np.float32]


class TorchRuntime:
    """Runs a network of ours from its `weights.safetensors`."""

    def __init__(self, model: Model, threads: int | None = None) -> None:
        """Create it; nothing is loaded before `setup`."""
        self._model = model
        self._threads = threads
        self._device = torch.device("cpu")
        self._network: Any = None

    def setup(self, device: str = "cpu") -> None:
        """Build the network, load its weights, move them to the device."""
        architecture, weights = self._model.spec.architecture, self._model.weights
        if architecture is None or weights is None:
            raise ModelError(f"{self._model.id} comes as ONNX alone: run it with ONNX Runtime.")
        if self._threads:
            torch.set_num_threads(self._threads)
        network: Any = build(Architecture.from_json(architecture), folded=True).eval()
        try:
            network.load_state_dict(load(weights))
        except (SafetensorError, RuntimeError) as error:
            raise ModelError(f"{self._model.id}: weights.safetensors does not fit {architecture}: {error}") from error
        try:
            self._device = torch.device(device)
            self._network = network.to(self._device, memory_format=torch.channels_last)
        except (RuntimeError, AssertionError) as error:
            raise InferenceError(f"PyTorch has no device {device!r} here: {error}") from error

    def predict(self, batch: Array) -> Prediction:
        """Run a batch; on a GPU the convolutions are bfloat16, what they are added to stays float32."""
        if self._network is None:
            raise InferenceError("the runtime is used before its setup.")
        scaling = self._model.spec.scaling
        given: Any = torch.from_numpy(np.ascontiguousarray(batch, np.float32)).to(self._device)
        given = (given * scaling.multiply + scaling.add).contiguous(memory_format=torch.channels_last)
        kind = self._device.type
        try:
            with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
                fine, interval = self._network(given)
        except RuntimeError as error:
            raise InferenceError(f"{self._model.id} refused {batch.shape}: {error}") from error
        fine = ((fine.float() - scaling.add) / scaling.multiply).cpu().numpy()
        return Prediction(np.ascontiguousarray(fine), (interval.float() / scaling.multiply).cpu().numpy())
