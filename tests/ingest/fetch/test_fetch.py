"""What ends on the disk is the published file, whatever the line and the server do."""

import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from ingest.errors import FetchError
from ingest.fetch import turns
from ingest.fetch.run import Fetched
from tests.ingest.fetch.conftest import Mirror, seeded

Get = Callable[..., list[Fetched]]
HR = "hr_dataset.zip"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def statuses(outcomes: list[Fetched]) -> list[str]:
    return [outcome.status for outcome in outcomes]


def left_over(out: Path) -> set[str]:
    return {path.name for path in out.iterdir() if not path.name.startswith(".worldstrat-fetch")}


def test_files_arrive_whole_and_every_byte_is_sent_once(mirror: Mirror, get: Get, out: Path) -> None:
    assert statuses(get()) == ["fetched", "fetched"]
    assert {path.name: path.read_bytes() for path in out.iterdir() if not path.name.startswith(".")} == mirror.files
    probes = len(mirror.files)
    assert mirror.sent == sum(map(len, mirror.files.values())) + probes


def test_a_large_file_comes_over_several_connections_and_never_more_than_allowed(mirror: Mirror, get: Get) -> None:
    mirror.behaviour.pause = 0.002
    get(connections=3)
    assert mirror.most_answering == 3


def test_connections_dropped_at_random_bytes_cost_no_byte_twice(mirror: Mirror, get: Get, out: Path) -> None:
    mirror.behaviour.drops = seeded(1)
    assert statuses(get()) == ["fetched", "fetched"]
    assert (out / HR).read_bytes() == mirror.files[HR]
    # What was on its way when the line broke may be lost, never what had come.
    assert mirror.sent < 1.5 * len(mirror.files[HR])
    assert len(mirror.requests) > 30


def test_a_server_that_gives_no_ranges_is_read_from_the_beginning(mirror: Mirror, get: Get, out: Path) -> None:
    mirror.behaviour.ranges = False
    assert statuses(get()) == ["fetched", "fetched"]
    assert (out / HR).read_bytes() == mirror.files[HR]


def test_a_server_without_ranges_that_drops_connections_is_read_again(mirror: Mirror, get: Get, out: Path) -> None:
    mirror.behaviour.ranges = False
    mirror.behaviour.drops = seeded(3)
    assert statuses(get(mirror.published(HR))) == ["fetched"]
    assert (out / HR).read_bytes() == mirror.files[HR]


@pytest.mark.parametrize("lie", ["shifted", "unsaid"])
def test_a_server_that_lies_about_ranges_is_read_without_them(mirror: Mirror, get: Get, out: Path, lie: str) -> None:
    mirror.behaviour.lie = lie
    assert statuses(get()) == ["fetched", "fetched"]
    assert (out / HR).read_bytes() == mirror.files[HR]
    assert (f"/files/{HR}", None) in mirror.requests


def test_a_busy_server_is_asked_again_when_it_said(mirror: Mirror, get: Get, out: Path) -> None:
    mirror.behaviour.refuse = lambda number: (429, {"Retry-After": "1"}) if number == 2 else None
    start = time.monotonic()
    assert statuses(get(mirror.published(HR), connections=1)) == ["fetched"]
    assert time.monotonic() - start >= 1
    assert (out / HR).read_bytes() == mirror.files[HR]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_asked_again(mirror: Mirror, get: Get, out: Path, status: int) -> None:
    mirror.behaviour.refuse = lambda number: (status, {}) if number % 2 else None
    assert statuses(get()) == ["fetched", "fetched"]
    assert (out / HR).read_bytes() == mirror.files[HR]


def test_a_server_that_never_recovers_is_one_error_that_names_it(mirror: Mirror, get: Get) -> None:
    mirror.behaviour.refuse = lambda _: (503, {})
    (outcome,) = get(mirror.published("metadata.csv"))
    assert outcome.status == "failed"
    assert f"{mirror.url}/metadata.csv answers 503" in outcome.reason
    assert len(mirror.requests) == turns.TRIES


def test_a_wait_of_an_hour_is_not_waited_for(mirror: Mirror, get: Get) -> None:
    mirror.behaviour.refuse = lambda _: (429, {"Retry-After": "3600"})
    (outcome,) = get(mirror.published("metadata.csv"))
    assert "wants us back in 3600 s" in outcome.reason


def test_a_file_that_changes_midway_is_never_a_mixture(mirror: Mirror, get: Get, out: Path) -> None:
    old, new = mirror.files[HR], seeded(8).randbytes(len(mirror.files[HR]))

    def change(number: int) -> None:
        if number == 9:
            mirror.files[HR] = new

    mirror.behaviour.answered = change
    published = mirror.published(HR, md5=None)
    assert statuses(get(published)) == ["fetched"]
    assert old != new == (out / HR).read_bytes()


def test_a_file_that_changes_all_the_time_is_given_up(mirror: Mirror, get: Get) -> None:
    draw = seeded(2)
    mirror.behaviour.answered = lambda _: mirror.files.update({HR: draw.randbytes(len(mirror.files[HR]))})
    (outcome,) = get(mirror.published(HR))
    assert "changes on the server faster" in outcome.reason


def test_one_corrupt_byte_is_found_set_aside_and_fetched_again(mirror: Mirror, get: Get, out: Path) -> None:
    good = mirror.files[HR]
    published = mirror.published(HR)
    mirror.files[HR] = good[:1000] + bytes([good[1000] ^ 1]) + good[1001:]
    bad = mirror.files[HR]

    def mend(_: int) -> None:
        if mirror.sent > len(good):
            mirror.files[HR] = good

    mirror.behaviour.answered = mend
    assert statuses(get(published)) == ["fetched"]
    assert (out / HR).read_bytes() == good
    assert (out / f"{HR}.corrupt").read_bytes() == bad


def test_a_file_that_is_wrong_twice_is_an_error_and_the_others_still_come(mirror: Mirror, get: Get, out: Path) -> None:
    wrong = mirror.published(HR, md5="0" * 32)
    outcomes = get(wrong, mirror.published("metadata.csv"))
    assert statuses(outcomes) == ["failed", "fetched"]
    assert "its MD5 sum is not 00000000" in outcomes[0].reason
    assert not (out / HR).exists()


def test_a_file_that_the_server_has_not_fails_at_once_and_alone(mirror: Mirror, get: Get) -> None:
    wanted = mirror.published(HR)
    del mirror.files[HR]
    outcomes = get(wanted, mirror.published("metadata.csv"))
    assert statuses(outcomes) == ["failed", "fetched"]
    assert f"{mirror.url}/{HR} answers 404" in outcomes[0].reason
    assert sum(path.endswith(HR) for path, _ in mirror.requests) == 1


def test_a_file_of_another_size_is_refused_before_it_comes(mirror: Mirror, get: Get) -> None:
    (outcome,) = get(mirror.published(HR, size=5))
    assert f"has {len(mirror.files[HR]):,} bytes on this server, the published one 5" in outcome.reason
    assert mirror.sent <= 1


def test_nobody_there_is_one_error(get: Get, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    published = mirror.published("metadata.csv")
    monkeypatch.setattr(mirror, "url", "http://127.0.0.1:1/files")
    (outcome,) = get(published)
    assert "the connection to 127.0.0.1 failed" in outcome.reason


def test_a_second_run_asks_nothing_and_reads_nothing(mirror: Mirror, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    get()
    asked = len(mirror.requests)
    monkeypatch.delattr("ingest.fetch.download.md5_of")
    assert statuses(get()) == ["present", "present"]
    assert len(mirror.requests) == asked


def test_a_touched_file_is_hashed_again_but_not_fetched(mirror: Mirror, get: Get, out: Path) -> None:
    get()
    asked = len(mirror.requests)
    (out / HR).touch()
    assert statuses(get()) == ["present", "present"]
    assert len(mirror.requests) == asked


def test_a_damaged_file_is_fetched_again(mirror: Mirror, get: Get, out: Path) -> None:
    get()
    (out / HR).write_bytes(mirror.files[HR][:-1])
    assert statuses(get()) == ["present", "fetched"]
    assert (out / HR).read_bytes() == mirror.files[HR]


def test_a_server_without_etags_is_resumed_by_date(mirror: Mirror, get: Get, out: Path) -> None:
    mirror.behaviour.etag = False
    mirror.behaviour.drops = seeded(4)
    assert statuses(get()) == ["fetched", "fetched"]
    assert (out / HR).read_bytes() == mirror.files[HR]


def test_too_little_room_is_said_before_anything_is_asked(mirror: Mirror, get: Get) -> None:
    with pytest.raises(FetchError, match=r"1,000,000.0 GB are still to come, and the disk of .* has .* GB free"):
        get(mirror.published(HR, size=10**15))
    assert mirror.requests == []


def test_an_unknown_size_is_the_servers(mirror: Mirror, get: Get, out: Path) -> None:
    assert statuses(get(mirror.published(HR, size=None))) == ["fetched"]
    assert (out / HR).read_bytes() == mirror.files[HR]


def test_an_empty_file_is_a_file(mirror: Mirror, get: Get, out: Path) -> None:
    mirror.files["empty.csv"] = b""
    assert statuses(get(mirror.published("empty.csv"))) == ["fetched"]
    assert left_over(out) == {"empty.csv"}


def test_waits_and_what_was_set_aside_are_told(mirror: Mirror, get: Get) -> None:
    told = io.StringIO()
    mirror.behaviour.refuse = lambda number: (503, {}) if number < 4 else None
    get(mirror.published("metadata.csv"), console=Console(file=told, width=200))
    assert "answers 503 Service Unavailable; trying again in 0 s" in told.getvalue()
