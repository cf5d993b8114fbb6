"""The networks: folding, consistency, receptive radius, and the same numbers from both runtimes."""

import numpy as np
import pytest
import torch

from superres.architecture import Architecture
from superres.errors import InferenceError, ModelError
from superres.export import export_onnx
from superres.model import Model
from superres.network import RepConv, Single
from superres.release import make_model
from superres.runtime import open_runtime
from tests.superres.conftest import SMALL, land, random_network

ARCHITECTURES = [SMALL, Architecture("srcnn", 8, 0), Architecture("highresnet", 8, 1)]


def batch(architecture: Architecture, height: int = 40, width: int = 36) -> np.ndarray:
    return np.concatenate([land(n, height, width) for n in range(architecture.frames)])[None]


def test_the_folded_convolution_is_the_sum_of_the_branches(network: Single) -> None:
    x = torch.rand(1, 8, 12, 12)
    convolution = network.convolutions[1]
    assert isinstance(convolution, RepConv)
    with torch.inference_mode():
        assert torch.allclose(convolution(x), convolution.branches(x), atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
def test_the_folded_network_says_what_the_trained_one_says(architecture: Architecture) -> None:
    trained = random_network(architecture)
    x = torch.from_numpy(batch(architecture))
    with torch.inference_mode():
        for a, b in zip(trained(x), trained.fold()(x), strict=True):
            assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
def test_onnx_runtime_and_pytorch_agree(architecture: Architecture) -> None:
    model = make_model(random_network(architecture), "both", "1")
    x = batch(architecture)
    one, other = (open_runtime(model, name, threads=1).predict(x) for name in ("onnx", "torch"))
    assert np.abs(one.reflectance - other.reflectance).max() < 1e-4
    assert one.interval is not None
    assert other.interval is not None
    assert np.abs(one.interval - other.interval).max() < 1e-4
    assert one.interval.min() > 0


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
def test_the_network_alone_is_consistent_with_the_reference(architecture: Architecture) -> None:
    x = torch.from_numpy(batch(architecture))
    with torch.inference_mode():
        made, _ = random_network(architecture).fold()(x)
    assert (torch.nn.functional.avg_pool2d(made, 4) - x[:, :4]).abs().max() < 1e-5


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
def test_a_pixel_reaches_as_far_as_the_radius_and_no_farther(architecture: Architecture) -> None:
    network, radius = random_network(architecture).fold(), architecture.radius
    side = 2 * radius + 9
    x = torch.full((1, 4 * architecture.frames, side, side), 0.2)
    poked = x.clone()
    poked[..., side // 2, side // 2] = 5.0
    with torch.inference_mode():
        changed = (network(poked)[0] - network(x)[0]).abs().amax((0, 1)) > 1e-9
    rows, columns = (where // 4 for where in torch.nonzero(changed, as_tuple=True))
    assert int(rows.min()) >= side // 2 - radius
    assert int(columns.max()) <= side // 2 + radius
    assert int(rows.max() - rows.min()) >= radius  # the radius is no wild overestimate


def test_the_onnx_file_is_the_same_every_time_and_points_nowhere(network: Single) -> None:
    content = export_onnx(network.fold())
    assert content == export_onnx(network.fold())
    assert b"location" not in content


def test_a_new_network_starts_as_consistent_bicubic() -> None:
    torch.manual_seed(1)
    with torch.inference_mode():
        made, interval = Single(SMALL)(torch.full((1, 4, 16, 16), 0.3))
    core = made[..., 16:-16, 16:-16]
    assert (core - 0.3).abs().max() < 1e-6
    assert interval.min() > 0


def test_a_device_that_is_not_there_is_named(model: Model) -> None:
    for name in ("onnx", "torch"):
        with pytest.raises(InferenceError, match="no device 'cuda"):
            open_runtime(model, name, "cuda:7")


@pytest.mark.parametrize(
    "wrong", [{}, {"name": "gan", "channels": 8, "blocks": 1}, {"name": "plain", "channels": 9999, "blocks": 1}]
)
def test_an_architecture_that_is_not_ours_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ModelError):
        Architecture.from_json(wrong)
