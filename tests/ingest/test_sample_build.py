"""Writing a sample: the same bytes each time, all of it or nothing."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingest.sample.build import MANIFEST, README, SampleSettings, build_sample
from ingest.sample.cli import sample
from ingest.sample.errors import SampleError

SMALL = SampleSettings(aois=1, revisits=1)


def digest(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One AOI with one revisit."""
    out = tmp_path_factory.mktemp("small") / "sample"
    build_sample(out, SMALL)
    return out


def start(out: Path, *options: str) -> "subprocess.Popen[str]":
    """`worldstrat sample` as a process of its own, in a session of its own."""
    code = "from ingest.sample.cli import sample\nif __name__ == '__main__':\n    sample()"
    script = out.parent / "run.py"
    script.write_text(code)
    command = [sys.executable, str(script), str(out), *options]
    environment = os.environ | {"PYTHONPATH": os.getcwd()}  # noqa: PTH109 - the root of the repository
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment
    )


def wait_for_a_file(partial: Path) -> None:
    deadline = time.monotonic() + 60
    while not any(partial.rglob("*.tiff")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_same_arguments_give_the_same_bytes(small: Path, tmp_path: Path) -> None:
    build_sample(tmp_path / "again", SMALL)
    assert digest(tmp_path / "again") == digest(small)


def test_another_seed_gives_other_pixels_under_the_same_names(small: Path, tmp_path: Path) -> None:
    build_sample(tmp_path / "other", SampleSettings(aois=1, revisits=1, seed=1))
    one, other = digest(small), digest(tmp_path / "other")
    assert set(one) == set(other)
    assert all(one[name] != other[name] for name in one if name.endswith(("_ps.tiff", "_data.tiff")))


def test_a_place_is_the_same_in_a_larger_sample_made_by_several_processes(small: Path, dataset: Path) -> None:
    one, larger = digest(small), digest(dataset)
    shared = [name for name in one if "hr_dataset" in name or "lr_dataset" in name]
    assert all(one[name] == larger[name] for name in shared)


def test_a_finished_sample_is_kept(small: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*")}
    written = build_sample(small, SMALL)
    assert not written.created
    assert written.files == len(digest(small)) - 2  # neither the README nor the manifest is of the dataset
    assert {path: path.stat().st_mtime_ns for path in small.rglob("*")} == before


def test_a_sample_of_other_arguments_is_refused(small: Path) -> None:
    with pytest.raises(SampleError, match=rf"other arguments.*{MANIFEST}.*delete it"):
        build_sample(small, SampleSettings(aois=1, revisits=2))


def test_a_folder_that_is_no_sample_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("four years")
    with pytest.raises(SampleError, match="no sample"):
        build_sample(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_foreign_folder_where_the_sample_is_staged_is_refused_and_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "out.partial"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("four years")
    with pytest.raises(SampleError, match=r"out\.partial is in the way"):
        build_sample(tmp_path / "out", SMALL)
    assert (foreign / "thesis.txt").exists()


def test_what_a_killed_run_left_is_made_anew(small: Path, tmp_path: Path) -> None:
    (tmp_path / "out.partial" / "hr_dataset").mkdir(parents=True)
    (tmp_path / "out.partial" / README).write_text("unfinished")
    build_sample(tmp_path / "out", SMALL)
    assert digest(tmp_path / "out") == digest(small)
    assert not (tmp_path / "out.partial").exists()


def test_a_folder_that_cannot_be_made_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SampleError, match=r"cannot be written to .*file/out"):
        build_sample(tmp_path / "file" / "out", SMALL)


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(tmp_path: Path, kill: signal.Signals) -> None:
    out = tmp_path / "here" / "out"
    out.parent.mkdir()
    process = start(out)
    wait_for_a_file(out.with_name("out.partial"))
    os.killpg(process.pid, kill) if kill == signal.SIGINT else process.send_signal(kill)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in errors
    assert [path.name for path in out.parent.iterdir()] == ["run.py"]


def test_no_process_outlives_a_parent_that_was_killed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(out)
    wait_for_a_file(out.with_name("out.partial"))
    process.kill()
    process.communicate(timeout=60)  # ends when nobody holds its pipes any more


def test_the_command_answers_in_json_and_says_that_nothing_is_real(small: Path) -> None:
    options = [str(small), "--aois", "1", "--revisits", "1"]
    answer = CliRunner().invoke(sample, [*options, "--json"])
    assert answer.exit_code == 0
    facts = json.loads(answer.stdout)
    assert (facts["aois"], facts["created"], facts["out"]) == (1, False, str(small))
    assert facts["bytes"] > 10_000_000
    assert CliRunner().invoke(sample, options).stdout.startswith("Already there")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"aois": 0}, "1 to 400 AOIs, not 0"),
        ({"revisits": 17}, "1 to 16 revisits, not 17"),
        ({"levels": ("L3",)}, "L2A and L1C, not L3"),
        ({"levels": ()}, "not none"),
        ({"version": "v2"}, "v1.0 and v1.1, not v2"),
        ({"seed": -1}, "0 or more, not -1"),
    ],
)
def test_arguments_outside_what_can_be_made_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(SampleError, match=message):
        SampleSettings(**options)  # type: ignore[arg-type]
