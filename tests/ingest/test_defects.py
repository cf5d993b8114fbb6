"""Every defect of the sample's README through the command, and that nothing else is lost by them."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from catalog.metadata import METADATA_CSV, SPLIT_CSV
from catalog.pgstac import connect
from catalog.settings import StoreSettings
from infra.cli import main
from infra.databases import database_env
from infra.postgres import PostgresCluster
from infra.record import Record, write_env
from infra.stores import store_env
from tests.conftest import fresh_database

Item = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What the command made of the dataset."""

    exit_code: int
    report: dict[str, Any]
    items: dict[str, Item]
    where: dict[str, str]
    """What DEFECTS.csv says that was done where."""

    def aoi(self, defect: str) -> str:
        """The AOI that a defect was put into."""
        names = {item["properties"]["worldstrat:aoi"] for item in self.items.values()}
        return max((name for name in names if name in self.where[defect]), key=len)

    def told(self, kind: str, aoi: str) -> list[tuple[str, str]]:
        """(file, reason) of the failures or notes of an AOI."""
        return [(problem["file"], problem["reason"]) for problem in self.report[kind] if problem["aoi"] == aoi]

    def of(self, aoi: str) -> list[Item]:
        """The items of an AOI."""
        return [item for item in self.items.values() if item["properties"]["worldstrat:aoi"] == aoi]


@pytest.fixture(scope="session")
def outcome(
    postgres: PostgresCluster, defective: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    """The dataset with every defect, ingested as from a shell and held to every schema."""
    record = Record(tmp_path_factory.mktemp("defects"))
    store = StoreSettings(url=tmp_path_factory.mktemp("defects-objects").as_uri())
    with fresh_database(postgres) as database:
        write_env(record.data, {**database_env(database), **store_env(store)})
        command = ["ingest", str(defective), "--data", str(record.data), "--workers", "2", "--json"]
        command += ["--schemas", str(shared / "schemas")]
        result = CliRunner().invoke(main, command)
        with connect(database) as connection:
            rows = connection.execute("SELECT pgstac.content_hydrate(i) FROM pgstac.items i").fetchall()
    with (defective / "DEFECTS.csv").open(encoding="utf-8") as table:
        where = {row["defect"]: row["where"] for row in csv.DictReader(table)}
    items = {item["id"]: item for (item,) in rows}
    return Outcome(result.exit_code, json.loads(result.stdout), items, where)


REFUSED = {
    "truncated_tiff": "cannot be read as a TIFF",
    "zero_byte_tiff": "the file is empty",
    "wrong_band_count": "it has 11 bands, L2A_data has 12",
}
NOTED = {
    "missing_lr_folder": ("lr_dataset", "no L2A files"),
    "aoi_without_split": (SPLIT_CSV, "not listed; split is null"),
    "aoi_two_splits": (SPLIT_CSV, "a leak; split is null"),
    "hr_missing_file": ("hr_dataset", "no SPOT pan"),
    "all_nodata": ("L2A_data.tiff", "no pixel holds data"),
    "nan_inf": ("L2A_data.tiff", "NaN or infinite and became no data"),
    "clm_cloud_clp_empty": ("L2A_data.tiff", "CLM is cloud everywhere and CLP nowhere: trust neither"),
    "metadata_invalid_json": (".metadata", "its row of metadata.csv is used"),
    "csv_row_without_file": (METADATA_CSV, "rows without L2A files: revisits 3"),
    "file_without_csv_row": ("-3-", "revisit 3 has no row in metadata.csv; its .metadata file is used"),
    "malformed_bounds": (METADATA_CSV, "malformed; taken from the AOI's other rows"),
    "bad_date": (METADATA_CSV, "'2018-02-30' of n 3 is no date; the .metadata file is asked instead"),
    "duplicate_row": (METADATA_CSV, "two rows for n 2 that differ; the first is kept"),
}


def _split_is(outcome: Outcome, defect: str, *allowed: str | None) -> None:
    splits = {item["properties"].get("worldstrat:split") for item in outcome.of(outcome.aoi(defect))}
    assert len(splits) == 1
    assert splits <= set(allowed)


def _counted_once(outcome: Outcome) -> None:
    aoi = outcome.aoi("split_duplicate_rows")
    _split_is(outcome, "split_duplicate_rows", "train", "val", "test")
    assert not [file for file, _ in outcome.told("notes", aoi) if file == SPLIT_CSV]


def _without_ipcc_class(outcome: Outcome) -> None:
    for item in outcome.of(outcome.aoi("empty_ipcc")):
        assert item["properties"]["worldstrat:lccs"] == 220
        assert item["properties"].get("worldstrat:ipcc_class") is None
        assert "nan" not in json.dumps(item["properties"]).lower().split('"')


def _space_in_the_name_only(outcome: Outcome) -> None:
    aoi = outcome.aoi("name_with_space")
    assert " " in aoi
    for item in outcome.of(aoi):
        assert " " not in item["id"]
        assert not [asset["href"] for asset in item["assets"].values() if " " in asset["href"]]


def _plain_hyphens(outcome: Outcome) -> None:
    for item in outcome.of(outcome.aoi("lccs_u2010")):
        assert "\u2010" not in json.dumps(item, ensure_ascii=False)


def _mask_without_data(outcome: Outcome) -> None:
    item = outcome.items[f"{outcome.aoi('mask_255')}_L2A_03"]
    for key in ("clm", "clp"):
        (band,) = item["assets"][key]["raster:bands"]
        assert band["nodata"] == 255
        assert band["statistics"]["maximum"] < 255


def _revisit_17(outcome: Outcome) -> None:
    aoi = outcome.aoi("revisit_out_of_range")
    ((file, reason),) = outcome.told("failures", aoi)
    assert "-17-" in file or "-17." in file
    assert "revisit 17 is not 1 to 16" in reason
    assert any("n is '17', not 1 to 16; the row is left out" in reason for _, reason in outcome.told("notes", aoi))


def _no_junk(outcome: Outcome) -> None:
    told = json.dumps([outcome.report["notes"], outcome.report["failures"], list(outcome.items.values())])
    for junk in (".DS_Store", "Thumbs.db", "._"):
        assert junk in outcome.where["junk_files"]
        assert junk not in told


def _twelve_bit(outcome: Outcome) -> None:
    (spot,) = (item for item in outcome.of(outcome.aoi("kaggle_12bit")) if item["id"].endswith("_SPOT"))
    assert spot["assets"]["ps"]["worldstrat:source_file"].startswith("hr_dataset/12bit/")


TREATED: dict[str, Callable[[Outcome], None]] = {
    "split_duplicate_rows": _counted_once,
    "empty_ipcc": _without_ipcc_class,
    "name_with_space": _space_in_the_name_only,
    "lccs_u2010": _plain_hyphens,
    "mask_255": _mask_without_data,
    "revisit_out_of_range": _revisit_17,
    "junk_files": _no_junk,
    "kaggle_12bit": _twelve_bit,
}


def test_every_defect_of_the_list_was_planted_and_has_a_test(outcome: Outcome) -> None:
    assert set(outcome.where) == REFUSED.keys() | NOTED.keys() | TREATED.keys()
    assert len(outcome.where) == 24
    assert not [where for where in outcome.where.values() if where.startswith("not applied")]


@pytest.mark.parametrize("defect", REFUSED)
def test_a_bad_file_is_refused_by_name_and_costs_its_revisit_only(outcome: Outcome, defect: str) -> None:
    aoi, file = outcome.aoi(defect), outcome.where[defect]
    assert [(told, REFUSED[defect] in reason) for told, reason in outcome.told("failures", aoi)] == [(file, True)]
    assert f"{aoi.replace(' ', '-')}_L2A_03" not in outcome.items
    assert len(outcome.of(aoi)) > 1


@pytest.mark.parametrize("defect", NOTED)
def test_an_oddity_is_accepted_with_a_note_that_names_it(outcome: Outcome, defect: str) -> None:
    aoi, (where, words) = outcome.aoi(defect), NOTED[defect]
    assert [reason for file, reason in outcome.told("notes", aoi) if where in file and words in reason]
    assert outcome.of(aoi)


@pytest.mark.parametrize("defect", TREATED)
def test_what_needs_no_word_is_treated_as_the_list_says(outcome: Outcome, defect: str) -> None:
    TREATED[defect](outcome)


@pytest.mark.parametrize("defect", ["aoi_without_split", "aoi_two_splits"])
def test_an_aoi_of_no_single_split_is_in_none(outcome: Outcome, defect: str) -> None:
    _split_is(outcome, defect, None)


def test_a_dataset_with_refused_files_ends_with_exit_code_1(outcome: Outcome) -> None:
    assert outcome.exit_code == 1
    assert len(outcome.report["failures"]) == len(REFUSED) + 1
    assert outcome.report["aois"] == 14
    assert outcome.report["items"] == {COLLECTION_SPOT: 14, COLLECTION_L2A: 34, COLLECTION_L1C: 0}


def test_all_that_is_good_is_in_the_catalog(outcome: Outcome, defective: Path) -> None:
    refused = [outcome.where[defect].removesuffix("L2A_data.tiff") for defect in REFUSED]
    refused.append(f"{outcome.aoi('revisit_out_of_range')}-17-")
    images = [*defective.rglob("*.tiff"), *defective.rglob("*.png")]
    names = {path.relative_to(defective).as_posix() for path in images if not path.name.startswith("._")}
    good = {name for name in names if not any(part in name for part in refused)}
    made_of = {asset["worldstrat:source_file"] for item in outcome.items.values() for asset in item["assets"].values()}
    assert made_of == good
    data = [name for name in good if name.endswith("L2A_data.tiff")]
    spots = {name.split("/")[-2] for name in good if name.startswith("hr_dataset/")}
    assert len(outcome.items) == len(data) + len(spots)
