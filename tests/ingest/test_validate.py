import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import InvalidItemError, SettingsError
from catalog.objects import ObjectStore
from catalog.settings import StoreSettings
from ingest.aoi import ingest_aoi
from ingest.sources import open_source
from ingest.validate import ItemValidator

Item = dict[str, Any]


@pytest.fixture
def item(tiny_dataset: Path, file_store: StoreSettings) -> Item:
    """An L2A item, as ingest makes it."""
    source = open_source(tiny_dataset)
    (name,) = source.names()
    made = ingest_aoi(source.tables.aois[name], source.files(name), ObjectStore.open(file_store), ItemValidator())
    assert made.failures == ()
    return made.items[0]


def test_an_item_is_valid_against_every_extension_it_names(item: Item, shared: Path) -> None:
    ItemValidator(shared / "schemas").check(item)


BREAKS: list[tuple[Callable[[Item], Any], str]] = [
    (lambda item: item.pop("geometry"), "geometry"),
    (lambda item: item["properties"].update({"worldstrat:split": "training"}), "worldstrat:split"),
    (lambda item: item["properties"].update({"worldstrat:revisit": 17}), "worldstrat:revisit"),
]


@pytest.mark.parametrize(("break_it", "where"), BREAKS)
def test_core_and_our_own_schema_are_checked_without_any_folder(
    item: Item, break_it: Callable[[Item], Any], where: str
) -> None:
    break_it(item)
    with pytest.raises(InvalidItemError, match=where):
        ItemValidator().check(item)


def test_the_extensions_are_checked_with_their_schemas_only(item: Item, shared: Path) -> None:
    item["assets"]["data"]["raster:bands"][0]["data_type"] = "unit16"
    ItemValidator().check(item)
    with pytest.raises(InvalidItemError, match="raster:bands/0/data_type"):
        ItemValidator(shared / "schemas").check(item)


def test_an_extension_that_the_folder_lacks_is_not_passed_over(item: Item, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(InvalidItemError, match="the folder of schemas has no https://stac-extensions"):
        ItemValidator(tmp_path).check(item)


@pytest.mark.parametrize("index", [None, "no JSON", json.dumps({"https://a/schema.json": "missing.json"}), "[]"])
def test_a_folder_that_holds_no_schemas_is_refused(tmp_path: Path, index: str | None) -> None:
    if index is not None:
        (tmp_path / "index.json").write_text(index)
    with pytest.raises(SettingsError, match="is no folder of schemas"):
        ItemValidator(tmp_path)
