"""`worldstrat fetch` as a person types it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.cli import main
from ingest.fetch.published import VERSIONS, Version
from tests.ingest.fetch.conftest import Mirror


@pytest.fixture
def run(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Run":
    """Run the command over a version that the mirror has."""
    files = (mirror.published("metadata.csv"), mirror.published("hr_dataset.zip", part="hr"))
    monkeypatch.setitem(VERSIONS, "1.1", Version(1, files))
    return Run(str(tmp_path / "a folder"), mirror.url)


class Run:
    def __init__(self, out: str, url: str) -> None:
        self.out, self._url = Path(out), url

    def __call__(self, *options: str) -> Result:
        return CliRunner().invoke(main, ["fetch", str(self.out), "--base-url", self._url, *options])


def test_it_ends_with_the_command_that_comes_next(run: Run) -> None:
    answer = run()
    assert answer.exit_code == 0, answer.output
    assert f"worldstrat ingest '{run.out}/metadata.csv' '{run.out}/hr_dataset.zip'" in answer.stdout


def test_json_tells_what_came_of_each_file(run: Run) -> None:
    files = json.loads(run("--json").stdout)
    assert [(file["file"], file["status"]) for file in files] == [
        ("metadata.csv", "fetched"),
        ("hr_dataset.zip", "fetched"),
    ]
    assert [Path(file["path"]).stat().st_size for file in files] == [file["size"] for file in files]


def test_a_part_is_fetched_alone(run: Run) -> None:
    assert run("--part", "metadata").exit_code == 0
    assert not (run.out / "hr_dataset.zip").exists()


def test_a_failure_is_told_and_its_exit_code_is_1(run: Run, mirror: Mirror) -> None:
    del mirror.files["hr_dataset.zip"]
    answer = run()
    assert answer.exit_code == 1
    assert "fetched  " in answer.stdout
    assert "hr_dataset.zip answers 404" in answer.stdout


def test_a_list_asks_nobody_and_makes_nothing(run: Run, mirror: Mirror) -> None:
    files = json.loads(run("--only-list", "--json").stdout)
    assert [(file["status"], file["received"]) for file in files] == [("missing", 0), ("missing", 0)]
    assert "hr_dataset.zip" in run("--only-list").stdout
    assert mirror.requests == []
    assert not run.out.exists()


def test_a_list_tells_what_is_there(run: Run) -> None:
    run("--part", "metadata")
    files = json.loads(run("--only-list", "--json").stdout)
    assert [file["status"] for file in files] == ["present", "missing"]


def test_a_part_that_a_version_has_not_is_named(run: Run) -> None:
    answer = run("--part", "raw")
    assert answer.exit_code == 1
    assert "Version 1.1 has no raw; it has metadata, hr." in answer.output


@pytest.mark.parametrize("address", ["ftp://somewhere", "http://[somewhere", "https://"])
def test_an_address_that_is_none_is_refused(run: Run, address: str) -> None:
    answer = run("--base-url", address)
    assert answer.exit_code == 2
    assert f"{address!r} is no http:// or https:// address" in answer.output


def test_neither_a_login_nor_a_signature_is_told(run: Run, mirror: Mirror) -> None:
    signed = mirror.url.replace("/files", "/signed?X-Amz-Signature=secret")
    mirror.behaviour.refuse = lambda number: (302, {"Location": signed}) if number % 2 else (403, {})
    answer = run("--base-url", mirror.url.replace("://", "://me:secret@"), "--parallel", "1", "--part", "metadata")
    assert answer.exit_code == 1
    assert "/signed answers 403" in answer.output
    assert "secret" not in answer.output


def test_a_circle_of_redirections_is_told(run: Run, mirror: Mirror) -> None:
    mirror.behaviour.refuse = lambda _: (302, {"Location": mirror.url})
    answer = run("--part", "metadata")
    assert answer.exit_code == 1
    assert "round in circles" in answer.output


def test_the_published_versions_are_those_of_zenodo() -> None:
    newest = VERSIONS["1.1"]
    assert newest.url == "https://zenodo.org/records/15382551/files"
    assert sum(file.size or 0 for file in newest.files) == 104_100_686_572
    assert all(len(file.md5 or "") == 32 for file in newest.files)
    assert len({file.md5 for file in newest.files}) == len(newest.files)
