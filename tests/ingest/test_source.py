from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.errors import MetadataError
from ingest.errors import SourceError
from ingest.names import parse_sentinel2, parse_spot
from ingest.sources import open_source

HEADER = (
    ",n,lowres_date,highres_date,delta,lon,lat,bounds,area,cloud_cover,LCCS,SMOD,IPCC Class,LCCS class,SMOD Class\n"
)
SPLITS = ",tile,IPCC Class,SMOD,source,joint_class,split\n"

Layout = Callable[..., Path]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Make a folder with tables of these AOIs, and empty files at these paths."""

    def make(*paths: str, aois: tuple[str, ...] = (), first: str = "") -> Path:
        rows = "".join(f'{aoi},1,2019-12-08,2019-12-08,0,0,0,"[0, 0, 1, 1]",2.5,0,10,21,,,\n' for aoi in aois)
        (tmp_path / "metadata.csv").write_text(first + HEADER + rows)
        (tmp_path / "stratified_train_val_test_split.csv").write_text(SPLITS)
        (tmp_path / "hr_dataset").mkdir()
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(b"")
        return tmp_path

    return make


def kinds(src: Path, aoi: str) -> set[tuple[str, str, int | None]]:
    """What the source finds of an AOI: level, kind, revisit."""
    return {(file.level, file.kind, file.revisit) for file in open_source(src).files(aoi).files}


@pytest.mark.parametrize(
    ("filename", "aoi", "expected"),
    [
        ("ASMSpotter-1-1-1-7-L2A_data.tiff", "ASMSpotter-1-1-1", ("data", 7)),
        ("Amnesty POI-1-1-1-16-CLM.tiff", "Amnesty POI-1-1-1", ("clm", 16)),
        ("Landcover-8379-1-dataMask.tiff", "Landcover-8379", ("data-mask", 1)),
        ("UNHCR-ZWEs002079-3-viewZenithMean.tiff", "UNHCR-ZWEs002079", ("view-zenith", 3)),
        ("ASMSpotter-1-1-1-10.metadata", "ASMSpotter-1-1-1", ("metadata", 10)),
    ],
)
def test_a_revisit_is_read_from_the_right_of_the_name(filename: str, aoi: str, expected: tuple[str, int]) -> None:
    assert parse_sentinel2(filename, aoi, "L2A") == expected


@pytest.mark.parametrize(
    "filename", ["readme.txt", "Landcover-8379-1-B04.tiff", "Landcover-8379-x-CLM.tiff", "-.metadata"]
)
def test_a_name_of_no_published_kind_is_said_to_be_none(filename: str) -> None:
    assert parse_sentinel2(filename, "Landcover-8379", "L2A") == "no published kind of L2A file"


def test_data_of_the_other_level_is_not_taken_for_this_one() -> None:
    assert isinstance(parse_sentinel2("Landcover-8379-1-L1C_data.tiff", "Landcover-8379", "L2A"), str)


def test_a_file_of_another_aoi_is_not_taken_for_this_ones() -> None:
    # Read from the left, revisit 11 of AOI ...-1-1 could pass for revisit 1 of another.
    assert parse_sentinel2("ASMSpotter-1-1-1-1-CLM.tiff", "ASMSpotter-1-1", "L2A") == (
        "named for another AOI, 'ASMSpotter-1-1-1'"
    )
    assert parse_spot("Landcover-1_ps.tiff", "Landcover-2") == "named for another AOI, 'Landcover-1'"


def test_the_preview_and_the_three_spot_rasters_are_told_apart() -> None:
    found = [
        parse_spot(f"A-1_{rest}", "A-1") for rest in ("ps.tiff", "pan.tiff", "rgbn.tiff", "rgb.png", "ps_8bit.tiff")
    ]
    assert found[:4] == [("ps", None), ("pan", None), ("rgbn", None), ("rgb", None)]
    assert found[4] == "no published kind of SPOT file"


@pytest.mark.parametrize(
    "hr", ["hr_dataset", "hr_dataset/12bit", "hr_dataset/hr_dataset", "hr_dataset/hr_dataset/12bit"]
)
@pytest.mark.parametrize("lr", ["lr_dataset", "lr_dataset/lr_dataset", "lr_dataset_l2a/lr_dataset", "lr_dataset_l2a"])
def test_every_published_layout_is_accepted(layout: Layout, hr: str, lr: str) -> None:
    src = layout(f"{hr}/A-1/A-1_ps.tiff", f"{lr}/A-1/L2A/A-1-2-SCL.tiff", aois=("A-1",))
    assert kinds(src, "A-1") == {("SPOT", "ps", None), ("L2A", "scl", 2)}


def test_the_levels_of_two_archives_meet_in_one_aoi(layout: Layout) -> None:
    src = layout("lr_dataset_l2a/A-1/L2A/A-1-1-CLM.tiff", "lr_dataset_l1c/A-1/L1C/A-1-1-CLM.tiff", aois=("A-1",))
    assert kinds(src, "A-1") == {("L2A", "clm", 1), ("L1C", "clm", 1)}


def test_an_eight_bit_copy_a_raw_archive_and_droppings_are_ignored_silently(layout: Layout) -> None:
    src = layout(
        "hr_dataset/8bit/A-1/A-1_ps_8bit.tiff",
        "hr_dataset_raw/x/y.tif",
        "hr_dataset/.DS_Store",
        "hr_dataset/A-1/A-1_ps.tiff",
        "hr_dataset/A-1/._A-1_ps.tiff",
        "hr_dataset/A-1/Thumbs.db",
        "hr_dataset/A-1/.DS_Store",
        aois=("A-1",),
    )
    source = open_source(src)
    assert source.names() == ["A-1"]
    assert [file.name for file in source.files("A-1").files] == ["hr_dataset/A-1/A-1_ps.tiff"]
    assert source.files("A-1").problems == ()


def test_an_unknown_name_and_a_second_copy_are_reported(layout: Layout) -> None:
    src = layout(
        "hr_dataset/A-1/A-1_ps.tiff", "hr_dataset/12bit/A-1/A-1_ps.tiff", "hr_dataset/A-1/notes.txt", aois=("A-1",)
    )
    reasons = {problem.name: problem.reason for problem in open_source(src).files("A-1").problems}
    assert reasons["hr_dataset/A-1/notes.txt"] == "no published kind of SPOT file"
    assert "second copy" in reasons["hr_dataset/12bit/A-1/A-1_ps.tiff"]


def test_rows_without_a_folder_and_folders_without_a_row_are_both_listed(layout: Layout) -> None:
    source = open_source(layout("hr_dataset/B-1/B-1_ps.tiff", aois=("A-1",)))
    assert [(name, name in source.tables.aois, len(source.files(name).files)) for name in source.names()] == [
        ("A-1", True, 0),
        ("B-1", False, 1),
    ]


def test_files_are_listed_only_when_their_aoi_is_reached(layout: Layout) -> None:
    src = layout("hr_dataset/A-1/A-1_ps.tiff", aois=("A-1",))
    source = open_source(src)
    (src / "hr_dataset/A-1/A-1_pan.tiff").write_bytes(b"late")
    assert {file.kind for file in source.files("A-1").files} == {"ps", "pan"}


def test_a_folder_that_is_not_there_is_named_with_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere does not exist\. Give a folder, a \.zip, a \.tar\.gz"):
        open_source(tmp_path / "nowhere")


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"holds no metadata\.csv"):
        open_source(tmp_path)


def test_a_folder_beside_the_dataset_is_told_where_it_is(layout: Layout) -> None:
    src = layout("lr_dataset/A-1/L2A/A-1-1-CLM.tiff", aois=("A-1",))
    with pytest.raises(SourceError, match=f"but {src} does: give that folder"):
        open_source(src / "lr_dataset")


def test_tables_without_any_images_are_no_dataset(layout: Layout) -> None:
    src = layout(aois=("A-1",))
    (src / "hr_dataset").rmdir()
    with pytest.raises(SourceError, match="nor their archives: put them there"):
        open_source(src)


def test_a_table_that_is_another_table_is_refused(layout: Layout) -> None:
    src = layout("hr_dataset/A-1/A-1_ps.tiff")
    (src / "metadata.csv").write_text("a,b\n1,2\n")
    with pytest.raises(MetadataError, match="has no column"):
        open_source(src)


def test_names_that_are_no_utf8_are_spelled_out_and_their_files_read(layout: Layout) -> None:
    src = layout("hr_dataset/A-1/caf\udce9.tif", "hr_dataset/caf\udce9/caf\udce9_ps.tiff", aois=("A-1",))
    source = open_source(src)
    assert source.names() == ["A-1", "caf\\xe9"]
    assert [problem.name for problem in source.files("A-1").problems] == ["hr_dataset/A-1/caf\\xe9.tif"]
    (file,) = source.files("caf\\xe9").files
    assert file.origin.place == f"{src}/hr_dataset/caf\\xe9/caf\\xe9_ps.tiff"
    assert file.read() == b""


def test_the_folders_of_aois_are_given_beside_the_tables(layout: Layout) -> None:
    src = layout("hr_dataset/12bit/A-1/A-1_ps.tiff", "lr_dataset/A-1/L2A/A-1-1-CLM.tiff", aois=("A-1",))
    tables = [src / "metadata.csv", src / "stratified_train_val_test_split.csv"]
    apart = open_source([*tables, src / "hr_dataset", src / "lr_dataset"])
    assert apart.files("A-1") == open_source(src).files("A-1")
    assert len(apart.files("A-1").files) == 2


def test_a_revisits_number_of_thousands_of_digits_is_none_of_ours() -> None:
    assert parse_sentinel2(f"A-1-{'9' * 5000}-CLM.tiff", "A-1", "L2A") == "no published kind of L2A file"
