"""What is written to a folder whatever a server names, and whatever ended the run before."""

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from client.download.choice import Choice
from client.download.layout import Downloaded, Layout
from client.download.manifest import Entry, Manifest, alone
from client.download.names import is_file_name
from client.download.published import PublishedLayout
from client.download.run import Downloader
from client.download.shards import ShardLayout
from client.download.stac_layout import StacLayout
from client.errors import DownloadError


def item(**changes: Any) -> dict[str, Any]:
    """Return an item whose file nobody serves."""
    told = {"worldstrat:aoi": "Place 1", "worldstrat:revisit": 1, "worldstrat:source": "Place"}
    asset = {"href": "http://127.0.0.1:9/one.tif", "type": "image/tiff"}
    whole = {"id": "one", "collection": "worldstrat-sentinel-2-l2a", "bbox": [0, 0, 1, 1], "assets": {"data": asset}}
    return {**whole, "properties": told | changes.pop("properties", {}), **changes}


def downloaded(item_id: str, content: bytes = b"1") -> Downloaded:
    return Downloaded(item(id=item_id), {"data": content}, {"data": content.hex()}, {})


@pytest.mark.parametrize(
    "odd",
    [
        item(id="../../out"),
        item(id="/etc/out"),
        item(id=".."),
        item(id="a" * 300),
        item(id=7),
        item(collection="..\\out"),
        item(properties={"worldstrat:aoi": "../../out"}),
        item(properties={"worldstrat:revisit": "../../../out"}),
        item(assets={"../../out": {"href": "http://127.0.0.1:9/one.tif"}}),
        item(assets={"data": {}}),
        item(bbox=None),
    ],
)
@pytest.mark.parametrize("kind", [StacLayout, PublishedLayout, ShardLayout])
def test_no_name_that_a_server_gives_leads_out_of_the_folder(
    tmp_path: Path, odd: dict[str, Any], kind: type[Layout]
) -> None:
    folder = tmp_path / "a" / "b" / "c"
    layout = StacLayout(folder, lambda _: {}) if kind is StacLayout else kind(folder)  # type: ignore[call-arg]
    with alone(folder), Progress(disable=True) as progress:
        summary = Downloader(layout, Manifest(folder, layout.name), Choice(), 1).run([odd], progress)
    assert len(summary.failures) == 1
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} <= {folder}


@pytest.mark.parametrize("name", ["Amnesty POI-1-1-1", "Landcover-12_L2A_3", "données", "data", "a.b"])
def test_names_as_places_have_them_are_names_of_files(name: str) -> None:
    assert is_file_name(name)


def test_two_downloads_do_not_write_one_folder(tmp_path: Path) -> None:
    with alone(tmp_path):
        with pytest.raises(DownloadError, match="Another download writes to"), alone(tmp_path):
            pass
        Manifest(tmp_path, "stac")
    with alone(tmp_path):
        assert list(Manifest(tmp_path, "stac")) == []


def test_a_line_that_a_full_disk_spoilt_costs_its_item_alone(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path, "stac")
    for name in ("a", "b"):
        manifest.add(Entry(name, "c", {}, (), {}))
    path = tmp_path / "manifest.jsonl"
    path.write_text(path.read_text().replace('"item": "a"', '"ite{"'))
    assert [entry.item for entry in Manifest(tmp_path, "stac")] == ["b"]


def test_a_manifest_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text("[1, 2]\n")
    with pytest.raises(DownloadError, match="in the layout None"):
        Manifest(tmp_path, "stac")
    assert path.read_text() == "[1, 2]\n"


def samples(folder: Path) -> list[tuple[str, bytes]]:
    """Return the items of all shards with their data, in order of their names."""
    found = []
    for path in folder.glob("*.tar"):
        with tarfile.open(path) as tar:
            for info in tar:
                content = tar.extractfile(info)
                assert content is not None
                if info.name.endswith(".data.tif"):
                    found.append((info.name.partition(".")[0], content.read()))
    return sorted(found)


def note(manifest: Manifest, layout: ShardLayout, entries: Sequence[Entry]) -> None:
    for entry in (*entries, *layout.close()):
        manifest.add(entry)
    for entry in layout.complete(manifest):
        manifest.add(entry)


def test_an_item_that_comes_again_is_in_one_shard_alone(tmp_path: Path) -> None:
    manifest, layout = Manifest(tmp_path, "webdataset"), ShardLayout(tmp_path, 2)
    for name in ("a", "b", "c"):
        for entry in layout.add(downloaded(name)):
            manifest.add(entry)
    note(manifest, layout, ())
    note(manifest, layout, layout.add(downloaded("a", b"2")))
    assert samples(tmp_path) == [("a", b"2"), ("b", b"1"), ("c", b"1")]
    there = {entry.item: entry for entry in Manifest(tmp_path, "webdataset")}
    assert all(file.is_there(tmp_path) for entry in there.values() for file in entry.files)
    note(manifest, layout, layout.add(downloaded("b", b"2")))
    assert samples(tmp_path) == [("a", b"2"), ("b", b"2"), ("c", b"1")]
    assert len(list(tmp_path.glob("*.tar"))) == 3, "a shard without items is gone"


def test_a_shard_that_was_not_noted_does_not_stay(tmp_path: Path) -> None:
    layout = ShardLayout(tmp_path, 1)
    layout.add(downloaded("a"))  # and Ctrl-C
    manifest = Manifest(tmp_path, "webdataset")
    note(manifest, layout, layout.add(downloaded("a")))
    assert samples(tmp_path) == [("a", b"1")]
    assert json.loads((tmp_path / "manifest.jsonl").read_text().splitlines()[-1])["item"] == "a"
