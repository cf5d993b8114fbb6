import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from catalog.settings import DatabaseSettings, StoreSettings
from infra.cli import main

NAME = "Landcover-8379"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, database: DatabaseSettings, file_store: StoreSettings) -> Run:
    """Run `worldstrat` as from a shell, with a stack's folder."""
    stack = tmp_path / "stack"
    stack.mkdir()
    (stack / "stack.env").write_text(
        f"PGHOST={database.host}\nPGPORT={database.port}\nPGUSER={database.user}\n"
        f"PGPASSWORD={database.password.get_secret_value()}\nPGDATABASE={database.database}\n"
        f"WORLDSTRAT_STORE={file_store.url}\n"
    )
    return lambda *arguments: CliRunner().invoke(main, ["ingest", *map(str, arguments), "--data", str(stack)])


def test_the_report_is_json_on_standard_output_and_nothing_else(run: Run, tiny_dataset: Path) -> None:
    result = run(tiny_dataset, "--workers", "1", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert list(report)[:7] == ["aois", "files", "items", "bytes_in", "bytes_out", "seconds", "skipped"]
    assert report["items"] == {COLLECTION_L2A: 2, COLLECTION_L1C: 0, COLLECTION_SPOT: 1}
    assert report["failures"] == []


def test_the_report_is_a_table_for_a_person(run: Run, tiny_dataset: Path) -> None:
    (tiny_dataset / f"lr_dataset/{NAME}/L2A/{NAME}-1-CLM.tiff").unlink()
    result = run(tiny_dataset, "--workers", "1")
    assert result.exit_code == 0
    for word in ("AOIs", COLLECTION_SPOT, "MB out", "L2A without CLM", "--schemas DIR"):
        assert word in result.stdout


def test_a_failed_file_is_listed_and_the_exit_code_says_so(run: Run, tiny_dataset: Path) -> None:
    (tiny_dataset / f"lr_dataset/{NAME}/L2A/{NAME}-1-L2A_data.tiff").write_bytes(b"II*\0")
    result = run(tiny_dataset, "--workers", "1", "--json")
    assert result.exit_code == 1
    (failure,) = json.loads(result.stdout)["failures"]
    assert failure["aoi"] == NAME
    assert failure["file"] == f"lr_dataset/{NAME}/L2A/{NAME}-1-L2A_data.tiff"
    assert failure["reason"].startswith("cannot be read as a TIFF: ")


def test_a_dry_run_is_told_as_json_or_as_a_table_and_does_nothing(run: Run, tiny_dataset: Path) -> None:
    told = run(tiny_dataset, "--dry-run", "--json")
    assert (told.exit_code, json.loads(told.stdout)["new"]["aois"]) == (0, 1)
    assert "nothing was changed" in run(tiny_dataset, "--dry-run").stdout
    assert json.loads(run(tiny_dataset, "--dry-run", "--json").stdout)["new"]["aois"] == 1


def _missing_table(src: Path) -> None:
    (src / "metadata.csv").unlink()


def _missing_split(src: Path) -> None:
    (src / "stratified_train_val_test_split.csv").unlink()


def _missing_images(src: Path) -> None:
    (src / "hr_dataset").rename(src / "somewhere")
    (src / "lr_dataset").rename(src / "else")


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (_missing_table, "holds no metadata.csv"),
        (_missing_split, "stratified_train_val_test_split.csv does not exist"),
        (_missing_images, "holds neither hr_dataset/ nor lr_dataset/"),
    ],
)
def test_a_folder_that_is_no_dataset_is_one_clear_message(
    run: Run, tiny_dataset: Path, break_it: Callable[[Path], None], message: str
) -> None:
    break_it(tiny_dataset)
    result = run(tiny_dataset)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_missing_stack_is_one_clear_message(tiny_dataset: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["ingest", str(tiny_dataset), "--data", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "worldstrat up --data" in result.stderr


def test_the_help_is_a_manual_page() -> None:
    result = CliRunner().invoke(main, ["ingest", "--help"])
    assert result.exit_code == 0
    for word in ("--ray-address", "--schemas", "--force", "--only", "metadata.csv", "exit code"):
        assert word in result.output
