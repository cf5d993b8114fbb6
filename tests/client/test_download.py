"""`worldstrat download` against the published files, the items and the readers of each layout."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pystac
import pytest
import rasterio
import webdataset
from click.testing import Result
from rasterio.windows import from_bounds

from catalog.metadata import METADATA_CSV, SPLIT_CSV, SPLITS, read_tables
from tests.client.folder_loader import FolderLoader, read
from tests.conftest import DemoStack

Cli = Callable[..., Result]
ALL = ("--collection", "spot", "--collection", "l2a", "--collection", "l1c")


def download(cli: Cli, out: Path, *arguments: str) -> dict[str, Any]:
    result = cli("download", out, "--json", *arguments)
    assert result.exit_code == 0, result.output
    summary: dict[str, Any] = json.loads(result.stdout)
    return summary


@pytest.fixture(scope="module")
def published(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    assert download(cli, folder, "--layout", "published", *ALL)["failures"] == []
    return folder


@pytest.fixture(scope="module")
def static(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stac")
    download(cli, folder, *ALL)
    return folder


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_the_published_layout_gives_every_published_file_back(published: Path, dataset: Path) -> None:
    originals = {path.relative_to(dataset) for path in dataset.rglob("*") if path.suffix in {".tiff", ".png"}}
    assert {
        path.relative_to(published) for path in published.rglob("*") if path.suffix in {".tiff", ".png"}
    } == originals
    for name in originals:
        with rasterio.open(dataset / name) as theirs, rasterio.open(published / name) as ours:
            assert ours.dtypes == theirs.dtypes, name
            np.testing.assert_array_equal(ours.read(), theirs.read(), str(name))


def test_the_published_tables_say_the_same_of_every_place(published: Path, dataset: Path) -> None:
    ours, theirs = (read_tables(folder / METADATA_CSV, folder / SPLIT_CSV) for folder in (published, dataset))
    assert {(one.aoi, one.reason) for one in ours.problems} == {(one.aoi, one.reason) for one in theirs.problems}
    for name, aoi in theirs.aois.items():
        mine = ours.aois[name]
        assert (mine.lccs, mine.ipcc, mine.smod, mine.split) == (aoi.lccs, aoi.ipcc, aoi.smod, aoi.split)
        assert mine.bounds == pytest.approx(aoi.bounds)
        assert mine.revisits == aoi.revisits


@pytest.mark.parametrize("kind", ["spot", "l1c"])
def test_the_tables_of_one_kind_of_images_know_the_day_of_spot(
    cli: Cli, dataset: Path, tmp_path: Path, kind: str
) -> None:
    download(cli, tmp_path, "--layout", "published", "--collection", kind, "--asset", "overview", "--asset", "data")
    ours, theirs = (read_tables(folder / METADATA_CSV, folder / SPLIT_CSV) for folder in (tmp_path, dataset))
    assert {name: aoi.spot_date for name, aoi in ours.aois.items()} == {
        name: aoi.spot_date for name, aoi in theirs.aois.items()
    }
    assert {one.reason for one in ours.problems} <= {one.reason for one in theirs.problems}


def test_the_static_catalog_holds_the_bytes_that_its_items_name(static: Path, cli: Cli) -> None:
    items = list(pystac.Catalog.from_file(static / "catalog.json").get_items(recursive=True))
    assert len(items) == 20
    for item in items:
        for asset in item.assets.values():
            content = Path(asset.get_absolute_href() or "").read_bytes()
            assert asset.extra_fields["file:checksum"] == f"1220{hashlib.sha256(content).hexdigest()}"
    shown = {json.loads(line)["id"] for line in cli("search", "--json", *ALL).stdout.splitlines()}
    assert {item.id for item in items} == shown


@pytest.mark.usefixtures("open_schemas")
def test_the_static_catalog_is_valid(static: Path) -> None:
    catalog = pystac.Catalog.from_file(static / "catalog.json")
    catalog.validate()
    for item in catalog.get_items(recursive=True):
        item.validate()
        collection = item.get_collection()
        assert collection is not None
        collection.validate()


def test_a_second_run_asks_for_nothing_and_a_touched_file_comes_again(cli: Cli, tmp_path: Path) -> None:
    first = download(cli, tmp_path, "--limit", "3")
    again = download(cli, tmp_path, "--limit", "3")
    assert (again["items"], again["kept"], again["received"]) == (first["items"], 3, 0)
    spoilt = next(tmp_path.rglob("*.tif"))
    content = bytearray(spoilt.read_bytes())
    content[-1] ^= 1
    spoilt.write_bytes(content)
    assert download(cli, tmp_path, "--limit", "3")["kept"] == 2
    content[-1] ^= 1
    assert spoilt.read_bytes() == bytes(content)


def test_further_assets_join_those_that_are_there(cli: Cli, tmp_path: Path) -> None:
    chosen = ("--limit", "1", "--collection", "l2a")
    download(cli, tmp_path, *chosen, "--asset", "data")
    assert download(cli, tmp_path, *chosen, "--asset", "clm")["kept"] == 0
    (item,) = pystac.Catalog.from_file(tmp_path / "catalog.json").get_items(recursive=True)
    assert set(item.assets) == {"data", "clm"}
    assert download(cli, tmp_path, *chosen, "--asset", "data")["kept"] == 1


def lines(manifest: Path) -> int:
    return manifest.read_text().count("\n") if manifest.exists() else 0


def test_forty_items_interrupted_five_times_end_complete(demo_stack: DemoStack, tmp_path: Path) -> None:
    url = ("--url", f"{demo_stack.url}/stac", *ALL)
    command = [sys.executable, "-m", "infra.cli", "download", str(tmp_path), "--json", "--threads", "1", *url]
    manifest, held = tmp_path / "manifest.jsonl", 0
    for _ in range(5):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and lines(manifest) <= held:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130, "it was not done yet"
        held = lines(manifest)
    summary = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert (summary["items"], summary["failures"]) == (40, [])
    assert summary["kept"] >= held - 1 >= 4, "each run went on where the one before ended"
    items = httpx.get(f"{demo_stack.url}/stac/search", params={"limit": 100}).raise_for_status().json()["features"]
    assert len(items) == 40
    for item in items:
        for key, asset in item["assets"].items():
            if key != "thumbnail":
                found = tmp_path / item["collection"] / item["id"] / asset["href"].rpartition("/")[2]
                digest = hashlib.sha256(found.read_bytes()).hexdigest()
                assert asset["file:checksum"] == f"1220{digest}", found
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_loader_of_the_published_folders_reads_what_was_published(published: Path, dataset: Path, split: str) -> None:
    ours, theirs = FolderLoader(published, split), read_tables(dataset / METADATA_CSV, dataset / SPLIT_CSV)
    assert sorted(ours.places) == sorted(name for name, aoi in theirs.aois.items() if split in aoi.splits)
    for sample in (ours[at] for at in range(len(ours))):
        aoi = theirs.aois[sample["aoi"]]
        lr, hr = dataset / "lr_dataset" / aoi.name, dataset / "hr_dataset" / aoi.name
        for level in ("L1C", "L2A"):
            published_ones = [read(lr / level / f"{aoi.name}-{n}-{level}_data.tiff") for n in (1, 2)]
            np.testing.assert_array_equal(sample[level.lower()], np.stack(published_ones))
        for kind in ("ps", "pan", "rgbn"):
            np.testing.assert_array_equal(sample[kind], read(hr / f"{aoi.name}_{kind}.tiff"))
        assert sample["preview"].shape[1:] == sample["pan"].shape[1:]
        assert sample["low_res_date"] == [str(revisit.lowres_date) for revisit in aoi.revisits]
        assert sample["high_res_date"] == str(aoi.spot_date)
        west, south, east, north = aoi.bounds
        assert (sample["lon"], sample["lat"]) == pytest.approx(((west + east) / 2, (south + north) / 2))


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_shards_are_read_by_webdataset(cli: Cli, static: Path, tmp_path: Path) -> None:
    assert download(cli, tmp_path, "--layout", "webdataset", "--collection", "l2a")["files"] == 1
    samples = list(webdataset.WebDataset([str(path) for path in tmp_path.glob("*.tar")], shardshuffle=False))
    assert len(samples) == 8
    for sample in samples:
        item = json.loads(sample["json"])
        there = static / item["collection"] / item["id"] / f"{item['id']}_data.tif"
        assert sample["data.tif"] == there.read_bytes()


def test_a_crop_of_some_bands_is_the_window_of_the_whole(cli: Cli, static: Path, tmp_path: Path) -> None:
    whole = next((static / "worldstrat-sentinel-2-l2a").rglob("*_data.tif"))
    with rasterio.open(whole) as src:
        names, window = list(src.descriptions), rasterio.windows.Window(40, 30, 50, 60)
        box = rasterio.windows.bounds(window, src.transform)
        expected = src.read([names.index("B04") + 1, names.index("B08") + 1], window=window)
    crop = ",".join(map(repr, box))
    aoi = ("--aoi", whole.name.split("_")[0], "--collection", "l2a", "--asset", "data")
    download(cli, tmp_path, *aoi, "--band", "B04", "--band", "B08", "--crop", crop)
    with rasterio.open(next(tmp_path.rglob(whole.name))) as cut:
        assert cut.descriptions == ("B04", "B08")
        assert (cut.scales, cut.nodata) == ((0.0001, 0.0001), 0)
        np.testing.assert_array_equal(cut.read(), expected)
        assert from_bounds(*cut.bounds, cut.transform).width == pytest.approx(50)
    item = next(pystac.Catalog.from_file(tmp_path / "catalog.json").get_items(recursive=True))
    assert [band["name"] for band in item.assets["data"].extra_fields["eo:bands"]] == ["B04", "B08"]


def test_crops_have_no_place_in_the_published_layout(cli: Cli, tmp_path: Path) -> None:
    result = cli("download", tmp_path, "--layout", "published", "--band", "B04")
    assert result.exit_code == 2
    assert "--band and --crop" in result.output


def test_a_folder_of_another_layout_is_left_alone(cli: Cli, tmp_path: Path) -> None:
    download(cli, tmp_path, "--limit", "1")
    result = cli("download", tmp_path, "--layout", "webdataset")
    assert result.exit_code == 1
    assert "in the layout 'stac'" in result.output


def test_what_has_nothing_of_what_was_asked_for_is_told(cli: Cli, tmp_path: Path) -> None:
    result = cli("download", tmp_path, "--limit", "2", "--band", "B99")
    assert result.exit_code == 0
    assert "2 items have none of the assets, bands or places asked for" in result.stderr


def test_statistics_count_what_a_search_finds(cli: Cli) -> None:
    counts = json.loads(cli("stats", "--json", "--source", "UNHCR").stdout)
    found = [json.loads(line) for line in cli("search", "--json", "--source", "UNHCR").stdout.splitlines()]
    assert counts["source_frequency"] == {"UNHCR": len(found)}
    assert sum(counts["collection_frequency"].values()) == len(found)
    assert "5-10" in cli("stats").stdout or "0-5" in cli("stats").stdout
