"""A fetch that is interrupted goes on where it was."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.errors import FetchError
from ingest.fetch.run import Fetched
from tests.ingest.fetch.conftest import BLOCK, Mirror

Get = Callable[..., list[Fetched]]
HR = "hr_dataset.zip"
_PROGRAM = """
import sys
from pathlib import Path
from rich.console import Console
from ingest.fetch.download import Pace
from ingest.fetch.published import PublishedFile
from ingest.fetch.run import Options, fetch

out, url, name, size, md5, block = sys.argv[1:]
fetch(
    Options(Path(out), (PublishedFile(name, "hr", md5, int(size)),), url, 4, Pace(int(block), 0.001, 0.02)), Console()
)
"""


@pytest.fixture
def fetching(mirror: Mirror, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A fetch of the large file, half way."""
    mirror.behaviour.pause = 0.02
    file = mirror.published(HR)
    arguments = [str(tmp_path / "out"), mirror.url, HR, str(file.size), str(file.md5), str(BLOCK)]
    with subprocess.Popen([sys.executable, "-c", _PROGRAM, *arguments], stderr=subprocess.PIPE, text=True) as process:
        while mirror.sent < len(mirror.files[HR]) / 2:
            assert process.poll() is None
            time.sleep(0.01)
        yield process
        process.kill()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_came_before_an_end_is_not_fetched_again(
    fetching: subprocess.Popen[str], mirror: Mirror, get: Get, tmp_path: Path, how: signal.Signals
) -> None:
    fetching.send_signal(how)
    fetching.wait(10)
    assert not (tmp_path / "out" / HR).exists()
    before, mirror.behaviour.pause = mirror.sent, 0
    assert [one.status for one in get(mirror.published(HR))] == ["fetched"]
    assert (tmp_path / "out" / HR).read_bytes() == mirror.files[HR]
    # Less than what four connections send between two records.
    assert mirror.sent - before < 0.75 * len(mirror.files[HR])


@pytest.fixture
def begun(mirror: Mirror, get: Get, tmp_path: Path) -> Path:
    """The folder of a fetch that had brought some blocks when the server failed."""
    mirror.behaviour.refuse = lambda number: (403, {}) if number > 8 else None
    assert get(mirror.published(HR))[0].status == "failed"
    mirror.behaviour.refuse = lambda _: None
    return tmp_path / "out"


def test_what_came_is_known_and_kept(begun: Path, mirror: Mirror, get: Get) -> None:
    record = json.loads((begun / f"{HR}.part.json").read_text())
    assert BLOCK < sum(record["have"]) <= mirror.sent
    before = mirror.sent
    get(mirror.published(HR))
    assert mirror.sent - before == len(mirror.files[HR]) - sum(record["have"]) + 1


def test_a_file_that_changed_since_is_fetched_from_the_beginning(begun: Path, mirror: Mirror, get: Get) -> None:
    mirror.files[HR] = bytes(len(mirror.files[HR]))
    assert [one.status for one in get(mirror.published(HR))] == ["fetched"]
    assert (begun / HR).read_bytes() == mirror.files[HR]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"size": 5}'])
def test_a_spoiled_record_of_what_came_is_no_obstacle(begun: Path, mirror: Mirror, get: Get, text: str) -> None:
    (begun / f"{HR}.part.json").write_text(text)
    assert [one.status for one in get(mirror.published(HR))] == ["fetched"]
    assert (begun / HR).read_bytes() == mirror.files[HR]


def test_a_shortened_part_is_not_believed(begun: Path, mirror: Mirror, get: Get) -> None:
    (begun / f"{HR}.part").write_bytes(b"")
    assert [one.status for one in get(mirror.published(HR))] == ["fetched"]
    assert not list(begun.glob("*.corrupt"))


def test_two_fetches_into_one_folder_are_refused(fetching: subprocess.Popen[str], mirror: Mirror, get: Get) -> None:
    assert fetching.poll() is None
    with pytest.raises(FetchError, match="Another fetch writes"):
        get(mirror.published(HR))
