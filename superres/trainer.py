"""A whole training: material, loop, model, calibration, scores, card."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from catalog.progress import StepProgress
from superres.card import model_card
from superres.evaluate import calibrate, evaluate
from superres.material import Material
from superres.model import Model
from superres.network import Single
from superres.release import make_model, with_facts, write_model
from superres.runtime import open_runtime
from superres.train import LEVEL, Recipe, start, train

CARD = "README.md"
METRICS = "metrics.json"


@dataclass(frozen=True)
class Release:
    """What a model is called."""

    id: str
    """Name of the model."""
    version: str
    """Version of the weights."""
    title: str = ""
    """One line for people."""
    license: str = "other"
    """SPDX identifier of the weights' licence."""
    command: str = "worldstrat train"
    """What made it."""


@dataclass(frozen=True)
class Outcome:
    """What a training came to."""

    model: Model
    """The model, calibrated and scored."""
    history: tuple[float, ...]
    """Loss along the way."""
    validation: tuple[tuple[int, float], ...]
    """Steps, and the loss on images that were not trained on."""

    def to_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        spec = self.model.spec
        return {
            "id": spec.id,
            "version": spec.version,
            "sha256": self.model.sha256,
            "history": list(self.history),
            "validation": list(self.validation),
            "interval": spec.interval.model_dump() if spec.interval else None,
            "metrics": spec.metrics,
        }


def train_model(
    recipe: Recipe, material: Material, release: Release, folder: Path, console: Console, *, device: str = "cpu"
) -> Outcome:
    """Train, or go on where the folder's checkpoint stands, and write the model into the folder.

    Raises:
        CheckpointError: the folder holds a checkpoint of another recipe.
        TrainingDataError: there is too little to calibrate or to score on.
        KeyboardInterrupt: after Ctrl-C, once a checkpoint is written.
    """
    run = start(recipe, folder, device)
    with StepProgress(console, "steps", recipe.steps) as bar:
        network = train(run, recipe, material, folder, lambda step, value: bar.at(step, f"loss {value:.4f}"))
    model = finish(network, recipe, material, release, console)
    write_model(model, folder)
    (folder / METRICS).write_text(json.dumps(model.spec.metrics, indent=2) + "\n", encoding="utf-8")
    (folder / CARD).write_text(model_card(model), encoding="utf-8")
    return Outcome(model, tuple(run.history), tuple(run.validation))


def finish(network: Single, recipe: Recipe, material: Material, release: Release, console: Console) -> Model:
    """Return the calibrated and scored model of a trained network."""
    facts = {**material.facts, "recipe": recipe.to_json(), "command": release.command}
    named = {"title": release.title, "license": release.license, "training": facts}
    raw = make_model(network, release.id, release.version, **named)
    runtime = open_runtime(raw, "onnx", threads=torch.get_num_threads())
    model = with_facts(raw, interval=calibrate(material.validation, runtime, raw, LEVEL))
    with StepProgress(console, "scores", len(material.test)) as bar:
        report = evaluate(material.test, runtime, model, bar.at)
    return with_facts(model, metrics=report.to_json())
