"""The training loop: seeded per step, so that a run that was stopped goes on exactly where it was."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from superres.architecture import Architecture
from superres.checkpoint import BEST, NAME, load_checkpoint, load_weights, read_facts, save_checkpoint, save_weights
from superres.errors import CheckpointError
from superres.fusion import build
from superres.loss import loss
from superres.material import Material
from superres.network import Single
from superres.pairs import Sampler

LEVEL: Final = 0.9
"""Share of pixels whose truth the interval is to hold."""
SAVE_EVERY: Final = 250
"""Steps between two checkpoints."""
_DECAY: Final = 0.998
_WARM_UP: Final = 50
_WEIGHT_DECAY: Final = 0.01
_LEAST_RATE: Final = 0.02
_MOST_GRADIENT: Final = 1.0
_MOST_VALIDATION: Final = 64


@dataclass(frozen=True)
class Recipe:
    """Everything a run depends on, beside its data."""

    architecture: Architecture
    """The network."""
    steps: int
    """Batches in all."""
    batch: int = 16
    """Cuts in a batch."""
    side: int = 24
    """Side of a cut in input pixels."""
    rate: float = 2e-3
    """Highest learning rate; it falls along a cosine."""
    seed: int = 0
    """Of the first weights and of every draw."""
    data: str = ""
    """What is trained on, in words: a checkpoint belongs to it."""

    def to_json(self) -> dict[str, Any]:
        """Return it as a checkpoint keeps it."""
        return asdict(self) | {"architecture": self.architecture.to_json()}


@dataclass
class Run:
    """Where a run stands."""

    network: Single
    """What is trained."""
    mean: AveragedModel
    """The running mean of its weights: kept where it was best on what is not trained on."""
    optimizer: torch.optim.Optimizer
    """Adam."""
    step: int = 0
    """Batches so far."""
    history: list[float] = field(default_factory=list)
    """Loss of the image, averaged over each `SAVE_EVERY` steps (or what there was before a stop)."""
    validation: list[tuple[int, float]] = field(default_factory=list)
    """Steps, and the loss of the mean weights on images that are not trained on."""

    @property
    def averaged(self) -> Single:
        """The network of mean weights."""
        network = self.mean.module
        assert isinstance(network, Single)  # noqa: S101 - for the type checker
        return network


def start(recipe: Recipe, folder: Path, device: str = "cpu") -> Run:
    """Return a run: from the folder's checkpoint where there is one, else from the start.

    Raises:
        CheckpointError: the checkpoint is of another recipe or cannot be read.
    """
    torch.manual_seed(recipe.seed)
    network = build(recipe.architecture).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean = AveragedModel(network, avg_fn=_mean_of)
    run = Run(
        network,
        mean,
        torch.optim.AdamW(network.parameters(), lr=recipe.rate, betas=(0.9, 0.99), weight_decay=_WEIGHT_DECAY),
    )
    path = folder / NAME
    if path.is_file():
        facts = read_facts(path)
        changed = [name for name, value in recipe.to_json().items() if facts["recipe"].get(name) != value]
        if changed:
            raise CheckpointError(
                f"{path} belongs to a run with another {', '.join(changed)}: "
                f"{', '.join(str(facts['recipe'].get(name)) for name in changed)}. Give the same, or another folder."
            )
        load_checkpoint(path, run.network, run.mean, run.optimizer)
        run.step, run.history = facts["step"], facts["history"]
        run.validation = [(step, value) for step, value in facts["validation"]]
    return run


def train(
    run: Run,
    recipe: Recipe,
    material: Material,
    folder: Path,
    tell: Callable[[int, float], None] = lambda _step, _loss: None,
) -> Single:
    """Train until the recipe's steps are done; Ctrl-C leaves a checkpoint of the last whole step.

    Args:
        run: what `start` returned.
        recipe: the recipe.
        material: what is trained on, and what the weights are chosen by.
        folder: gets the checkpoints.
        tell: called after each step with the number of steps so far and the loss of the image.

    Returns:
        The network of those mean weights that were best on the validation pairs.
    """
    recent: list[float] = []
    folder.mkdir(parents=True, exist_ok=True)
    try:
        while run.step < recipe.steps:
            recent.append(_step(run, recipe, material.sampler))
            run.step += 1
            tell(run.step, recent[-1])
            if run.step % SAVE_EVERY == 0 or run.step == recipe.steps:
                _validate(run, material, folder)
                _save(run, recipe, folder, recent)
                recent = []
    finally:
        _save(run, recipe, folder, recent)
    load_weights(folder / BEST, run.averaged)
    return run.averaged


def _validate(run: Run, material: Material, folder: Path) -> None:
    """Note how good the mean weights are, and keep them if no others were better."""
    network = run.averaged
    device = next(network.parameters()).device
    costs = []
    with torch.inference_mode():
        for pair in material.validation[:_MOST_VALIDATION]:
            coarse, fine, valid = (
                torch.from_numpy(part)[None].to(device) for part in (pair.coarse, pair.fine, pair.valid)
            )
            made = network(coarse)
            shift = material.sampler.max_shift
            costs.append(float(loss(made, coarse[:, : fine.shape[1]], fine, valid, max_shift=shift, level=LEVEL)[1]))
    value = float(np.mean(costs))
    if not run.validation or value < min(best for _, best in run.validation):
        save_weights(folder / BEST, network)
    run.validation.append((run.step, value))


def _step(run: Run, recipe: Recipe, sampler: Sampler) -> float:
    device = next(run.network.parameters()).device
    batch = sampler.draw(recipe.batch, recipe.side, np.random.default_rng([recipe.seed, run.step]))
    coarse, fine, valid = (torch.from_numpy(part).to(device) for part in (batch.coarse, batch.fine, batch.valid))
    coarse = coarse.contiguous(memory_format=torch.channels_last)
    for group in run.optimizer.param_groups:
        group["lr"] = recipe.rate * _schedule(run.step, recipe.steps)
    run.optimizer.zero_grad(set_to_none=True)
    made = run.network(coarse)
    total, quality = loss(made, coarse[:, : fine.shape[1]], fine, valid, max_shift=sampler.max_shift, level=LEVEL)
    total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.network.parameters(), _MOST_GRADIENT)
    run.optimizer.step()
    run.mean.update_parameters(run.network)
    return float(quality.detach())


def _mean_of(mean: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
    """Return the running mean of a weight: of all steps at first, then of the last few hundred."""
    decay = min(_DECAY, (1 + int(count)) / (10 + int(count)))
    return mean + (1 - decay) * (now - mean)


def _schedule(step: int, steps: int) -> float:
    cosine = 0.5 * (1 + math.cos(math.pi * step / max(1, steps)))
    return min(1.0, (step + 1) / _WARM_UP) * (_LEAST_RATE + (1 - _LEAST_RATE) * cosine)


def _save(run: Run, recipe: Recipe, folder: Path, recent: list[float]) -> None:
    if recent:
        run.history.append(float(np.mean(recent)))
    facts = {"recipe": recipe.to_json(), "step": run.step, "history": run.history, "validation": run.validation}
    save_checkpoint(folder / NAME, run.network, run.mean, run.optimizer, facts)
