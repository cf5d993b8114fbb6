"""Model files: what is refused, and before what."""

import json
import pickle
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from superres.errors import ModelError
from superres.inference import superresolve
from superres.model import ONNX, WEIGHTS, Model, default_model, describe_file, load_model, model_from_bytes
from superres.release import write_model
from superres.runtime import RuntimeName, open_runtime
from tests.superres.conftest import land


@pytest.fixture
def folder(model: Model, tmp_path: Path) -> Path:
    write_model(model, tmp_path / "model")
    return tmp_path / "model"


def change(folder: Path, **fields: object) -> None:
    description = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(description | fields))


def test_a_model_that_was_written_is_read_back(folder: Path, model: Model) -> None:
    assert load_model(folder) == model
    assert load_model(folder, model.sha256).sha256 == model.sha256


@pytest.mark.parametrize("name", [ONNX, WEIGHTS])
def test_a_file_that_was_changed_is_refused_before_it_is_loaded(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name} has hash .* It was changed"):
        load_model(folder)


@pytest.mark.parametrize(("name", "runtime"), [(WEIGHTS, "torch"), (ONNX, "onnx")])
def test_a_pickle_in_place_of_a_file_is_refused_and_never_unpickled(
    name: str, runtime: RuntimeName, folder: Path, tmp_path: Path
) -> None:
    class Poison:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (tmp_path / "unpickled",)

    poison = pickle.dumps(Poison())
    (folder / name).write_bytes(poison)
    # Whoever poisons a file may poison its hash, too.
    described = json.loads((folder / "model.json").read_text())["files"]
    change(folder, files={**described, name: describe_file(poison).model_dump()})
    with pytest.raises(ModelError):
        open_runtime(load_model(folder), runtime)
    assert not (tmp_path / "unpickled").exists()
    pickle.loads(poison)  # noqa: S301 - it would have left its trace
    assert (tmp_path / "unpickled").exists()


def test_a_hash_that_somebody_else_vouches_for_must_match(folder: Path) -> None:
    with pytest.raises(ModelError, match="as it should"):
        load_model(folder, "0" * 64)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"bands": ["B04", "B03", "B02", "B08"]}, "bands are B02, B03, B04, B08"),
        ({"scale": 2}, "scale is 4, not 2"),
        ({"radius": 4000}, "radius"),
        ({"radius": -1}, "radius"),
        ({"id": "../../etc/passwd"}, "id"),
        ({"interval": {"level": 0.9, "factors": [1, 1]}}, "4 factors"),
        ({"interval": {"level": 0.9, "factors": [1, 1, 1, -1]}}, "interval.factors"),
        ({"files": {}}, "files are"),
        ({"files": {"../model.onnx": {"sha256": "0" * 64, "size": 1}}}, "files are"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_description_that_breaks_the_contract_is_refused_with_the_reason(
    folder: Path, fields: dict[str, object], said: str
) -> None:
    change(folder, **fields)
    with pytest.raises(ModelError, match=said):
        load_model(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(ModelError, match=r"weights\.safetensors is missing"):
        load_model(folder)
    with pytest.raises(ModelError, match=r"there is no model\.json"):
        load_model(folder / "nowhere")


def foreign(bands: int = 4, factor: int = 4, *, external: bool = False) -> bytes:
    """A network that somebody else made: it repeats pixels."""
    scales = numpy_helper.from_array(np.array([1, 1, factor, factor], np.float32), "scales")
    if external:
        onnx.external_data_helper.set_external_data(scales, "/etc/passwd")
        scales.data_location = TensorProto.EXTERNAL
        scales.ClearField("raw_data")
    nodes = [helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest")]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", bands, None, None]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "foreign", infos[:1], infos[1:], [scales])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 9
    return bytes(made.SerializeToString())


def wrapped(content: bytes, **fields: object) -> Model:
    description = {"id": "foreign", "version": "1", "radius": 2, "files": {ONNX: describe_file(content).model_dump()}}
    return model_from_bytes({"model.json": json.dumps(description | fields).encode(), ONNX: content})


def test_a_foreign_network_that_keeps_the_contract_runs_without_an_interval() -> None:
    model, image = wrapped(foreign()), land(1, 20, 24)
    made = superresolve(image, np.ones((20, 24), bool), open_runtime(model), model)
    assert np.allclose(made.reflectance, image.repeat(4, 1).repeat(4, 2), atol=1e-6)
    assert np.isnan(made.interval).all()


def test_scaling_is_applied_before_the_network_and_taken_back_after_it() -> None:
    model, image = wrapped(foreign(), scaling={"multiply": 3.3, "add": -0.2}), land(2, 16, 16)
    prediction = open_runtime(model).predict(image[None])
    assert np.allclose(prediction.reflectance[0], image.repeat(4, 1).repeat(4, 2), atol=1e-5)


@pytest.mark.parametrize(
    ("content", "fields", "said"),
    [
        (foreign(bands=3), {}, "does not take an image"),
        (foreign(factor=2), {}, "answers"),
        (foreign(external=True), {}, "points to other files"),
        (b"no network at all", {}, "cannot be loaded"),
        (foreign(), {"interval": {"level": 0.9, "factors": [1, 1, 1, 1]}}, "one output only"),
    ],
    ids=["three bands", "twice", "external data", "no network", "no interval"],
)
def test_a_foreign_network_that_breaks_the_contract_is_refused_with_the_reason(
    content: bytes, fields: dict[str, object], said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        open_runtime(wrapped(content, **fields))


def test_a_model_that_comes_as_onnx_alone_is_not_for_pytorch() -> None:
    with pytest.raises(ModelError, match="ONNX alone"):
        open_runtime(wrapped(foreign()), "torch")


def test_the_default_model_is_small_consistent_and_alike_on_both_runtimes() -> None:
    model = default_model()
    assert sum(file.size for file in model.spec.files.values()) < 2_000_000
    assert model.spec.interval
    assert model.spec.training["manifest"]
    image = land(3, 48, 40)
    seen = np.ones((48, 40), bool)
    one, other = (superresolve(image, seen, open_runtime(model, name, threads=1), model) for name in ("onnx", "torch"))
    assert np.abs(one.reflectance - other.reflectance).max() < 1e-3
