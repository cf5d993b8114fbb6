"""Models as items of the catalog: from an item to the model whose files it names."""

from collections.abc import Mapping
from typing import Any, Final

from catalog.errors import ObjectNotFoundError
from catalog.objects import ObjectStore, multihash
from superres.errors import ModelError
from superres.model import DESCRIPTION, ONNX, WEIGHTS, Model, model_from_bytes

COLLECTION: Final = "sr-models"
"""Collection of the models."""
ASSETS: Final = {"description": DESCRIPTION, "model": ONNX, "weights": WEIGHTS}
"""Keys of an item's assets and the files that they are."""


def read_model(item: Mapping[str, Any], store: ObjectStore) -> Model:
    """Return the model that an item describes; every file is checked before anything looks into it.

    Raises:
        ModelError: a file is not in the store, or not what the item says.
        ObjectStoreError: the store does not answer.
    """
    found = {name: _read(item, key, store) for key, name in ASSETS.items() if key in item["assets"]}
    return model_from_bytes(found, where=f"model {item['id']!r}")


def _read(item: Mapping[str, Any], key: str, store: ObjectStore) -> bytes:
    asset = item["assets"][key]
    name = f"model {item['id']!r}: {ASSETS[key]}"
    place = store.key(asset["href"])
    if place is None:
        raise ModelError(f"{name} does not lie in this server's store. Add the model again.")
    try:
        content = store.get(place)
    except ObjectNotFoundError as error:
        raise ModelError(f"{name} is missing from the store. Add the model again.") from error
    if multihash(content) != asset["file:checksum"]:
        raise ModelError(f"{name} is not what its item says: somebody changed it. Add the model again.")
    return content
