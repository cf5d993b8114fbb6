"""ONNX Runtime: the light default, which runs every model, ours or a foreign one."""

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as states

from superres.errors import InferenceError, ModelError
from superres.model import BANDS, Model
from superres.runtime import Prediction

Array = NDArray[np.float32]

_PROBE = 16  # pixels of the image that a network is tried with
# Each state of ONNX Runtime is an exception class of its own, without a base in common but Exception.
_STATES = (kind for kind in vars(states).values() if isinstance(kind, type) and issubclass(kind, Exception))
_FAILURES: tuple[type[Exception], ...] = (RuntimeError, ValueError, *_STATES)


class OnnxRuntime:
    """Runs a model's `model.onnx`."""

    def __init__(self, model: Model, threads: int | None = None) -> None:
        """Create it; nothing is loaded before `setup`."""
        self._model = model
        self._threads = threads
        self._session: onnxruntime.InferenceSession | None = None

    def setup(self, device: str = "cpu") -> None:
        """Load the network, and try it on a small image."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = self._threads or 0
        if b"location" in self._model.onnx:  # the key by which a tensor says that its numbers are in another file
            raise ModelError(f"{self._model.id}: model.onnx points to other files ('location'). Export it as one file.")
        try:
            session = onnxruntime.InferenceSession(self._model.onnx, options, providers=_providers(device))
        except _FAILURES as error:
            raise ModelError(f"{self._model.id}: model.onnx cannot be loaded: {_first_line(error)}") from error
        self._session = session
        self._probe()

    def predict(self, batch: Array) -> Prediction:
        """Run a batch."""
        if self._session is None:
            raise InferenceError("the runtime is used before its setup.")
        scaling = self._model.spec.scaling
        given = batch * np.float32(scaling.multiply) + np.float32(scaling.add)
        try:
            outputs: list[Any] = self._session.run(None, {self._session.get_inputs()[0].name: given})
        except _FAILURES as error:
            raise InferenceError(f"{self._model.id} refused {batch.shape}: {_first_line(error)}") from error
        fine = (outputs[0] - np.float32(scaling.add)) / np.float32(scaling.multiply)
        interval = outputs[1] / np.float32(scaling.multiply) if len(outputs) > 1 else None
        return Prediction(fine, interval)

    def _probe(self) -> None:
        """Hold the network against the contract.

        Raises:
            ModelError: what it answers has another shape, or is not finite.
        """
        model, size = self._model, _PROBE + 2 * self._model.radius
        shape = (1, len(BANDS) * model.spec.frames, size, size)
        try:
            tried = self.predict(np.full(shape, 0.1, np.float32))
        except InferenceError as error:
            raise ModelError(f"{model.id} does not take an image of {shape}, float32: {error}") from error
        wanted = (1, len(BANDS), size * model.scale, size * model.scale)
        if tried.interval is None and model.spec.interval is not None:
            raise ModelError(f"{model.id} has an interval by its description, but the network has one output only.")
        for output in (tried.reflectance, tried.interval):
            if output is None:
                continue
            if output.shape != wanted or output.dtype != np.float32:
                raise ModelError(f"{model.id} answers {output.shape} {output.dtype}, not {wanted} float32.")
            if not np.isfinite(output).all():
                raise ModelError(f"{model.id} answers numbers that are not finite to an even image of 0.1.")


def _providers(device: str) -> list[Any]:
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return ["CPUExecutionProvider"]
    if kind != "cuda" or "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise InferenceError(f"ONNX Runtime has no device {device!r} here: install onnxruntime-gpu, or take 'cpu'.")
    return [("CUDAExecutionProvider", {"device_id": int(number or 0)}), "CPUExecutionProvider"]


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:300]
