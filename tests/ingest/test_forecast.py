"""`--dry-run`: what would be done, told without doing it."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from catalog.pgstac import connect
from catalog.settings import DatabaseSettings, StoreSettings
from ingest.forecast import forecast
from ingest.options import Options
from ingest.run import ingest

NAME, OTHER = "Landcover-8379", "Landcover-9"


@pytest.fixture
def options(tiny_dataset: Path, database: DatabaseSettings, file_store: StoreSettings) -> Options:
    """One AOI into an empty catalog."""
    return Options(tiny_dataset, database, file_store)


def counts(options: Options) -> dict[str, int]:
    """AOIs by how they stand to the catalog, those that are none left out."""
    told = forecast(options).to_json()
    return {name: one["aois"] for name, one in told.items() if name not in {"gone", "broken"} and one["aois"]}


def tables(database: DatabaseSettings) -> list[Any]:
    with connect(database) as connection:
        return connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('worldstrat')"
        ).fetchall()


def test_a_forecast_of_an_empty_catalog_writes_nothing_and_needs_no_store(options: Options, tmp_path: Path) -> None:
    nowhere = StoreSettings(url=(tmp_path / "nowhere").as_uri())
    told = forecast(replace(options, store=nowhere)).to_json()
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.tiff")) + sum(
        path.stat().st_size for path in tmp_path.rglob("*.png")
    )
    assert told["new"] == {"aois": 1, "files": 14, "bytes": size}
    assert tables(options.database) == []
    assert not (tmp_path / "nowhere").exists()


def test_a_forecast_tells_new_from_changed_and_unchanged(options: Options, tiny_dataset: Path, quiet: Console) -> None:
    ingest(options, quiet)
    assert counts(options) == {"unchanged": 1}
    assert counts(replace(options, force=True)) == {"retried": 1}
    os.utime(tiny_dataset / f"hr_dataset/{NAME}/{NAME}_ps.tiff", ns=(1, 1))
    shutil.copytree(tiny_dataset / f"hr_dataset/{NAME}", tiny_dataset / f"hr_dataset/{OTHER}")
    for path in (tiny_dataset / f"hr_dataset/{OTHER}").iterdir():
        path.rename(path.with_name(path.name.replace(NAME, OTHER)))
    assert counts(options) == {"changed": 1, "new": 1}
    assert counts(replace(options, only=(OTHER,))) == {"new": 1}


def test_a_forecast_tells_what_failed_and_would_be_retried(
    options: Options, tiny_dataset: Path, quiet: Console
) -> None:
    (tiny_dataset / f"lr_dataset/{NAME}/L2A/{NAME}-1-L2A_data.tiff").write_bytes(b"")
    ingest(options, quiet)
    assert counts(options) == {"failed": 1}
    assert counts(replace(options, retry_failed=True)) == {"retried": 1}


def test_a_forecast_counts_what_is_gone_from_the_source(options: Options, tiny_dataset: Path, quiet: Console) -> None:
    ingest(options, quiet)
    for path in (tiny_dataset / f"lr_dataset/{NAME}/L2A").glob(f"{NAME}-2[-.]*"):
        path.unlink()
    assert forecast(options).to_json()["gone"] == {"images": 1, "aois": 0, "names": []}
    shutil.rmtree(tiny_dataset / f"lr_dataset/{NAME}")
    # Without any file of that level this is the archive of SPOT images, and nothing is gone.
    assert forecast(options).to_json()["gone"]["images"] == 0


def test_an_aoi_that_is_gone_altogether_stays_and_is_named_by_forecast_and_run(
    options: Options, quiet: Console, tiny_dataset: Path
) -> None:
    ingest(options, quiet)
    table = tiny_dataset / "metadata.csv"
    table.write_text(table.read_text().replace(NAME, OTHER))
    shutil.rmtree(tiny_dataset / f"hr_dataset/{NAME}")
    shutil.rmtree(tiny_dataset / f"lr_dataset/{NAME}")

    told = forecast(options).to_json()
    report = ingest(options, quiet)

    assert (told["absent"]["aois"], told["gone"]) == (1, {"images": 0, "aois": 1, "names": [NAME]})
    assert report.remarks == [f"1 AOIs of the catalog are not in this source, and stay: {NAME}"]
    assert (OTHER, "no published files; no item") in [(note.aoi, note.reason) for note in report.notes]
    with connect(options.database) as connection:
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (3,)


def test_an_aoi_whose_folder_is_gone_is_told_with_the_items_that_stay(
    options: Options, tiny_dataset: Path, quiet: Console
) -> None:
    ingest(options, quiet)
    shutil.rmtree(tiny_dataset / f"hr_dataset/{NAME}")
    shutil.rmtree(tiny_dataset / f"lr_dataset/{NAME}")
    report = ingest(options, quiet)
    reasons = [note.reason for note in report.notes]
    assert "no published files here; its 3 items of earlier runs stay in the catalog" in reasons
