"""Several SRC at once, whatever each of them is."""

import shutil
from pathlib import Path

import pytest

from catalog.errors import MetadataError
from catalog.metadata import METADATA_CSV, SPLIT_CSV
from ingest.errors import SourceError
from ingest.sources import open_source
from tests.ingest.archives import content, problems, write_tar, write_zip

NAME = "Landcover-8379"


@pytest.fixture
def tables(tiny_dataset: Path) -> list[Path]:
    """The tables as files of their own."""
    return [tiny_dataset / METADATA_CSV, tiny_dataset / SPLIT_CSV]


def test_an_aois_files_of_a_zip_a_tar_a_folder_and_two_tables_are_joined(
    tiny_dataset: Path, tmp_path: Path, tables: list[Path]
) -> None:
    hr = write_zip(tmp_path / "hr_dataset.zip", tiny_dataset, "hr_dataset")
    l2a = write_tar(tmp_path / "lr_dataset_l2a.tar.gz", tiny_dataset, f"{NAME}-1")
    rest = tmp_path / "rest"
    shutil.copytree(tiny_dataset / "lr_dataset", rest / "lr_dataset")
    for path in (rest / "lr_dataset").rglob(f"{NAME}-1-*"):
        path.unlink()
    source = open_source([hr, rest, *tables, l2a], tmp_path / "indexes")
    assert content(source) == content(open_source(tiny_dataset))
    assert source.files(NAME).problems == ()
    assert all(str(given) in source.name for given in (hr, l2a, rest, *tables))


def test_a_file_that_comes_twice_is_taken_once_and_said(tiny_dataset: Path, tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "hr_dataset.zip", tiny_dataset, "hr_dataset")
    source = open_source([tiny_dataset, archive])
    assert content(source) == content(open_source(tiny_dataset))
    told = problems(source.files(NAME))
    assert len(told) == 4
    ps = f"hr_dataset/{NAME}/{NAME}_ps.tiff"
    assert told[ps] == f"{archive}: {ps} is a second copy of {tiny_dataset / ps}, not used"


def test_a_folder_of_archives_as_downloaded_is_a_dataset(
    tiny_dataset: Path, tmp_path: Path, tables: list[Path]
) -> None:
    folder = tmp_path / "downloaded"
    folder.mkdir()
    for table in tables:
        shutil.copy(table, folder)
    write_zip(folder / "hr_dataset.zip", tiny_dataset, "hr_dataset")
    write_tar(folder / "lr_dataset_l2a.tar.gz", tiny_dataset, "lr_dataset")
    (folder / "hr_dataset_raw.zip").write_bytes(b"not looked at")
    (folder / "lr_dataset_l1c.zip.part").write_bytes(b"half a download")
    assert content(open_source(folder, tmp_path / "indexes")) == content(open_source(tiny_dataset))


def test_archives_beside_their_own_extracted_folders_are_not_read_twice(tiny_dataset: Path, tmp_path: Path) -> None:
    before = content(open_source(tiny_dataset))
    write_zip(tmp_path / "hr_dataset.zip", tiny_dataset, "hr_dataset").rename(tiny_dataset / "hr_dataset.zip")
    source = open_source(tiny_dataset)
    assert content(source) == before
    assert source.files(NAME).problems == ()


def test_an_archive_that_is_left_out_beside_folders_is_named(tiny_dataset: Path) -> None:
    (tiny_dataset / "lr_dataset_l1c.zip").write_bytes(b"not looked at")
    (tiny_dataset / "hr_dataset_raw.zip").write_bytes(b"not looked at")
    ((aoi, file, reason),) = [(note.aoi, note.file, note.reason) for note in open_source(tiny_dataset).notes]
    assert (aoi, file) == ("", str(tiny_dataset / "lr_dataset_l1c.zip"))
    assert reason.startswith("not read, since folders lie beside it")


def test_an_aoi_whose_items_would_replace_anothers_is_left_out_and_said(tiny_dataset: Path) -> None:
    for name in ("Amnesty-POI-1", "Amnesty POI-1"):
        shutil.copytree(tiny_dataset / f"hr_dataset/{NAME}", tiny_dataset / "hr_dataset" / name)
    source = open_source(tiny_dataset)
    assert source.names() == [NAME, "Amnesty POI-1"]
    assert [(failure.aoi, "ids of 'Amnesty POI-1'" in failure.reason) for failure in source.failures] == [
        ("Amnesty-POI-1", True)
    ]


def test_without_metadata_csv_what_was_given_is_named(tiny_dataset: Path, tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "hr_dataset.zip", tiny_dataset, "hr_dataset")
    with pytest.raises(SourceError, match=r"hr_dataset\.zip, .*split\.csv holds no metadata\.csv\. Give"):
        open_source([archive, tiny_dataset / SPLIT_CSV])


def test_without_images_what_is_missing_is_named(tables: list[Path]) -> None:
    with pytest.raises(SourceError, match="holds neither hr_dataset/ nor lr_dataset/ nor their archives"):
        open_source(tables)


def test_a_table_that_is_broken_inside_an_archive_is_named_with_the_archive(tiny_dataset: Path, tmp_path: Path) -> None:
    (tiny_dataset / METADATA_CSV).write_text("a,b\n1,2\n")
    archive = write_zip(tmp_path / "all.zip", tiny_dataset)
    with pytest.raises(MetadataError, match=rf"{archive}: metadata\.csv has no column"):
        open_source(archive)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nowhere.zip", "nowhere.zip does not exist"),
        ("other.csv", "is neither metadata.csv nor stratified_train_val_test_split.csv"),
        ("hr_dataset_raw.zip", "as Airbus delivered them"),
        ("dataset.rar", "is nothing that a dataset comes in"),
        ("https://zenodo.org/hr_dataset.zip", "worldstrat fetch"),
        ("s3://", "no address of the form s3://bucket/prefix"),
        ("s3://bucket/hr_dataset.tar.gz", "Download it first"),
    ],
)
def test_what_is_no_part_of_a_dataset_is_refused_by_name(
    tiny_dataset: Path, tmp_path: Path, given: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("other.csv", "dataset.rar", "hr_dataset_raw.zip"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(SourceError) as error:
        open_source([tiny_dataset, given])
    assert given in str(error.value)
    assert words in str(error.value)
