"""The dataset comes in several archives: one after the other they make the catalog that all at once make."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from catalog.fingerprint import catalog_hash, item_hash
from catalog.pgstac import connect
from catalog.settings import DatabaseSettings, StoreSettings
from catalog.stored import StoredItems
from ingest.options import Options
from ingest.relations import join
from ingest.run import ingest

NAME = "Landcover-8379"
TABLES = ("metadata.csv", "stratified_train_val_test_split.csv")


@pytest.fixture
def parts(
    tiny_dataset: Path, tmp_path: Path, tiff: Callable[..., bytes], reflectance: Callable[..., np.ndarray[Any, Any]]
) -> dict[str, Path]:
    """One AOI as three archives extracted into three folders: SPOT, L2A and L1C."""
    l1c = tiny_dataset / "lr_dataset" / NAME / "L1C"
    l1c.mkdir()
    for n in (1, 2):
        (l1c / f"{NAME}-{n}-L1C_data.tiff").write_bytes(tiff(reflectance(13, 30, 32, seed=n), nodata=0))
    folders = {level: tmp_path / level for level in ("SPOT", "L2A", "L1C")}
    for level, folder in folders.items():
        folder.mkdir()
        for table in TABLES:
            (folder / table).symlink_to(tiny_dataset / table)
        if level == "SPOT":
            (folder / "hr_dataset").symlink_to(tiny_dataset / "hr_dataset")
        else:
            (folder / "lr_dataset" / NAME).mkdir(parents=True)
            (folder / "lr_dataset" / NAME / level).symlink_to(tiny_dataset / "lr_dataset" / NAME / level)
    return folders


@pytest.fixture
def options(tiny_dataset: Path, database: DatabaseSettings, file_store: StoreSettings) -> Options:
    """Everything into an empty catalog."""
    return Options(tiny_dataset, database, file_store)


@pytest.fixture
def at_once(parts: dict[str, Path], options: Options, quiet: Console) -> str:
    """The hash of the catalog that one run over everything makes; the catalog is empty again afterwards."""
    assert parts
    report = ingest(options, quiet)
    assert report.items == {COLLECTION_SPOT: 1, COLLECTION_L2A: 2, COLLECTION_L1C: 2}
    with connect(options.database) as connection:
        found = catalog_hash(connection)
        connection.execute("DELETE FROM items; TRUNCATE worldstrat.aoi_runs, worldstrat.runs")
        assert catalog_hash(connection) != found
    return found


@pytest.mark.parametrize("order", [("SPOT", "L2A", "L1C"), ("L1C", "SPOT", "L2A")])
def test_archives_one_after_the_other_make_the_catalog_of_all_at_once(
    order: tuple[str, ...], parts: dict[str, Path], at_once: str, options: Options, quiet: Console
) -> None:
    for level in order:
        report = ingest(replace(options, src=parts[level]), quiet)
        assert (report.failures, report.skipped) == ([], 0)
        assert [note for note in report.notes if "earlier runs" in note.reason or "gone" in note.reason] == []
    with connect(options.database) as connection:
        assert catalog_hash(connection) == at_once
        # What the book of runs says of each item is what the catalog holds, links of later runs included.
        ((items,),) = connection.execute("SELECT items FROM worldstrat.aois").fetchall()
        held = StoredItems(connection).some({name: list(hashes) for name, hashes in items.items()})
        assert {item["id"]: item_hash(item) for item in held} == {
            i: h for held in items.values() for i, h in held.items()
        }
    for level in order:
        assert ingest(replace(options, src=parts[level]), quiet).skipped == 1


def test_folders_ingested_one_by_one_are_known_when_they_are_given_together(
    parts: dict[str, Path], options: Options, quiet: Console
) -> None:
    for folder in parts.values():
        ingest(replace(options, src=folder), quiet)
    together = ingest(replace(options, src=list(parts.values())), quiet)
    assert (together.skipped, together.items.total(), together.worker_seconds) == (1, 5, 0)


def item(collection: str, item_id: str, revisit: int | None, links: tuple[str, ...] = ()) -> dict[str, Any]:
    properties: dict[str, Any] = {"datetime": "2020-01-01T00:00:00Z", "worldstrat:aoi": "A", "title": f"A: {item_id}"}
    if revisit:
        properties["worldstrat:revisit"] = revisit
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": item_id,
        "collection": collection,
        "geometry": None,
        "properties": properties,
        "assets": {},
        "links": [{"rel": "collection", "href": f"collections/{collection}", "type": "application/json"}]
        + [{"rel": "related", "href": href} for href in links],
    }


def hrefs(item: dict[str, Any]) -> list[str]:
    return [link["href"].rsplit("/", 1)[-1] for link in item["links"] if link["rel"] == "related"]


def test_only_items_whose_links_change_are_written_again() -> None:
    spot, first = item(COLLECTION_SPOT, "A_SPOT", None), item(COLLECTION_L2A, "A_L2A_01", 1)
    made, renewed = join([first], [spot])
    assert [hrefs(one) for one in made] == [["A_SPOT"]]
    assert [hrefs(one) for one in renewed] == [["A_L2A_01"]]

    second = item(COLLECTION_L2A, "A_L2A_02", 2)
    made, renewed = join([second], [*made, *renewed])
    assert [one["id"] for one in made] == ["A_L2A_02"]
    assert [one["id"] for one in renewed] == ["A_SPOT"]
    assert hrefs(renewed[0]) == ["A_L2A_01", "A_L2A_02"]


def test_a_link_to_what_is_no_more_there_goes() -> None:
    spot = item(COLLECTION_SPOT, "A_SPOT", None, ("collections/x/items/A_L2A_09",))
    _, (renewed,) = join([item(COLLECTION_L2A, "A_L2A_01", 1)], [spot])
    assert hrefs(renewed) == ["A_L2A_01"]
