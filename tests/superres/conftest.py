"""Small networks with random weights, and images to train on."""

from pathlib import Path

import numpy as np
import pytest
import torch

from superres.architecture import Architecture
from superres.fusion import build
from superres.model import Model
from superres.network import Single
from superres.onnx_runtime import OnnxRuntime
from superres.release import make_model

SMALL = Architecture("plain", 8, 2)


def random_network(architecture: Architecture, seed: int = 0) -> Single:
    """A network that does something to every pixel: new ones start as bicubic."""
    torch.manual_seed(seed)
    network = build(architecture)
    for parameter in network.parameters():
        parameter.data.add_(torch.randn_like(parameter) * 0.05)
    return network


def land(seed: int, height: int, width: int, *, bands: int = 4, grain: float = 0.01) -> np.ndarray:
    """Reflectance with fields, roads and texture, as `(band, y, x)` float32."""
    rng = np.random.default_rng(seed)
    rows, columns = np.ogrid[:height, :width]
    fields = np.zeros((height, width))
    for _ in range(12):
        angle, at, level = rng.uniform(0, np.pi), rng.uniform(0, 1), rng.normal(0, 0.06)
        fields += level * (np.cos(angle) * rows / height + np.sin(angle) * columns / width > at)
    texture = rng.normal(0, grain, (height, width))
    image = 0.25 + fields + texture + 0.5 * np.roll(texture, 1, 0)
    gains = rng.uniform(0.6, 1.4, (bands, 1, 1))
    return np.clip(image * gains, 0.01, 0.9).astype(np.float32)


@pytest.fixture(scope="session")
def network() -> Single:
    """A small network."""
    return random_network(SMALL)


@pytest.fixture(scope="session")
def model(network: Single) -> Model:
    """The model of it."""
    return make_model(network, "small", "1")


@pytest.fixture(scope="session")
def runtime(model: Model) -> OnnxRuntime:
    """ONNX Runtime with that model."""
    runtime = OnnxRuntime(model, threads=1)
    runtime.setup("cpu")
    return runtime


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two files of sharp images."""
    folder = tmp_path_factory.mktemp("images")
    for name, seed, count in (("north", 0, 9), ("south", 100, 6)):
        stack = np.stack([land(seed + n, 96, 96, grain=0.001) for n in range(count)])
        np.savez_compressed(folder / f"{name}.npz", x=np.rint(stack * 1e4).astype(np.uint16))
    (folder / "MANIFEST.tsv").write_text("file\tsource\tlicence\tkind\nnorth.npz\tmade up\tCC0\tfields\n")
    return folder
