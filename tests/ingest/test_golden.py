"""Whole items, kept in `golden/`, of one AOI of each of the four sources.

They are made of the sample with real pixels, seed 0. After a change that is meant: `UPDATE_GOLDEN=1 pytest ...`.
"""

import json
import os
from pathlib import Path
from typing import Any

import pystac
import pytest

from catalog.objects import ObjectStore
from catalog.settings import StoreSettings
from ingest.aoi import ingest_aoi
from ingest.sources import open_source
from ingest.validate import ItemValidator
from tests.ingest.conftest import BuildDataset

GOLDEN = Path(__file__).parent / "golden"
STORE = "s3://worldstrat"
IDS = {
    "Landcover-778743": ("Landcover-778743_L2A_01", "Landcover-778743_L1C_01", "Landcover-778743_SPOT"),
    "UNHCR-ZWEs002079": ("UNHCR-ZWEs002079_L2A_01",),
    "ASMSpotter-1-1-1": ("ASMSpotter-1-1-1_L2A_01",),
    "Amnesty POI-1-1-1": ("Amnesty-POI-1-1-1_L2A_01",),
}
Items = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def items(build_dataset: BuildDataset, tmp_path_factory: pytest.TempPathFactory) -> Items:
    """The items as they are made now, below the one address that does not depend on the machine."""
    source = open_source(build_dataset("--aois", "4", "--revisits", "1"))
    settings = StoreSettings(url=tmp_path_factory.mktemp("golden").as_uri())
    store, made = ObjectStore.open(settings), {}
    for aoi in IDS:
        ingested = ingest_aoi(source.tables.aois[aoi], source.files(aoi), store, ItemValidator())
        assert ingested.failures == ()
        for item in ingested.items:
            made[item["id"]] = json.loads(json.dumps(item).replace(store.url, STORE))
    return made


@pytest.mark.parametrize("item_id", [item_id for ids in IDS.values() for item_id in ids])
def test_an_item_is_what_it_was(items: Items, item_id: str) -> None:
    path = GOLDEN / f"{item_id}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(json.dumps(items[item_id], indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert items[item_id] == json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_golden_item_is_valid_with_every_extension(path: Path, open_schemas: None, shared: Path) -> None:  # noqa: ARG001
    item = json.loads(path.read_text("utf-8"))
    assert pystac.Item.from_dict(item, migrate=False).validate()
    ItemValidator(shared / "schemas").check(item)
