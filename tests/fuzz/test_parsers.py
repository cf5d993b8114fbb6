"""Every parser of ours over some thousand broken inputs: only the errors that it states come out, and soon."""

import time
import warnings
from pathlib import Path

import pytest

from tests.fuzz.harnesses import all_harnesses, harness_of

SECONDS = 1.0
"""Time for one parser; `make fuzz` gives as much as one likes, with coverage leading the way."""
MOST = 2000
"""Inputs of one parser."""
SLOWEST = 10.0
"""Seconds for one input on a busy machine."""
REGRESSIONS = sorted((Path(__file__).parent / "regressions").glob("*/*"))

NAMES = [harness.name for harness in all_harnesses()]


@pytest.mark.parametrize("name", NAMES)
def test_only_stated_errors_come_out_of_it(name: str) -> None:
    harness = harness_of(name)
    began = time.monotonic()
    for number, data in enumerate(harness.inputs(seed=7)):
        started = time.monotonic()
        if number >= MOST or (started - began > SECONDS and number >= len(harness.seeds)):
            break
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                harness.run(data)
        except Exception as error:  # noqa: BLE001 - whatever comes out is the finding
            pytest.fail(f"{name} breaks on {data[:500]!r}: {error!r}")
        assert time.monotonic() - started < SLOWEST, f"{name} takes {time.monotonic() - started:.1f} s: {data[:500]!r}"


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_broke_it_once_does_no_more(path: Path) -> None:
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        harness_of(path.parent.name).run(path.read_bytes())
    assert time.monotonic() - started < SLOWEST
