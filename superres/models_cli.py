"""`worldstrat models`: the super-resolution models of a catalog."""

import hashlib
import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from catalog.objects import ObjectStore
from catalog.options import data_option
from catalog.settings import load_database, load_store
from superres.card import model_card
from superres.errors import ModelError
from superres.model import DESCRIPTION, MAX_RADIUS, ONNX, Model, load_model, model_from_bytes
from superres.registry import add_model, find_model, find_models, read_model, remove_model

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


@click.group()
def models() -> None:
    """List, add and remove the models that super-resolve."""


@models.command("list")
@data_option()
@_JSON
def list_models(*, data: Path, as_json: bool) -> None:
    """List the models of the catalog."""
    items = find_models(load_database(data))
    if as_json:
        click.echo(json.dumps(items))
        return
    table = Table("id", "version", "architecture", "licence", "title")
    for item in items:
        told = item["properties"]
        table.add_row(item["id"], told["version"], told["mlm:architecture"], told["license"], told["title"])
    Console().print(table)


@models.command()
@click.argument("model_id")
@data_option()
@_JSON
def show(model_id: str, *, data: Path, as_json: bool) -> None:
    """Show a model's card; with --json its STAC item."""
    item = _found(model_id, data)
    if as_json:
        click.echo(json.dumps(item))
        return
    Console().print(Markdown(model_card(read_model(item, ObjectStore.open(load_store(data))))))


@models.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@data_option()
@_JSON
@click.option("--id", "model_id", help="Name, for an .onnx file: what `model=` takes.")
@click.option("--version", default="1", show_default=True, help="Version of the weights, for an .onnx file.")
@click.option("--title", default="", help="One line for people, for an .onnx file.")
@click.option("--license", "licence", default="other", show_default=True, help="SPDX identifier, for an .onnx file.")
@click.option("--radius", type=click.IntRange(0, MAX_RADIUS), help="Receptive radius, for an .onnx file.")
@click.option("--multiply", type=float, default=1.0, show_default=True, help="Factor from reflectance to its input.")
@click.option("--offset", type=float, default=0.0, show_default=True, help="What is added to that.")
@click.option("--frames", type=click.IntRange(1, 16), default=1, show_default=True, help="Revisits that go in.")
@click.option("--interval", is_flag=True, help="Its second output is the half-width of a 90 % interval.")
def add(path: Path, *, data: Path, as_json: bool, **options: Any) -> None:
    """Add a model: a folder that `worldstrat train` wrote, or an ONNX file that somebody else trained.

    The network is run first. It has to take (n, 4, h, w) float32 in the order B02, B03, B04, B08 and to answer
    (n, 4, 4h, 4w); one that does not, or looks farther than it says, is refused.
    """
    model = load_model(path) if path.is_dir() else _foreign(path, **options)
    item = add_model(model, load_database(data), ObjectStore.open(load_store(data)))
    click.echo(json.dumps(item) if as_json else f"{model.id} {model.version} is in the catalog: `model={model.id}`.")


@models.command()
@click.argument("model_id")
@data_option()
def remove(model_id: str, data: Path) -> None:
    """Remove a model and its files."""
    if not remove_model(model_id, load_database(data), ObjectStore.open(load_store(data))):
        raise _unknown(model_id)
    click.echo(f"{model_id} is no longer in the catalog.")


def _found(model_id: str, data: Path) -> dict[str, Any]:
    item = find_model(model_id, load_database(data))
    if item is None:
        raise _unknown(model_id)
    return item


def _unknown(model_id: str) -> ModelError:
    return ModelError(f"There is no model {model_id!r}. `worldstrat models list` names those there are.")


def _foreign(
    path: Path,
    *,
    model_id: str | None,
    version: str,
    title: str,
    licence: str,
    radius: int | None,
    multiply: float,
    offset: float,
    frames: int,
    interval: bool,
) -> Model:
    if model_id is None or radius is None:
        raise ModelError(f"{path}: an ONNX file alone says neither its name nor its reach: give --id and --radius.")
    network = path.read_bytes()
    described = {
        "id": model_id,
        "version": version,
        "title": title,
        "license": licence,
        "radius": radius,
        "frames": frames,
        "scaling": {"multiply": multiply, "add": offset},
        "interval": {} if interval else None,
        "files": {ONNX: {"sha256": hashlib.sha256(network).hexdigest(), "size": len(network)}},
    }
    return model_from_bytes({DESCRIPTION: json.dumps(described).encode(), ONNX: network}, where=str(path))
