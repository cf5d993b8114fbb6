"""A model in STAC: an item of the collection `sr-models`, in the words of the MLM extension."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pystac

from catalog.constants import COLLECTION_MODELS
from superres.model import BANDS, DESCRIPTION, ONNX, WEIGHTS, Model

MLM_URI: Final = "https://stac-extensions.github.io/mlm/v1.5.2/schema.json"
FILE_URI: Final = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
EO_URI: Final = "https://stac-extensions.github.io/eo/v1.1.0/schema.json"
VERSION_URI: Final = "https://stac-extensions.github.io/version/v1.2.0/schema.json"

CARD: Final = "README.md"
ASSETS: Final = {"description": DESCRIPTION, "model": ONNX, "weights": WEIGHTS, "card": CARD}
"""Keys of an item's assets and the files that they are."""
_WORLD: Final = {
    "type": "Polygon",
    "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]],
}
_ABOUT: Final[dict[str, dict[str, Any]]] = {
    "description": {"title": "What the model is, with the hash of each file", "type": "application/json"},
    "model": {
        "title": "The network, for ONNX Runtime",
        "type": "application/octet-stream; application=onnx",
        "roles": ["mlm:model"],
        "mlm:artifact_type": "onnx",
        "eo:bands": [{"name": name} for name in BANDS],
    },
    "weights": {
        "title": "The same weights, for PyTorch",
        "type": "application/octet-stream; application=safetensors",
        "roles": ["mlm:weights"],
    },
    "card": {"title": "Model card", "type": "text/markdown", "roles": ["metadata"]},
}


def create_models_collection() -> pystac.Collection:
    """Return the collection of the models that super-resolve."""
    world, begin = pystac.SpatialExtent([-180, -90, 180, 90]), datetime(2015, 6, 23, tzinfo=UTC)
    return pystac.Collection(
        id=COLLECTION_MODELS,
        title="Super-resolution models",
        description=(
            "Networks that make 2.5 m of Sentinel-2's 10 m bands. The id of an item is what `model=` takes; its files "
            "are checked against their hashes before anything looks into them."
        ),
        license="other",
        keywords=["super-resolution", "sentinel-2", "machine learning", "model"],
        extent=pystac.Extent(world, pystac.TemporalExtent([[begin, None]])),
    )


def create_model_item(model: Model, files: Mapping[str, Mapping[str, Any]], added: datetime) -> pystac.Item:
    """Return the item of a model.

    Args:
        model: the model.
        files: href, `file:size` and `file:checksum` of each asset, by its key.
        added: when.
    """
    spec = model.spec
    network = spec.architecture or {}
    item = pystac.Item(
        id=spec.id,
        geometry=_WORLD,
        bbox=[-180, -90, 180, 90],
        datetime=added,
        properties={
            "title": spec.title or spec.id,
            "description": f"Super-resolves Sentinel-2 by {spec.scale}: {', '.join(BANDS)} at 10 m to 2.5 m.",
            "license": spec.license,
            "version": spec.version,
            "mlm:name": _speakable(spec.id),
            "mlm:architecture": str(network.get("name", "unknown")),
            "mlm:tasks": ["super-resolution"],
            "mlm:framework": "ONNX",
            "mlm:accelerator": "amd64",
            "mlm:accelerator_constrained": False,
            "mlm:pretrained": True,
            "mlm:input": [_input(model)],
            "mlm:output": _outputs(model),
            "mlm:hyperparameters": {
                "scale": spec.scale,
                "receptive_radius": spec.radius,
                "frames": spec.frames,
                **{name: value for name, value in network.items() if name != "name"},
            },
        },
        stac_extensions=[MLM_URI, EO_URI, FILE_URI, VERSION_URI],
        collection=COLLECTION_MODELS,
    )
    item.add_link(pystac.Link("collection", f"collections/{COLLECTION_MODELS}", pystac.MediaType.JSON))
    for key, facts in files.items():
        item.add_asset(key, pystac.Asset.from_dict({"roles": ["metadata"]} | _ABOUT[key] | dict(facts)))
    return item


def _input(model: Model) -> dict[str, Any]:
    spec = model.spec
    scaling = [
        {"type": "scale", "value": spec.scaling.multiply},
        {"type": "offset", "value": spec.scaling.add},
    ]
    return {
        "name": "reflectance at 10 m",
        "bands": list(BANDS),
        "input": _shape(len(BANDS) * spec.frames),
        "value_scaling": scaling,
        "description": f"{spec.frames} image(s) of one place, bands together; reflectance, 0 to 1.",
    }


def _outputs(model: Model) -> list[dict[str, Any]]:
    tasks = ["super-resolution"]
    fine = {"name": "reflectance at 2.5 m", "tasks": tasks, "bands": list(BANDS), "result": _shape(len(BANDS))}
    if model.spec.interval is None:
        return [fine]
    half = f"Half of the interval that holds the truth {model.spec.interval.level:.0%} of the time."
    return [fine, fine | {"name": "interval", "description": half}]


def _shape(bands: int) -> dict[str, Any]:
    return {"shape": [-1, bands, -1, -1], "dim_order": ["batch", "bands", "height", "width"], "data_type": "float32"}


def _speakable(name: str) -> str:
    """Return a name as `mlm:name` takes it: from a letter to a letter or digit."""
    return re.sub(r"[^a-zA-Z0-9]+$", "", name if name[0].isalpha() else f"model-{name}")
