"""The same dataset in every form it is published in makes the same catalog."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from catalog.fingerprint import catalog_hash
from catalog.metadata import METADATA_CSV, SPLIT_CSV
from catalog.objects import ObjectStore
from catalog.pgstac import connect
from catalog.settings import DatabaseSettings, StoreSettings
from ingest.run import Options, ingest
from tests.conftest import IngestedSample
from tests.ingest.archives import published, write_tar, write_zip

Given = list[str | Path]
Make = Callable[[Path, Path], Given]
PARTS = {"hr_dataset": "hr_dataset", "lr_dataset_l2a": "/L2A/", "lr_dataset_l1c": "/L1C/"}


def _tables(dataset: Path) -> Given:
    return [dataset / METADATA_CSV, dataset / SPLIT_CSV]


def _zips(dataset: Path, out: Path) -> Given:
    return [*(write_zip(out / f"{name}.zip", dataset, kind) for name, kind in PARTS.items()), *_tables(dataset)]


def _tars(dataset: Path, out: Path) -> Given:
    return [*(write_tar(out / f"{name}.tar.gz", dataset, kind) for name, kind in PARTS.items()), *_tables(dataset)]


def _several(dataset: Path, out: Path) -> Given:
    shutil.copytree(dataset / "hr_dataset", out / "extracted/hr_dataset")
    return [
        write_zip(out / "lr_dataset_l2a.zip", dataset, "/L2A/"),
        out / "extracted",
        write_tar(out / "lr_dataset_l1c.tar.gz", dataset, "/L1C/"),
        *_tables(dataset),
    ]


# A zip, a folder and a tar in one run show in the ordinary suite what two more ingests of the same would.
@pytest.mark.parametrize(
    "make", [pytest.param(_zips, marks=pytest.mark.slow), pytest.param(_tars, marks=pytest.mark.slow), _several]
)
def test_archives_and_several_sources_make_the_catalog_that_the_folder_makes(
    ingested: IngestedSample, database: DatabaseSettings, file_store: StoreSettings, tmp_path: Path, make: Make
) -> None:
    out = tmp_path / "archives"
    out.mkdir()
    options = Options(make(ingested.dataset, out), database, file_store, workers=2, indexes=tmp_path / "indexes")
    report = ingest(options, Console(quiet=True))
    assert (report.failures, report.aois) == ([], 4)
    _check_equal(ingested, database)


def test_objects_of_a_bucket_make_the_catalog_that_the_folder_makes(
    ingested: IngestedSample,
    database: DatabaseSettings,
    file_store: StoreSettings,
    s3_store: StoreSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, secret = ObjectStore.open(s3_store), s3_store.secret_access_key
    for path in published(ingested.dataset):
        store.put(path.relative_to(ingested.dataset).as_posix(), path.read_bytes(), "application/x")
    monkeypatch.setenv("WORLDSTRAT_SOURCE_ENDPOINT_URL", str(s3_store.endpoint_url))
    monkeypatch.setenv("WORLDSTRAT_SOURCE_ACCESS_KEY_ID", str(s3_store.access_key_id))
    monkeypatch.setenv("WORLDSTRAT_SOURCE_SECRET_ACCESS_KEY", secret.get_secret_value() if secret else "")
    report = ingest(Options(s3_store.url, database, file_store, workers=2), Console(quiet=True))
    assert (report.failures, report.aois) == ([], 4)
    _check_equal(ingested, database)


def _check_equal(ingested: IngestedSample, database: DatabaseSettings) -> None:
    with connect(ingested.database) as before, connect(database) as after:
        assert catalog_hash(after) == catalog_hash(before)
