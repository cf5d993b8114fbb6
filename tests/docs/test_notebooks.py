"""The notebooks run as they stand, in a new kernel against a real server, and what they compute is right."""

import ast
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import rasterio
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from catalog.metadata import METADATA_CSV, SPLIT_CSV, Aoi, read_tables
from catalog.settings import StoreSettings
from infra.databases import database_env
from infra.postgres import PostgresCluster
from infra.record import Record, write_env
from infra.stores import store_env
from infra.web_server import WebServer
from tests.conftest import fresh_database

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
TOOLS = runpy.run_path(str(FOLDER / "execute.py"))
OURS = {"catalog", "client", "superres"}
"""Packages of ours that a notebook may import: those of the extras `client` and `superres`."""
SPLITS = {
    "Landcover-8379": "train",
    "ASMSpotter-1-1-1": "train",
    "UNHCR-NERs009627": "val",
    "Amnesty POI-5-2-2": "test",
}
CLOUDS = (0, 1, 3, 8, 9, 10)
MOST_BYTES = 300_000
pytestmark = pytest.mark.timeout(900)  # a minute on two quiet cores, ten where others work too

FACTS = {
    "1-dataset-exploration": {
        "sources": "places.source.value_counts().to_dict()",
        "ipcc": "places.ipcc.value_counts().to_dict()",
        "centres": "places.set_index('aoi')[['lon', 'lat']].T.to_dict('list')",
        "smod": "places.set_index('aoi').smod_label.to_dict()",
        "deltas": "sorted(map(int, revisits.delta))",
        "counted": "{each['key']: each['frequency'] for each in counted['ipcc_frequency']['buckets']}",
    },
    "2-download-a-subset": {
        "budget": "budget * 1e6",
        "held": "sum(path.stat().st_size for path in Path('camps').rglob('*.*') if path.suffix in {'.tif', '.png'})",
        "file": "data.name",
        "ndvi": "float(np.mean((nir - red) / (nir + red)))",
        "places": "archive.places",
        "means": "[float(sample['lr'].double().mean()) for sample in archive]",
        "drawn": "[place.facts for place in drawn.places]",
        "streamed": "[float(sample['lr'][0].astype(float).mean()) for sample in samples]",
    },
    "3-train-super-resolution": {
        "held_out": "held_out",
        "split": "material.facts['images']['worldstrat']",
        "name": "pair.name",
        "coarse": "pair.coarse.mean(axis=(1, 2)).tolist()",
        "errors": "np.square((plain.reflectance - pair.fine)[:, pair.valid & plain.valid]).mean(axis=1).tolist()",
        "distance": "float(distance)",
        "scores": "scores.T.to_dict()",
        "headers": "dict(answer.headers)",
    },
    "4-time-series-of-a-camp": {
        "camp": "camp",
        "whole": "whole[['item', 'output', 'mean', 'valid_percent']].to_dict('records')",
        "ours": "ours.to_dict()",
        "theirs": "theirs.to_dict()",
        "middle": "len(middle)",
        "red": "float(pixels.red.mean())",
    },
    "5-use-it-from-qgis": {
        "layers": "layers",
        "spot": "spot['id']",
        "revisit": "revisit['id']",
        "ndvi": "float(np.mean((nir - red) / (nir + red)))",
        "told": "next(iter(statistics.values()))['mean']",
        "pictures": "[picture[:, ::8, ::8].tolist() for picture in pictures.values()]",
    },
}
"""What the tests ask a notebook after its last cell."""


@dataclass(frozen=True)
class Demo:
    """A server of a small sample."""

    url: str
    dataset: Path

    @property
    def aois(self) -> dict[str, Aoi]:
        return read_tables(self.dataset / METADATA_CSV, self.dataset / SPLIT_CSV).aois

    def published(self, item: str, kind: str = "L2A_data") -> np.ndarray:
        """Read what was published of an item such as `Landcover-8379_L2A_01`."""
        slug, _, revisit = item.replace(" ", "-").split("_")
        (folder,) = (path for path in (self.dataset / "lr_dataset").iterdir() if path.name.replace(" ", "-") == slug)
        with rasterio.open(folder / "L2A" / f"{folder.name}-{int(revisit)}-{kind}.tiff") as src:
            return src.read()


@pytest.fixture(scope="module")
def demo(postgres: PostgresCluster, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A server of the small dataset with a place in each split, since training needs them."""
    folder = tmp_path_factory.mktemp("notebooks")
    sample, objects = folder / "dataset", folder / "objects"
    shutil.copytree(dataset, sample, copy_function=os.link)
    (sample / SPLIT_CSV).unlink()  # the file itself is the other dataset's too
    (sample / SPLIT_CSV).write_text("".join([",tile,IPCC Class,SMOD,source,joint_class,split\n", *map(_row, SPLITS)]))
    objects.mkdir()
    store = StoreSettings(url=objects.as_uri())
    with fresh_database(postgres) as database:
        write_env(folder, {**database_env(database), **store_env(store)})
        command = [sys.executable, "-m", "infra.cli", "ingest", str(sample), "--data", str(folder), "--workers", "2"]
        subprocess.run(command, check=True, capture_output=True)  # the command, since it writes snapshots too
        server = WebServer(Record(folder))
        server.choose_port()
        server.start()
        yield Demo(server.url.rstrip("/"), sample)
        server.stop()


def _row(name: str) -> str:
    source = re.split("[- ]", name)[0]
    return f"0,{name},,11,{source},{source}//11,{SPLITS[name]}\n"


@dataclass(frozen=True)
class Ran:
    """A notebook after its run, and its answer to the question of the tests."""

    notebook: NotebookNode
    facts: dict[str, Any]


@pytest.fixture(scope="module")
def ran(demo: Demo) -> Callable[[str], Ran]:
    """Run a notebook, once for all tests."""
    done: dict[str, Ran] = {}

    def run(name: str) -> Ran:
        if name not in done:
            notebook = TOOLS["load"](FOLDER / f"{name}.ipynb")
            asked = ", ".join(f"{key!r}: {expression}" for key, expression in FACTS[name].items())
            notebook.cells.append(new_code_cell(f"import json as _json; print(_json.dumps({{{asked}}}))"))
            TOOLS["run"](notebook, demo.url)
            done[name] = Ran(notebook, json.loads(notebook.cells.pop().outputs[0].text))
        return done[name]

    return run


def kinds(notebook: NotebookNode) -> list[list[str]]:
    """Say of each cell what kinds of output it has."""
    return [
        [output.get("name") or f"{output.output_type}: {sorted(output.data)}" for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_as_it_stands_and_shows_what_it_was_stored_with(ran: Callable[[str], Ran], name: str) -> None:
    again = kinds(ran(name).notebook)

    assert again == kinds(TOOLS["load"](FOLDER / f"{name}.ipynb"))
    assert not any("stderr" in of for of in again)  # no warnings either


def test_exploration_counts_what_the_published_tables_say(ran: Callable[[str], Ran], demo: Demo) -> None:
    told, aois = ran("1-dataset-exploration").facts, demo.aois

    assert told["sources"] == count(aoi.source for aoi in aois.values())
    assert told["ipcc"] == told["counted"] == count(aoi.ipcc for aoi in aois.values())
    assert told["deltas"] == sorted(revisit.delta for aoi in aois.values() for revisit in aoi.revisits)
    assert told["smod"]["Landcover-8379"] == "Urban: Suburban"
    for name, centre in told["centres"].items():
        west, south, east, north = aois[name].bounds
        assert centre == pytest.approx([(west + east) / 2, (south + north) / 2], abs=1e-6)


def test_the_download_weighs_what_was_told_and_reads_as_published(ran: Callable[[str], Ran], demo: Demo) -> None:
    told = ran("2-download-a-subset").facts
    camps = sorted(name for name, aoi in demo.aois.items() if aoi.source == "UNHCR")

    assert told["held"] == pytest.approx(told["budget"])
    assert told["ndvi"] == pytest.approx(ndvi(demo.published(told["file"].removesuffix("_data.tif"))).mean(), abs=1e-5)
    assert told["places"] == camps
    assert told["means"] == pytest.approx([demo.published(f"{name}_L2A_01").mean(dtype=float) for name in camps])
    best = [facts["revisits"][0] for facts in told["drawn"]]
    assert len({facts["source"] for facts in told["drawn"]}) == len(best) == 4
    assert told["streamed"] == pytest.approx([demo.published(item).mean(dtype=float) for item in best], rel=1e-6)


def test_training_lowers_the_error_and_its_output_averages_to_its_input(ran: Callable[[str], Ran], demo: Demo) -> None:
    told = ran("3-train-super-resolution").facts
    aoi = demo.aois[told["name"]]

    steps = sorted(told["held_out"], key=int)
    assert told["held_out"][steps[-1]] < told["held_out"][steps[0]]
    assert told["split"] == {"train": 2, "val": 1, "test": 1}
    assert aoi.split == "test"
    assert told["distance"] < 1e-4
    means = [
        demo.published(f"{told['name']}_L2A_{revisit.n:02}")[[1, 2, 3, 7]].mean(axis=(1, 2)) for revisit in aoi.revisits
    ]
    assert np.abs(np.array(means) - told["coarse"]).mean(axis=1).min() < 1e-4
    assert told["scores"]["bicubic"]["rmse"] == pytest.approx(np.sqrt(told["errors"]).mean(), rel=1e-3)
    assert told["scores"]["model"]["inconsistency"] < 1e-4 < told["scores"]["bicubic"]["inconsistency"]
    assert told["headers"]["worldstrat-synthetic"] == "true"


def test_series_are_those_of_the_published_pixels_without_clouds(ran: Callable[[str], Ran], demo: Demo) -> None:
    told = ran("4-time-series-of-a-camp").facts

    assert demo.aois[told["camp"]].source == "UNHCR"
    assert len(told["whole"]) == 2 * len(told["theirs"]) >= 2
    for row in told["whole"]:
        data, classes = demo.published(row["item"]), demo.published(row["item"], "SCL")[0]
        seen = ~np.isin(classes, CLOUDS)
        values = ndvi(data) if row["output"] == "NDVI" else ratio(data[10], data[7])
        assert row["mean"] == pytest.approx(values[seen].mean(), abs=1e-4), row
        assert row["valid_percent"] == pytest.approx(100 * seen.mean(), abs=0.1)
    assert told["ours"] == pytest.approx(told["theirs"], abs=1e-4)
    assert told["middle"] >= 1


def test_gdal_sees_what_qgis_would_show(ran: Callable[[str], Ran], demo: Demo) -> None:
    told = ran("5-use-it-from-qgis").facts
    spot, *others = pictures = np.array(told["pictures"])

    assert any("true-color" in layer for layer in told["layers"])
    assert told["ndvi"] == pytest.approx(ndvi(demo.published(told["revisit"])).mean(), abs=1e-4)
    assert told["told"] == pytest.approx(told["ndvi"], abs=1e-4)
    assert (pictures[:, 3] > 0).mean() > 0.97
    assert all(len(np.unique(picture[:3].reshape(3, -1), axis=1).T) > 30 for picture in others)
    address = f"{demo.url}/raster/collections/worldstrat-spot/items/{told['spot']}/preview.png"
    answer = httpx.get(address, params={"render": "true-color"}, timeout=60).raise_for_status()
    with Image.open(io.BytesIO(answer.content)) as preview:
        assert spot[:3].mean(axis=(1, 2)) == pytest.approx(np.asarray(preview)[..., :3].mean(axis=(0, 1)), abs=3)


@pytest.mark.parametrize("name", NAMES)
def test_its_outputs_are_of_its_code_in_order_and_tell_nothing_of_a_machine(name: str) -> None:
    path = FOLDER / f"{name}.ipynb"
    notebook, text = TOOLS["load"](path), path.read_text("utf-8")
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]

    assert notebook.metadata["worldstrat"] == {"code": TOOLS["code"](notebook)}, "Run docs/notebooks/execute.py on it."
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert set(notebook.metadata) == {"kernelspec", "language_info", "worldstrat"}
    assert all(cell.metadata == {} and cell.source.strip() for cell in notebook.cells)
    assert notebook.cells[0].source.startswith("# ")
    assert not re.search(r"/(home|root|tmp|work|var)/|File \\\"|Traceback", text)
    assert set(re.findall(r"127\.0\.0\.1:(\d+)", text)) <= {"8000"}
    assert path.stat().st_size < MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_it_imports_only_what_its_first_lines_say_to_install(name: str) -> None:
    notebook = TOOLS["load"](FOLDER / f"{name}.ipynb")
    (extras,) = re.findall(r"pip install worldstrat\[([\w,]+)\]", notebook.cells[0].source)
    brought, owners = brings(extras.split(",")), packages_distributions()

    for module in imported(notebook) - OURS:
        if module not in owners:
            __import__(module)  # the standard library's
        else:
            assert brought & {canonicalize_name(owner) for owner in owners[module]}, module


def test_there_are_five() -> None:
    assert FACTS.keys() == set(NAMES)


def imported(notebook: NotebookNode) -> set[str]:
    """Return the packages that the code of a notebook imports."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code" and not cell.source.startswith("%%")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


def brings(extras: list[str]) -> set[str]:
    """Return the names of all packages that `pip install worldstrat[...]` brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    waiting = list(map(Requirement, project["dependencies"]))
    waiting += [Requirement(line) for extra in extras for line in project["optional-dependencies"][extra]]
    found: set[str] = set()
    while waiting:
        one = waiting.pop()
        key = f"{canonicalize_name(one.name)}[{','.join(sorted(one.extras))}]"
        if key in found:
            continue
        found.add(key)
        try:
            further = [Requirement(line) for line in requires(one.name) or ()]
        except PackageNotFoundError:  # of another system
            continue
        chosen = [{"extra": extra} for extra in ("", *one.extras)]
        waiting += [each for each in further if not each.marker or any(map(each.marker.evaluate, chosen))]
    return {key.split("[")[0] for key in found}


def count(values: Any) -> dict[str, int]:
    listed = list(values)
    return {value: listed.count(value) for value in set(listed)}


def ndvi(data: np.ndarray) -> np.ndarray:
    """Return the NDVI of the twelve bands of L2A."""
    return ratio(data[7], data[3])


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    above, below = above.astype(float), below.astype(float)
    return (above - below) / (above + below)
