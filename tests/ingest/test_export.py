"""Static catalogs, as pystac, rasterio, odc-stac and rustac read them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import odc.stac
import pystac
import pytest
import rasterio
import rustac
from click.testing import CliRunner
from rich.console import Console

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from catalog.errors import ObjectStoreError
from catalog.fingerprint import item_hash
from catalog.pgstac import connect
from catalog.stored import StoredItems
from infra.cli import main
from ingest.errors import ExportError
from ingest.export import MARK, Exported, ExportOptions, check_paths, export
from ingest.export_layout import Place, item_document, plain

Json = dict[str, Any]
QUIET = Console(quiet=True)


@pytest.fixture
def options(ingested: Any, tmp_path: Path) -> ExportOptions:
    return ExportOptions(tmp_path / "out", ingested.database, ingested.store)


def asking(options: ExportOptions, **changes: Any) -> ExportOptions:
    return ExportOptions(**{**vars(options), **changes})


def run(options: ExportOptions, **changes: Any) -> Exported:
    return export(asking(options, **changes), QUIET)


def opened(options: ExportOptions) -> pystac.Catalog:
    return pystac.Catalog.from_file(str(options.out / "catalog.json"))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def stored(ingested: Any) -> Iterator[dict[str, Json]]:
    """The items of the catalog by their ids."""
    with closing(connect(ingested.database)) as connection:
        yield {item["id"]: item for item in StoredItems(connection).every()}


@pytest.mark.usefixtures("open_schemas")
def test_pystac_finds_every_item_and_validates_all(options: ExportOptions, stored: dict[str, Json]) -> None:
    done = run(options)
    catalog = opened(options)
    assert {child.id for child in catalog.get_children()} == {COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT}
    items = list(catalog.get_items(recursive=True))
    assert {item.id for item in items} == stored.keys()
    assert done.items == len(items)
    # Collections, catalogs of places and items; pystac counts those below the root.
    assert catalog.validate_all() == len(items)


def test_an_item_is_that_of_the_catalog_but_for_its_links(options: ExportOptions, stored: dict[str, Json]) -> None:
    run(options)
    for path in options.out.glob("*/*/*_*.json"):
        item = json.loads(path.read_bytes())
        assert item_hash(item | {"links": []}) == item_hash(stored[item["id"]] | {"links": []})


def test_every_link_is_relative_titled_and_leads_to_a_file(options: ExportOptions) -> None:
    run(options)
    for path in options.out.rglob("*.json"):
        for link in json.loads(path.read_bytes())["links"]:
            assert link.get("title")
            if "://" not in link["href"]:
                assert (path.parent / link["href"]).is_file()
            else:
                assert link["rel"] in {"license", "cite-as", "about"}


def test_related_images_are_linked_where_they_are_part_of_the_copy(options: ExportOptions) -> None:
    run(options, collections=(COLLECTION_L2A, COLLECTION_SPOT))
    item = next(opened(options).get_items(recursive=True))
    related = [link.resolve_stac_object().target for link in item.get_links("related")]
    assert related
    assert {other.collection_id for other in related if isinstance(other, pystac.Item)} <= {
        COLLECTION_L2A,
        COLLECTION_SPOT,
    }


def test_copied_assets_hold_the_same_pixels_for_odc_stac_and_rasterio(options: ExportOptions) -> None:
    done = run(options, assets="copy", collections=(COLLECTION_L2A,))
    moved = options.out.with_name("elsewhere")
    options.out.rename(moved)
    item = next(pystac.Catalog.from_file(str(moved / "catalog.json")).get_items(recursive=True))
    data = odc.stac.load([item], bands=["red", "nir"], chunks=None)
    href = item.assets["data"].get_absolute_href()
    assert href is not None
    assert Path(href).is_relative_to(moved)
    with rasterio.open(href) as source:
        expected = source.read([source.descriptions.index("B04") + 1, source.descriptions.index("B08") + 1])
    np.testing.assert_array_equal(data["red"].isel(time=0).values, expected[0])
    np.testing.assert_array_equal(data["nir"].isel(time=0).values, expected[1])
    assert done.asset_bytes == sum(path.stat().st_size for path in moved.rglob("*.tif"))


def test_linked_assets_take_no_space(options: ExportOptions, ingested: Any) -> None:
    run(options, assets="link", collections=(COLLECTION_SPOT,))
    store = {path.stat().st_ino for path in Path(ingested.store.url.removeprefix("file://")).rglob("*.tif")}
    linked = list(options.out.rglob("*.tif"))
    assert linked
    assert {path.stat().st_ino for path in linked} <= store


def test_hrefs_can_begin_with_the_address_of_a_server(options: ExportOptions, stored: dict[str, Json]) -> None:
    run(options, asset_url="https://example.org/assets/", collections=(COLLECTION_SPOT,))
    for item in opened(options).get_items(recursive=True):
        for key, asset in item.assets.items():
            canonical = stored[item.id]["assets"][key]["href"]
            assert asset.href == canonical.replace(options.store.url, "https://example.org/assets")


@pytest.mark.parametrize("assets", ["none", "copy"])
def test_the_table_of_a_collection_has_the_same_items(options: ExportOptions, assets: str) -> None:
    run(options, assets=assets, collections=(COLLECTION_L2A,))
    table = options.out / COLLECTION_L2A / "items.parquet"
    rows = rustac.read_sync(str(table), set_self_link=False)["features"]
    items = {item.id: item for item in opened(options).get_items(recursive=True)}
    assert len(rows) == len(items)
    for row in rows:
        item = items[row["id"]]
        read = pystac.Item.from_dict(row)
        read.set_self_href(str(table))
        assert read.geometry == item.geometry
        assert read.datetime == item.datetime
        own = {name: asset.get_absolute_href() for name, asset in read.assets.items()}
        assert own == {name: asset.get_absolute_href() for name, asset in item.assets.items()}


@pytest.mark.parametrize(
    "condition",
    ["\"worldstrat:revisit\" = 1 AND \"worldstrat:source\" LIKE 'UN%'",
     ('{"op": "and", "args": [{"op": "=", "args": [{"property": "worldstrat:revisit"}, 1]},'
     '{"op": "=", "args": [{"property": "worldstrat:source"}, "UNHCR"]}]}')],
)  # fmt: skip
def test_a_filter_chooses_items_and_the_extent_follows(
    options: ExportOptions, stored: dict[str, Json], condition: str
) -> None:
    run(options, filter=condition)
    items = list(opened(options).get_items(recursive=True))
    expected = {
        key
        for key, item in stored.items()
        if item["properties"].get("worldstrat:revisit") == 1 and item["properties"]["worldstrat:source"] == "UNHCR"
    }
    assert {item.id for item in items} == expected
    for collection in opened(options).get_children():
        assert isinstance(collection, pystac.Collection)
        own = [item for item in items if item.collection_id == collection.id]
        assert collection.extent.spatial.bboxes[0] == pystac.Extent.from_items(own).spatial.bboxes[0]
        assert collection.summaries.get_list("worldstrat:source") == ["UNHCR"]


def test_a_second_export_writes_nothing_anew(options: ExportOptions) -> None:
    run(options, assets="copy")
    before = files_of(options.out)
    times = {path: path.stat().st_mtime_ns for path in options.out.glob("*/*/*")}
    assert run(options, assets="copy").asset_bytes == 0
    assert files_of(options.out) == before
    assert {path: path.stat().st_mtime_ns for path in options.out.glob("*/*/*")} == times


def test_what_is_no_longer_asked_for_is_gone_and_what_is_not_ours_stays(options: ExportOptions) -> None:
    run(options, assets="copy")
    (options.out / "index.html").write_text("a page")
    run(options, collections=(COLLECTION_SPOT,))
    assert {path.name for path in options.out.iterdir()} == {MARK, "catalog.json", COLLECTION_SPOT, "index.html"}
    assert not list(options.out.rglob("*.tif"))


def test_a_folder_that_is_not_ours_is_refused(options: ExportOptions) -> None:
    options.out.mkdir()
    (options.out / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match="neither empty nor a static catalog"):
        run(options)
    assert [path.name for path in options.out.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("names", ['["../thesis"]', '["/thesis"]', '[".."]', '{"a": 1}', "no JSON"])
def test_a_mark_cannot_have_files_elsewhere_removed(options: ExportOptions, names: str) -> None:
    thesis = options.out.parent / "thesis" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    options.out.mkdir()
    (options.out / MARK).write_text(names)
    with pytest.raises(ExportError, match="not as an export leaves it"):
        run(options)
    assert thesis.exists()


def test_a_folder_that_is_a_link_is_not_cleared(options: ExportOptions) -> None:
    thesis = options.out.parent / "thesis" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    run(options, collections=(COLLECTION_SPOT,))
    (options.out / MARK).write_text('["elsewhere"]')
    (options.out / "elsewhere").symlink_to(thesis.parent)
    run(options, collections=(COLLECTION_SPOT,))
    assert thesis.exists()


def test_two_places_of_one_path_are_refused_instead_of_one_lost() -> None:
    places = [Place("things", "a:1", ("x",)), Place("things", "a-1", ("y",))]
    with pytest.raises(ExportError, match="would be things/a-1"):
        check_paths(["things"], places)
    with pytest.raises(ExportError, match=r"would be things/a/catalog\.json"):
        check_paths(["things"], [Place("things", "a", ("catalog", "x"))])
    with pytest.raises(ExportError, match="cannot be a folder"):
        check_paths(["../things"], [])


def test_a_missing_object_ends_the_export_and_leaves_no_root(options: ExportOptions, ingested: Any) -> None:
    store = Path(ingested.store.url.removeprefix("file://"))
    lost = next((store / COLLECTION_SPOT).rglob("*.tif"))
    aside = lost.rename(lost.with_suffix(".aside"))
    try:
        with pytest.raises(ObjectStoreError, match=lost.name):
            run(options, assets="copy", collections=(COLLECTION_SPOT,))
        assert not (options.out / "catalog.json").exists()
    finally:
        aside.rename(lost)
    assert run(options, assets="copy", collections=(COLLECTION_SPOT,)).items == 4


def test_a_killed_export_is_no_catalog_and_the_next_one_is_whole(
    options: ExportOptions, ingested: Any, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    export(asking(options, out=whole, assets="copy"), QUIET)
    environment = os.environ | {
        "PGHOST": ingested.database.host,
        "PGPORT": str(ingested.database.port),
        "PGUSER": ingested.database.user,
        "PGPASSWORD": ingested.database.password.get_secret_value(),
        "PGDATABASE": ingested.database.database,
        "WORLDSTRAT_STORE": ingested.store.url,
    }
    command = [sys.executable, "-m", "infra.cli", "export", str(options.out), "--assets", "copy", "--workers", "1"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(options.out.rglob("*.json"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (options.out / "catalog.json").exists()
    run(options, assets="copy")
    assert files_of(options.out) == files_of(whole)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"collections": ("nothing",)}, "no collection nothing; it has "),
        ({"filter": "gsd <"}, "can't be read"),
        ({"filter": "{gsd"}, "is no JSON"),
        ({"filter": "gsd > 1000"}, "Nothing to export"),
        ({"filter": '{"op": "sqrt", "args": []}'}, "is refused"),
        ({"assets": "copy", "asset_url": "https://a.org"}, "--assets none only"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    options: ExportOptions, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        run(options, **changes)
    assert not options.out.exists()


def test_links_need_a_store_of_files(options: ExportOptions, s3_store: Any) -> None:
    with pytest.raises(ExportError, match="--assets link needs a store of files"):
        run(options, store=s3_store, assets="link")


def test_the_command_tells_what_it_wrote(ingested: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    with monkeypatch.context() as patch:
        patch.setenv("PGHOST", ingested.database.host)
        patch.setenv("PGPORT", str(ingested.database.port))
        patch.setenv("PGUSER", ingested.database.user)
        patch.setenv("PGPASSWORD", ingested.database.password.get_secret_value())
        patch.setenv("PGDATABASE", ingested.database.database)
        patch.setenv("WORLDSTRAT_STORE", ingested.store.url)
        result = CliRunner().invoke(main, ["export", str(tmp_path / "out"), "--data", str(data), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["items"] == len(list((tmp_path / "out").glob("*/*/*_*.json"))) == 20


def test_names_that_a_file_system_minds_are_made_plain() -> None:
    assert plain("a/../b c") == "a-..-b-c"
    assert plain("..") == "-"
    item = {
        "id": "x",
        "properties": {},
        "links": [{"rel": "derived_from", "href": "https://e.org/collections/a/items/b"}],
    }
    place = Place("things", "x", ("x",))
    assert item_document(item, place, "Things", lambda _: None)["links"][-1]["href"].startswith("https://e.org/")
