"""The models of a catalog: put there, found, read and removed; none that breaks the contract gets in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import numpy as np

from catalog.constants import COLLECTION_MODELS
from catalog.errors import ObjectNotFoundError
from catalog.keys import object_key
from catalog.objects import ObjectStore, multihash
from catalog.pgstac import CatalogWriter, connect, translated
from catalog.settings import DatabaseSettings
from catalog.transcript import write_transcript
from superres.card import model_card
from superres.errors import ModelError
from superres.model import BANDS, DESCRIPTION, ONNX, WEIGHTS, Model, model_from_bytes
from superres.model_item import ASSETS, CARD, create_model_item, create_models_collection
from superres.runtime import open_runtime

_TOLERANCE: Final = 1e-5
"""Most that a pixel may change with one that it cannot see."""


def add_model(model: Model, database: DatabaseSettings, store: ObjectStore) -> dict[str, Any]:
    """Put a model into the catalog, after its network was run and held against its description.

    A model of the same id is replaced: what was made by it is labelled with its hash and so is not mistaken.

    Returns:
        The STAC item.

    Raises:
        ModelError: the contract does not hold.
        DatabaseError: the database does not answer.
        ObjectStoreError: the store does not.
    """
    check_contract(model)
    contents = {DESCRIPTION: model.spec.model_dump_json(indent=1).encode(), ONNX: model.onnx}
    contents |= {WEIGHTS: model.weights} if model.weights else {}
    contents |= {CARD: model_card(model).encode()}
    files = {}
    for key, name in ASSETS.items():
        if name in contents:
            content = contents[name]
            checksum = multihash(content)
            place = object_key(f"{COLLECTION_MODELS}/{model.id}", checksum, name)
            store.put_verified(place, content, "application/octet-stream")
            files[key] = {"href": store.href(place), "file:size": len(content), "file:checksum": checksum}
    item: dict[str, Any] = create_model_item(model, files, datetime.now(UTC)).to_dict(
        include_self_link=False, transform_hrefs=False
    )
    with CatalogWriter(database) as writer:
        collection = create_models_collection().to_dict(include_self_link=False, transform_hrefs=False)
        writer.load_collections([collection])
        writer.load_items([item])
    _write_down(database, store)
    return item


def find_models(database: DatabaseSettings) -> list[dict[str, Any]]:
    """Return the items of all models, by id.

    Raises:
        DatabaseError: the database does not answer.
    """
    with translated(database), connect(database) as connection:
        rows = connection.execute(
            "SELECT get_item(id, collection) FROM items WHERE collection = %s ORDER BY id", (COLLECTION_MODELS,)
        ).fetchall()
    return [row[0] for row in rows]


def find_model(model_id: str, database: DatabaseSettings) -> dict[str, Any] | None:
    """Return the item of one model, None where there is none; the errors are those of `find_models`."""
    with translated(database), connect(database) as connection:
        row = connection.execute("SELECT get_item(%s, %s)", (model_id, COLLECTION_MODELS)).fetchone()
    return row[0] if row and row[0] else None


def remove_model(model_id: str, database: DatabaseSettings, store: ObjectStore) -> bool:
    """Take a model out of the catalog, then its files out of the store; False where there was none.

    The errors are those of `add_model`.
    """
    item = find_model(model_id, database)
    if item is None:
        return False
    with translated(database), connect(database) as connection:
        connection.execute("SELECT delete_item(%s, %s)", (model_id, COLLECTION_MODELS))
    for asset in item["assets"].values():
        if (key := store.key(asset["href"])) is not None:
            store.delete(key)
    _write_down(database, store)
    return True


def read_model(item: Mapping[str, Any], store: ObjectStore) -> Model:
    """Return the model that an item describes; every file is checked before anything looks into it.

    Raises:
        ModelError: a file is not in the store, or not what the item says.
        ObjectStoreError: the store does not answer.
    """
    names = {key: name for key, name in ASSETS.items() if key in item["assets"] and name != CARD}
    found = {name: _read(item, key, store) for key, name in names.items()}
    return model_from_bytes(found, where=f"model {item['id']!r}")


def check_contract(model: Model) -> None:
    """Run a network and hold it against its description: shapes, numbers, and how far it looks.

    Raises:
        ModelError: it is not what the description says.
    """
    runtime = open_runtime(model)  # loads it, and tries it on an even image
    side = 2 * model.radius + 3
    noise = np.random.default_rng(0).uniform(0.02, 0.3, (1, len(BANDS) * model.spec.frames, side, side))
    first = noise.astype(np.float32)
    second = first.copy()
    for edge in (second[..., 0, :], second[..., -1, :], second[..., 0], second[..., -1]):
        edge[:] = 0.5 - edge
    middle = (..., *(slice((model.radius + 1) * model.scale, (model.radius + 2) * model.scale),) * 2)
    moved = runtime.predict(first).reflectance[middle] - runtime.predict(second).reflectance[middle]
    if np.abs(moved).max() > _TOLERANCE:
        raise ModelError(
            f"{model.id}: a pixel depends on others farther away than the {model.radius} input pixels that its "
            "description names. Give the true receptive radius (`--radius`)."
        )


def _write_down(database: DatabaseSettings, store: ObjectStore) -> None:
    """Write the models there are into the store, from which they come back where the database is lost."""
    with translated(database), connect(database) as connection:
        write_transcript(connection, store, COLLECTION_MODELS, version("worldstrat"), lambda *_: ())


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
