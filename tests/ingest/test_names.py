import pytest

from ingest.names import parse_path

AOI = "Amnesty POI-1-1-1"
CLM = f"{AOI}-3-CLM.tiff"


@pytest.mark.parametrize(
    "path",
    [
        f"lr_dataset/{AOI}/L2A/{CLM}",
        f"worldstrat/lr_dataset/{AOI}/L2A/{CLM}",
        f"lr_dataset_l2a/lr_dataset/{AOI}/L2A/{CLM}",
        f"{AOI}/L2A/{CLM}",
    ],
)
def test_a_file_has_one_name_in_whatever_wrapper_it_comes(path: str) -> None:
    assert parse_path(path) == (AOI, "L2A", f"lr_dataset/{AOI}/L2A/{CLM}")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("hr_dataset/A-1/A-1_ps.tiff", "hr_dataset/A-1/A-1_ps.tiff"),
        ("hr_dataset/12bit/A-1/A-1_ps.tiff", "hr_dataset/12bit/A-1/A-1_ps.tiff"),
        ("A-1/A-1_ps.tiff", "hr_dataset/A-1/A-1_ps.tiff"),
        ("lr_dataset/A-1/readme.txt", "lr_dataset/A-1/readme.txt"),
    ],
)
def test_a_file_outside_of_any_level_is_of_spot_or_of_no_known_kind(path: str, name: str) -> None:
    assert parse_path(path) == ("A-1", None, name)


@pytest.mark.parametrize(
    "path",
    [
        "metadata.csv",
        "hr_dataset/readme.txt",
        "hr_dataset/.DS_Store",
        "hr_dataset/A-1/._A-1_ps.tiff",
        "__MACOSX/hr_dataset/A-1/A-1_ps.tiff",
        "lr_dataset/A-1/L2A/Thumbs.db",
        "hr_dataset/8bit/A-1/A-1_ps_8bit.tiff",
        "hr_dataset_raw/A-1/x.tif",
        "hr_dataset/A-1/deeper/still/A-1_ps.tiff",
        "",
    ],
)
def test_what_is_no_file_of_an_aoi_is_passed_over(path: str) -> None:
    assert parse_path(path) is None


def test_an_archive_without_wrappers_is_what_its_own_name_says() -> None:
    assert parse_path("A-1/readme.txt", "lr_dataset") == ("A-1", None, "lr_dataset/A-1/readme.txt")
