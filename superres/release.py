"""A trained network becomes a model: folded, exported, calibrated, described."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.torch import save

from superres.export import export_onnx
from superres.model import DESCRIPTION, ONNX, WEIGHTS, Interval, Model, ModelSpec, describe_file
from superres.network import Single


def make_model(network: Single, id: str, version: str, **facts: Any) -> Model:  # noqa: A002 - the field's name
    """Return the model of a trained network, its interval not yet calibrated.

    Args:
        network: as trained, of branches.
        id: name of the model.
        version: version of the weights.
        facts: further fields of `ModelSpec`.
    """
    folded = network.cpu().fold()
    onnx = export_onnx(folded)
    weights = save({name: value.contiguous() for name, value in folded.state_dict().items()})
    spec = ModelSpec(
        id=id,
        version=version,
        frames=network.architecture.frames,
        radius=network.architecture.radius,
        interval=Interval(),
        architecture=network.architecture.to_json(),
        files={ONNX: describe_file(onnx), WEIGHTS: describe_file(weights)},
        **facts,
    )
    return Model(spec, onnx, weights)


def with_facts(model: Model, **facts: Any) -> Model:
    """Return a model with some fields of its description changed."""
    return replace(model, spec=model.spec.model_copy(update=facts))


def write_model(model: Model, folder: Path) -> None:
    """Write a model's folder: what `load_model` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ONNX).write_bytes(model.onnx)
    if model.weights is not None:
        (folder / WEIGHTS).write_bytes(model.weights)
    text = json.dumps(model.spec.model_dump(mode="json"), indent=2, ensure_ascii=False)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
