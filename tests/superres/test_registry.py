"""Models in a real catalog: put there, described, found, changed by somebody, removed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pystac
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from catalog.constants import COLLECTION_MODELS
from catalog.objects import ObjectStore
from catalog.settings import DatabaseSettings, StoreSettings
from catalog.transcript import newest_transcripts, read_transcript
from infra.cli import main
from superres.errors import ModelError
from superres.model import Model
from superres.model_item import create_models_collection
from superres.registry import add_model, check_contract, find_model, find_models, read_model, remove_model


@pytest.fixture
def store(file_store: StoreSettings) -> ObjectStore:
    """An empty store."""
    return ObjectStore.open(file_store)


@pytest.fixture
def environment(database: DatabaseSettings, file_store: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog as the environment names it to a command."""
    named = {"PGHOST": database.host, "PGPORT": str(database.port), "PGUSER": database.user}
    named |= {"PGPASSWORD": database.password.get_secret_value(), "PGDATABASE": database.database}
    for name, value in (named | {"WORLDSTRAT_STORE": file_store.url}).items():
        monkeypatch.setenv(name, value)


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["models", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def blur(side: int) -> bytes:
    """A foreign network: an average over `side` x `side` pixels, each of them then repeated."""
    kernel = np.zeros((4, 4, side, side), np.float32)
    kernel[range(4), range(4)] = 1 / side**2
    weights = [numpy_helper.from_array(kernel, "k"), numpy_helper.from_array(np.array([1, 1, 4, 4], np.float32), "s")]
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["blurred"], kernel_shape=[side] * 2, pads=[side // 2] * 4),
        helper.make_node("Resize", ["blurred", "", "s"], ["y"], mode="nearest"),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4, None, None]) for name in ("x", "y")]
    made = helper.make_model(
        helper.make_graph(nodes, "blur", ends[:1], ends[1:], weights), opset_imports=[helper.make_opsetid("", 17)]
    )
    made.ir_version = 9
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


def test_a_model_comes_back_from_the_catalog_as_it_went_in(
    model: Model, database: DatabaseSettings, store: ObjectStore
) -> None:
    add_model(model, database, store)
    item = find_model(model.id, database)
    assert item is not None
    assert read_model(item, store) == model
    assert [found["id"] for found in find_models(database)] == [model.id]


@pytest.mark.usefixtures("open_schemas")
def test_item_and_collection_keep_the_schemas_of_their_extensions(
    model: Model, database: DatabaseSettings, store: ObjectStore
) -> None:
    item = pystac.Item.from_dict(add_model(model, database, store), preserve_dict=True)
    collection = create_models_collection()
    collection.set_self_href("http://127.0.0.1/collection.json")
    assert any("mlm" in uri for uri in item.validate())
    collection.validate()


def test_a_file_that_somebody_changed_is_refused(model: Model, database: DatabaseSettings, store: ObjectStore) -> None:
    item = add_model(model, database, store)
    key = store.key(item["assets"]["model"]["href"])
    assert key
    store.put(key, model.onnx[:-1] + b"!", "application/octet-stream")
    with pytest.raises(ModelError, match="somebody changed it"):
        read_model(item, store)
    store.delete(key)
    with pytest.raises(ModelError, match="missing from the store"):
        read_model(item, store)


def test_a_file_elsewhere_is_never_fetched(model: Model, database: DatabaseSettings, store: ObjectStore) -> None:
    item = add_model(model, database, store)
    item["assets"]["model"]["href"] = "http://169.254.169.254/model.onnx"
    with pytest.raises(ModelError, match="does not lie in this server's store"):
        read_model(item, store)


def test_a_removed_model_leaves_nothing(model: Model, database: DatabaseSettings, store: ObjectStore) -> None:
    add_model(model, database, store)
    assert remove_model(model.id, database, store)
    assert find_model(model.id, database) is None
    assert store.list(COLLECTION_MODELS) == []
    lines = [kind for kind, _ in read_transcript(store, newest_transcripts(store)[COLLECTION_MODELS])]
    assert lines == ["opening", "end"]
    assert not remove_model(model.id, database, store)


def test_a_network_that_looks_farther_than_it_says_is_refused(
    model: Model, database: DatabaseSettings, store: ObjectStore
) -> None:
    short = replace(model, spec=model.spec.model_copy(update={"radius": model.radius - 2}))
    with pytest.raises(ModelError, match="depends on others farther away"):
        add_model(short, database, store)
    assert find_models(database) == []
    assert store.list() == []
    check_contract(model)


@pytest.mark.usefixtures("environment")
def test_the_command_adds_lists_shows_and_removes_a_foreign_network(tmp_path: Path) -> None:
    network = tmp_path / "blur.onnx"
    network.write_bytes(blur(5))
    added = ["add", str(network), "--id", "blur", "--license", "MIT", "--title", "A blur"]
    assert run(*added, "--radius", "2")[0] == 0
    items: list[dict[str, Any]] = json.loads(run("list", "--json")[1])
    assert [(item["id"], item["properties"]["license"]) for item in items] == [("blur", "MIT")]
    assert "blur" in run("list")[1]
    assert "A blur" in run("show", "blur")[1]
    assert run("remove", "blur")[0] == 0
    assert json.loads(run("list", "--json")[1]) == []


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--id", "blur", "--radius", "1"], "farther away"),
        (["--id", "blur"], "--radius"),
        (["--radius", "2"], "--id"),
        (["--id", "No Name!", "--radius", "2"], "id in model.json"),
        (["--id", "blur", "--radius", "2", "--multiply", "0"], "scaling.multiply"),
        (["--id", "blur", "--radius", "2", "--interval"], "interval"),
        (["--id", "blur", "--radius", "2", "--frames", "8"], "does not take"),
    ],
)
def test_a_foreign_network_that_breaks_the_contract_is_refused_in_one_line(
    tmp_path: Path, options: list[str], said: str
) -> None:
    network = tmp_path / "blur.onnx"
    network.write_bytes(blur(5))
    code, output = run("add", str(network), *options)
    assert code == 1
    assert said in output
    assert output.count("\n") == 1


@pytest.mark.usefixtures("environment")
def test_what_is_no_network_and_who_is_unknown_are_refused_in_one_line(tmp_path: Path) -> None:
    poison = tmp_path / "poison.onnx"
    poison.write_bytes(b"\x80\x04\x95cposix\nsystem\n")
    for arguments, said in (
        (("add", str(poison), "--id", "x", "--radius", "1"), "cannot be loaded"),
        (("add", str(tmp_path)), "model.json"),
        (("show", "nobody"), "nobody"),
        (("remove", "nobody"), "nobody"),
    ):
        code, output = run(*arguments)
        assert (code, said in output, output.count("\n")) == (1, True, 1), output
