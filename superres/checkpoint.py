"""Where a training run stands, as one file of safetensors: weights, optimiser, and the step it has reached."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from superres.errors import CheckpointError

NAME = "checkpoint.safetensors"
BEST = "best.safetensors"
_MODEL, _MEAN, _OPTIMIZER = "model.", "mean.", "optimizer."


def save_checkpoint(
    path: Path, network: nn.Module, mean: nn.Module, optimizer: Optimizer, facts: dict[str, Any]
) -> None:
    """Write a checkpoint in place of the last, which stays whole until this one is.

    Args:
        path: the file.
        network: what is trained.
        mean: the running mean of its weights.
        optimizer: its moments.
        facts: recipe, step and history, as JSON.
    """
    tensors = {_MODEL + name: value for name, value in network.state_dict().items()}
    tensors |= {_MEAN + name: value for name, value in mean.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"{_OPTIMIZER}{index}.{name}": value for name, value in state.items()}
    part = path.with_suffix(".part")
    save_file(
        {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()},
        part,
        {"facts": json.dumps(facts)},
    )
    part.replace(path)


def read_facts(path: Path) -> dict[str, Any]:
    """Return what a checkpoint says of its run.

    Raises:
        CheckpointError: it cannot be read.
    """
    try:
        with safe_open(path, "pt") as file:
            facts: dict[str, Any] = json.loads((file.metadata() or {})["facts"])
            return facts
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}. Remove it, or train into another folder.") from error


def load_checkpoint(path: Path, network: nn.Module, mean: nn.Module, optimizer: Optimizer) -> None:
    """Set network, mean and optimiser to where the checkpoint stands.

    Raises:
        CheckpointError: it cannot be read, or is of another network.
    """
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
        network.load_state_dict(_part(tensors, _MODEL))
        mean.load_state_dict(_part(tensors, _MEAN))
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _part(tensors, _OPTIMIZER).items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} is not of this network: {error}") from error


def save_weights(path: Path, network: nn.Module) -> None:
    """Write a network's weights alone."""
    part = path.with_suffix(".part")
    save_file({name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}, part)
    part.replace(path)


def load_weights(path: Path, network: nn.Module) -> None:
    """Set a network to weights that `save_weights` wrote.

    Raises:
        CheckpointError: they cannot be read, or are of another network.
    """
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError) as error:
        raise CheckpointError(f"{path} is not of this network: {error}") from error


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
