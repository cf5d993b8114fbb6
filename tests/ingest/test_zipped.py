"""Zip archives against the folders they are made of."""

import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.metadata import METADATA_CSV, SPLIT_CSV
from ingest.errors import RasterError, SourceError, UnreadError
from ingest.sources import open_source
from tests.ingest.archives import content, published, write_zip

NAME = "Landcover-8379"
CLM = f"lr_dataset/{NAME}/L2A/{NAME}-1-CLM.tiff"


@pytest.fixture
def archive(tiny_dataset: Path, tmp_path: Path) -> Path:
    """All of a small dataset in one zip, tables too, as Kaggle gives it."""
    return write_zip(tmp_path / "worldstrat.zip", tiny_dataset, method=zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_a_dataset_is_that_dataset(tiny_dataset: Path, tmp_path: Path, method: int) -> None:
    archive = write_zip(tmp_path / "all.zip", tiny_dataset, method=method)
    assert content(open_source(archive)) == content(open_source(tiny_dataset))


@pytest.mark.parametrize("prefix", ["", "worldstrat/", "./"])
def test_wrapper_folders_and_droppings_make_no_difference(tiny_dataset: Path, tmp_path: Path, prefix: str) -> None:
    archive = write_zip(tmp_path / "all.zip", tiny_dataset, prefix=prefix)
    with zipfile.ZipFile(archive, "a") as file:
        for junk in ("hr_dataset/.DS_Store", f"__MACOSX/hr_dataset/{NAME}/._{NAME}_ps.tiff", "lr_dataset/Thumbs.db"):
            file.writestr(prefix + junk, b"junk")
        file.mkdir(f"{prefix}hr_dataset/empty")
    assert content(open_source(archive)) == content(open_source(tiny_dataset))


def test_an_archive_without_wrappers_is_known_by_its_own_name(tiny_dataset: Path, tmp_path: Path) -> None:
    hr = write_zip(tmp_path / "hr_dataset.zip", tiny_dataset / "hr_dataset")
    lr = write_zip(tmp_path / "lr_dataset_l2a.zip", tiny_dataset / "lr_dataset")
    tables = [tiny_dataset / METADATA_CSV, tiny_dataset / SPLIT_CSV]
    assert content(open_source([hr, lr, *tables])) == content(open_source(tiny_dataset))


def test_an_older_layout_of_kaggle_is_read_of_a_zip(tiny_dataset: Path, tmp_path: Path) -> None:
    hr = tiny_dataset / "hr_dataset"
    (hr / NAME).rename(hr / "moved")
    (hr / "12bit").mkdir()
    (hr / "moved").rename(hr / "12bit" / NAME)
    found = content(open_source(write_zip(tmp_path / "archive.zip", tiny_dataset)))
    assert found == content(open_source(tiny_dataset))
    assert sum("hr_dataset/12bit/" in file[0] for file in found[NAME]) == 4


def test_zip64_records_are_read(tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "all.zip"
    with monkeypatch.context() as limits:
        # As if it had more than 65,535 members and began beyond 4 GB.
        limits.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
        limits.setattr(zipfile, "ZIP64_LIMIT", 100)
        write_zip(archive, tiny_dataset, method=zipfile.ZIP_DEFLATED)
    assert b"PK\x06\x06" in archive.read_bytes()
    assert content(open_source(archive)) == content(open_source(tiny_dataset))


def test_a_local_header_that_is_longer_than_usual_costs_a_second_read_only(tiny_dataset: Path, tmp_path: Path) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in published(tiny_dataset):
            info = zipfile.ZipInfo(path.relative_to(tiny_dataset).as_posix())
            info.extra = struct.pack("<HH", 0xCAFE, 3000) + bytes(3000)
            file.writestr(info, path.read_bytes())
    assert content(open_source(archive)) == content(open_source(tiny_dataset))


def test_a_file_of_an_archive_can_be_sent_to_another_process(archive: Path) -> None:
    file = open_source(archive).files(NAME).files[0]
    assert pickle.loads(pickle.dumps(file)).read() == file.read()  # noqa: S301 - our own


def test_a_damaged_member_is_refused_and_the_others_are_read(archive: Path, tiny_dataset: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        info = file.getinfo(CLM)
    data = bytearray(archive.read_bytes())
    data[info.header_offset + 30 + len(CLM) + info.compress_size // 2] ^= 0xFF
    archive.write_bytes(data)
    files = {file.name: file for file in open_source(archive).files(NAME).files}
    with pytest.raises(RasterError, match=r"it is damaged in .*worldstrat\.zip .*download the archive again"):
        files.pop(CLM).read()
    assert all(file.read() == (tiny_dataset / name).read_bytes() for name, file in files.items())


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.999])
def test_a_truncated_archive_is_refused_with_a_remedy(archive: Path, kept: float) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(
        SourceError, match=r"worldstrat\.zip \([\d,]+ bytes\) is cut or no zip archive.*Download it again"
    ):
        open_source(archive)


def _patch(archive: Path, offset: int, value: bytes) -> None:
    """Overwrite a field of one member in the archive's directory."""
    data = bytearray(archive.read_bytes())
    entry = data.rindex(CLM.encode()) - 46
    assert data[entry : entry + 4] == b"PK\x01\x02"
    data[entry + offset : entry + offset + len(value)] = value
    archive.write_bytes(data)


def test_an_encrypted_archive_is_refused_with_a_remedy(archive: Path) -> None:
    _patch(archive, 8, b"\x01\x00")
    with pytest.raises(SourceError, match=r"worldstrat\.zip is encrypted .*-1-CLM\.tiff.*give the folder"):
        open_source(archive)


def test_a_compression_that_cannot_be_read_is_refused_with_a_remedy(archive: Path) -> None:
    _patch(archive, 10, struct.pack("<H", 9))
    with pytest.raises(SourceError, match=r"compressed by method 9 .*-1-CLM\.tiff.*7-Zip or unzip"):
        open_source(archive)


def test_a_member_that_says_to_be_huge_is_not_read(archive: Path) -> None:
    _patch(archive, 24, struct.pack("<I", 4_000_000_000))
    files = {file.name: file for file in open_source(archive).files(NAME).files}
    with pytest.raises(RasterError, match=r"it says to have 4,000,000,000 bytes; no published file has more"):
        files[CLM].read()


def test_a_member_that_lies_about_its_size_is_not_unpacked_beyond_it(tiny_dataset: Path, tmp_path: Path) -> None:
    bomb = tiny_dataset / CLM
    bomb.write_bytes(bytes(50_000_000))
    archive = write_zip(tmp_path / "all.zip", tiny_dataset, method=zipfile.ZIP_DEFLATED)
    _patch(archive, 24, struct.pack("<I", 1000))
    files = {file.name: file for file in open_source(archive).files(NAME).files}
    with pytest.raises(RasterError, match=r"more bytes in .*all\.zip, 1,000 were announced"):
        files[CLM].read()


@pytest.mark.parametrize("outside", ["../evil_ps.tiff", "/etc/hr_dataset/A/A_ps.tiff", "hr_dataset/../../A/A_ps.tiff"])
def test_a_member_outside_of_the_dataset_is_left_aside_and_said(archive: Path, outside: str) -> None:
    before = content(open_source(archive))
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(outside, b"evil")
    source = open_source(archive)
    assert content(source) == before
    assert [(note.file, "leads outside" in note.reason) for note in source.notes] == [(outside, True)]


def test_an_archive_of_something_else_is_refused(tmp_path: Path, tiny_dataset: Path) -> None:
    with zipfile.ZipFile(tmp_path / "holidays.zip", "w") as file:
        file.writestr("beach.jpg", b"sun")
    with pytest.raises(SourceError, match=r"holidays\.zip holds no files in the published layout"):
        open_source([tmp_path / "holidays.zip", tiny_dataset / METADATA_CSV])


def test_an_archive_that_goes_away_costs_its_files_only(archive: Path, tmp_path: Path) -> None:
    file = open_source(archive).files(NAME).files[0]
    archive.rename(tmp_path / "elsewhere.zip")
    with pytest.raises(UnreadError, match="cannot be read"):
        _fresh(file.read)


def _fresh(read: Callable[[], bytes]) -> bytes:
    """Read as a process that has not opened the archive yet."""
    from ingest import blobs  # noqa: PLC0415 - its cache is the test's affair alone

    blobs._open.cache_clear()
    return read()


def test_a_member_of_lzma_that_is_damaged_is_refused(tiny_dataset: Path, tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "all.zip", tiny_dataset, method=zipfile.ZIP_LZMA)
    with zipfile.ZipFile(archive) as file:
        info = file.getinfo(CLM)
    data = bytearray(archive.read_bytes())
    begin = info.header_offset + 30 + len(CLM) + 12
    data[begin : begin + 20] = bytes(byte ^ 0xFF for byte in data[begin : begin + 20])
    archive.write_bytes(data)
    files = {file.name: file for file in open_source(archive).files(NAME).files}
    with pytest.raises(RasterError, match=r"it is damaged in .*all\.zip"):
        files[CLM].read()


@pytest.mark.parametrize(
    ("offset", "value"), [(6, b"\x63"), (9, b"\x08")], ids=["version 9.9", "a name that is no UTF-8"]
)
def test_a_directory_that_python_cannot_read_is_refused(archive: Path, offset: int, value: bytes) -> None:
    _patch(archive, offset, value)
    data = archive.read_bytes()
    archive.write_bytes(data.replace(CLM.encode(), CLM.replace("CLM", "\xe9LM").encode("latin-1")))
    with pytest.raises(SourceError, match="is cut or no zip archive"):
        open_source(archive)
