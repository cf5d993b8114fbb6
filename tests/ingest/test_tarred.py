"""Tar archives against the folders they are made of, whole and broken."""

import errno
import gzip
import io
import os
import tarfile
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rich.console import Console

from catalog.metadata import METADATA_CSV, SPLIT_CSV
from ingest import tar_index
from ingest.errors import RasterError, SourceError
from ingest.sources import JoinedSource, open_source
from tests.ingest.archives import content, published, write_tar

NAME = "Landcover-8379"
SECOND = f"lr_dataset/{NAME}/L2A/{NAME}-1-CLP.tiff"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The folder of indexes."""
    return tmp_path / "indexes"


@pytest.fixture
def archive(tiny_dataset: Path, tmp_path: Path) -> Path:
    """All of a small dataset in one tar.gz, tables too."""
    return write_tar(tmp_path / "worldstrat.tar.gz", tiny_dataset)


@pytest.mark.parametrize(
    ("suffix", "prefix", "form"),
    [
        (".tar.gz", "", tarfile.PAX_FORMAT),
        (".tgz", "./", tarfile.USTAR_FORMAT),
        (".tar", "", tarfile.GNU_FORMAT),
        (".tar.gz", "a long folder/" * 12, tarfile.PAX_FORMAT),
        (".tar.gz", "a long folder/" * 12, tarfile.GNU_FORMAT),
    ],
)
def test_a_tar_of_a_dataset_is_that_dataset(  # noqa: PLR0917 - three things to vary
    tiny_dataset: Path, tmp_path: Path, cache: Path, suffix: str, prefix: str, form: int
) -> None:
    archive = write_tar(tmp_path / f"all{suffix}", tiny_dataset, form=form, prefix=prefix)
    if prefix.startswith("a"):
        tables = [tiny_dataset / METADATA_CSV, tiny_dataset / SPLIT_CSV]
        assert content(open_source([archive, *tables], cache)) == content(open_source(tiny_dataset))
    else:
        assert content(open_source(archive, cache)) == content(open_source(tiny_dataset))


def test_files_are_read_in_any_order_from_many_seek_points(
    tiny_dataset: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = tiny_dataset / "hr_dataset/0-first/0-first_ps.tiff"
    noise.parent.mkdir()
    noise.write_bytes(os.urandom(3_000_000))
    monkeypatch.setattr(tar_index, "_SPACING", 1 << 17)
    source = open_source(write_tar(tmp_path / "all.tar.gz", tiny_dataset), cache)
    for aoi in reversed(source.names()):
        for file in reversed(source.files(aoi).files):
            assert file.read() == (tiny_dataset / file.name).read_bytes()


def test_a_file_that_lies_apart_from_those_of_its_aoi_is_read_apart(
    tiny_dataset: Path, tmp_path: Path, cache: Path
) -> None:
    files = published(tiny_dataset)
    archive = tmp_path / "all.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        for path in files[::2]:
            file.add(path, path.relative_to(tiny_dataset).as_posix())
        noise = tarfile.TarInfo("other.bin")
        noise.size = 5_000_000
        file.addfile(noise, io.BytesIO(os.urandom(noise.size)))
        for path in files[1::2]:
            file.add(path, path.relative_to(tiny_dataset).as_posix())
    assert content(open_source(archive, cache)) == content(open_source(tiny_dataset))


def test_an_index_is_made_once_and_without_it_the_archive_is_not_read_again(
    archive: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [file.name for file in open_source(archive, cache).files(NAME).files]
    assert len(list(cache.iterdir())) == 1
    monkeypatch.setattr(tar_index, "_build", None)
    assert [file.name for file in open_source(archive, cache).files(NAME).files] == names


def test_a_changed_archive_gets_a_new_index_in_place_of_the_old(archive: Path, cache: Path, tiny_dataset: Path) -> None:
    open_source(archive, cache)
    (tiny_dataset / SECOND).write_bytes(b"changed")
    write_tar(archive, tiny_dataset)
    assert content(open_source(archive, cache)) == content(open_source(tiny_dataset))
    assert len(list(cache.iterdir())) == 1


def test_without_a_folder_for_it_the_index_lies_beside_its_archive(archive: Path) -> None:
    open_source(archive)
    assert [path.suffix for path in archive.parent.glob("worldstrat.tar.gz-*")] == [".index"]


def test_ctrl_c_leaves_no_half_index(archive: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tar_index.StepProgress, "at", interrupted)
        with pytest.raises(KeyboardInterrupt):
            open_source(archive, cache)
    assert list(cache.iterdir()) == []
    assert open_source(archive, cache).failures == ()


def test_what_a_killed_run_left_of_an_index_is_removed(archive: Path, cache: Path) -> None:
    open_source(archive, cache)
    (index,) = cache.iterdir()
    index.rename(f"{index}123")
    open_source(archive, cache)
    assert list(cache.iterdir()) == [index]


def test_progress_is_shown(archive: Path, cache: Path) -> None:
    out = io.StringIO()
    open_source(archive, cache, Console(file=out, force_terminal=True))
    assert "Index of worldstrat.tar.gz" in out.getvalue()


def _offset(archive: Path, member: str) -> int:
    """Where the header of a member lies, decompressed."""
    with tarfile.open(archive) as file:
        return file.getmember(member).offset_data - 512


def _damage(archive: Path, at: int, *, cut: bool) -> None:
    """Cut the contents of an archive, or overwrite a header there."""
    data = bytearray(gzip.decompress(archive.read_bytes()))
    if cut:
        data = data[:at]
    else:
        data[at : at + 512] = b"\xff" * 512
    archive.write_bytes(gzip.compress(bytes(data), 1))


def _check_broken(source: JoinedSource, tiny_dataset: Path, member: str) -> None:
    """One failure that names archive and member; what lies before is read."""
    (failure,) = source.failures
    assert failure.file == "lr_dataset_l2a.tar.gz"
    assert member in failure.reason
    assert "Download it again" in failure.reason
    files = source.files(NAME).files
    assert files
    assert all(file.read() == (tiny_dataset / file.name).read_bytes() for file in files)


@pytest.fixture
def lr(tiny_dataset: Path, tmp_path: Path) -> Path:
    """The L2A archive."""
    return write_tar(tmp_path / "lr_dataset_l2a.tar.gz", tiny_dataset, "lr_dataset")


def _open(lr: Path, tiny_dataset: Path, cache: Path) -> JoinedSource:
    return open_source([lr, tiny_dataset / METADATA_CSV, tiny_dataset / SPLIT_CSV], cache)


@pytest.mark.parametrize("fraction", [0.3, 0.5, 0.8, 0.99])
def test_a_download_that_broke_off_is_ingested_up_to_there_and_named(
    lr: Path, tiny_dataset: Path, cache: Path, fraction: float
) -> None:
    data = lr.read_bytes()
    lr.write_bytes(data[: int(len(data) * fraction)])
    for _ in range(2):  # The second time from the index.
        source = _open(lr, tiny_dataset, cache)
        _check_broken(source, tiny_dataset, f"{NAME}-")
    assert 0 < len(source.files(NAME).files) < 10


def test_the_member_at_which_an_archive_is_cut_is_named_and_left_out(lr: Path, tiny_dataset: Path, cache: Path) -> None:
    _damage(lr, _offset(lr, SECOND) + 600, cut=True)
    source = _open(lr, tiny_dataset, cache)
    _check_broken(source, tiny_dataset, SECOND)
    assert SECOND not in {file.name for file in source.files(NAME).files}


def test_a_damaged_header_is_not_taken_for_the_end(lr: Path, tiny_dataset: Path, cache: Path) -> None:
    _damage(lr, _offset(lr, SECOND), cut=False)
    source = _open(lr, tiny_dataset, cache)
    _check_broken(source, tiny_dataset, f"behind lr_dataset/{NAME}/L2A/{NAME}-1-CLM.tiff")
    assert len(source.files(NAME).files) == 1


def test_a_wrong_checksum_is_a_failure_of_the_whole_archive(lr: Path, tiny_dataset: Path, cache: Path) -> None:
    data = bytearray(lr.read_bytes())
    data[-8] ^= 0xFF
    lr.write_bytes(data)
    source = _open(lr, tiny_dataset, cache)
    assert "CRC check failed" in source.failures[0].reason
    assert content(source)[NAME] == tuple(file for file in content(open_source(tiny_dataset))[NAME] if file[1] == "L2A")


def test_a_plain_tar_that_is_cut_is_a_failure_too(tiny_dataset: Path, tmp_path: Path, cache: Path) -> None:
    lr = write_tar(tmp_path / "lr_dataset_l2a.tar", tiny_dataset, "lr_dataset")
    lr.write_bytes(lr.read_bytes()[:-20_000])
    (failure,) = _open(lr, tiny_dataset, cache).failures
    assert failure.file == "lr_dataset_l2a.tar"


def test_links_and_members_outside_of_the_dataset_are_left_aside_and_said(
    tiny_dataset: Path, tmp_path: Path, cache: Path
) -> None:
    archive = tmp_path / "all.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        for path in published(tiny_dataset):
            file.add(path, path.relative_to(tiny_dataset).as_posix())
        for name, kind in (("../evil_ps.tiff", tarfile.REGTYPE), ("/etc/x", tarfile.REGTYPE)):
            info = tarfile.TarInfo(name)
            info.type = kind
            file.addfile(info, io.BytesIO())
        for name, kind in (("hr_dataset/L/L_ps.tiff", tarfile.SYMTYPE), ("hr_dataset/D/D_ps.tiff", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
    source = open_source(archive, cache)
    assert content(source) == content(open_source(tiny_dataset))
    assert [note.file for note in source.notes] == [
        "../evil_ps.tiff",
        "/etc/x",
        "hr_dataset/L/L_ps.tiff",
        "hr_dataset/D/D_ps.tiff",
    ]


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, tiny_dataset: Path, cache: Path) -> None:
    (tmp_path / "lr_dataset_l2a.tar.gz").write_bytes(b"<html>404</html>" * 100)
    with pytest.raises(SourceError, match=r"cut or damaged at its end \(.*Download it again"):
        _open(tmp_path / "lr_dataset_l2a.tar.gz", tiny_dataset, cache)


def test_an_archive_that_changed_under_a_run_costs_its_files_only(
    tiny_dataset: Path, tmp_path: Path, cache: Path
) -> None:
    archive = write_tar(tmp_path / "worldstrat.tar.gz", tiny_dataset)
    file = open_source(archive, cache).files(NAME).files[0]
    archive.write_bytes(archive.read_bytes()[:5000])
    with pytest.raises(RasterError, match="cannot be read"):
        file.read()


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_that_are_no_utf8_are_spelled_out(tiny_dataset: Path, tmp_path: Path, cache: Path, form: int) -> None:
    archive = tmp_path / "all.tar.gz"
    with tarfile.open(archive, "w:gz", format=form) as file:
        for path in published(tiny_dataset):
            file.add(path, path.relative_to(tiny_dataset).as_posix())
        for name in (f"hr_dataset/{NAME}/caf\udce9.tif", "hr_dataset/caf\udce9/x.tif", "../caf\udce9.tif"):
            file.addfile(tarfile.TarInfo(name))
    source = open_source(archive, cache)
    assert [problem.name for problem in source.files(NAME).problems] == [f"hr_dataset/{NAME}/caf\\xe9.tif"]
    assert source.names() == [NAME, "caf\\xe9"]
    assert [note.file for note in source.notes] == ["../caf\\xe9.tif"]


def test_a_name_that_looks_like_markup_does_not_end_the_pass(
    tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "all.tar"
    with tarfile.open(archive, "w") as file:
        file.addfile(tarfile.TarInfo(f"hr_dataset/{NAME}/{NAME}_ps.tiff"))
        file.addfile(tarfile.TarInfo("hr_dataset/[/x]/y.tif"))
    monkeypatch.setattr("catalog.progress._PERIOD", -1.0)
    shown = io.StringIO()
    tables = [tiny_dataset / METADATA_CSV, tiny_dataset / SPLIT_CSV]
    open_source([archive, *tables], tmp_path, Console(file=shown, force_terminal=False))
    assert "hr_dataset/[/x]/y.tif" in shown.getvalue()


def test_of_two_first_readers_of_an_archive_one_makes_the_index_and_the_other_waits(
    archive: Path, cache: Path, tiny_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[str] = []
    begun, run = threading.Event(), tar_index._Pass.run

    def slowly(self: tar_index._Pass, console: Console) -> None:
        passes.append(str(self._archive))
        begun.set()
        time.sleep(0.3)
        run(self, console)

    monkeypatch.setattr(tar_index._Pass, "run", slowly)
    said = io.StringIO()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(open_source, archive, cache)
        assert begun.wait(10)
        second = pool.submit(open_source, archive, cache, Console(file=said, width=200))
        assert content(first.result()) == content(second.result()) == content(open_source(tiny_dataset))

    assert passes == [str(archive)]
    assert "Another run makes the index of worldstrat.tar.gz; waiting for it." in said.getvalue()
    assert [path.suffix for path in cache.iterdir()] == [".index"]


def test_where_a_disk_knows_no_locks_each_makes_its_own_index(
    archive: Path, cache: Path, tiny_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    others = cache / "worldstrat.tar.gz-00000000-000000000000.index0123"
    cache.mkdir()
    others.touch()

    assert content(open_source(archive, cache)) == content(open_source(tiny_dataset))
    assert others.exists()


def header(size: bytes, kind: bytes = b"0") -> bytes:
    """The header of a member whose size is written as it is given."""
    info = tarfile.TarInfo(f"hr_dataset/{NAME}/{NAME}_ps.tiff")
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136], block[156:157], block[148:156] = size.ljust(12, b"\0")[:12], kind, b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
@pytest.mark.parametrize("kind", [b"0", b"x", b"g", b"L", b"K"])
@pytest.mark.parametrize(
    "size",
    [
        b"\xff" * 12,
        b"\x80" + b"\x7f" * 11,
        b"77777777777",
        b"00100000000",
        b"\xff" * 8 + (-1024).to_bytes(4, signed=True),
    ],
    ids=["minus one", "beyond all", "8 GB", "16 MB", "back to itself"],
)
@pytest.mark.timeout(20)
def test_a_header_that_says_an_impossible_size_ends_the_archive_there(  # noqa: PLR0917 - three things to vary
    tiny_dataset: Path, tmp_path: Path, cache: Path, suffix: str, kind: bytes, size: bytes
) -> None:
    whole = write_tar(tmp_path / "whole.tar", tiny_dataset).read_bytes()
    data = whole[: whole.rindex(b"ustar") - 257] + header(size, kind) + bytes(2048)
    archive = tmp_path / f"worldstrat{suffix}"
    archive.write_bytes(gzip.compress(data, 1) if suffix == ".tar.gz" else data)
    tracemalloc.start()
    source = open_source([archive, tiny_dataset / METADATA_CSV, tiny_dataset / SPLIT_CSV], cache)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 50_000_000
    assert [failure.file for failure in source.failures] == [archive.name]
    assert "cut or damaged" in source.failures[0].reason
    assert source.files(NAME).files
