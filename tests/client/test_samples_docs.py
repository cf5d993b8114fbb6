"""docs/samples.md, word for word: every example is run against a server, with its address in place of the page's."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs/samples.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
PRINTED = {
    "Samples": r"[1-4] places; 0 without a clear revisit\n"
    r"(torch\.Size\(\[[12], 8, 12, 1\d\d, 1\d\d\]\) torch\.Size\(\[[12], 8, 1\d\d, 1\d\d\]\) "
    r"torch\.Size\(\[[12], 4, 1054, 1054\]\)\n)+$",
    "xarray": r"\w+ \[ ?-?0\.\d+ +-?0\.\d+\]\n$",
    "Private collections": r"\{'latitude': 1054, 'longitude': 1054, 'time': 1\}\n$",
    "Signed addresses": r"http://127\.0\.0\.1:\d+/assets/worldstrat-spot/.*_ps\.tif\n$",
}


@pytest.mark.parametrize("heading", PRINTED)
def test_an_example_prints_what_there_is(
    heading: str,
    live_server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(EXAMPLES[heading].replace("http://127.0.0.1:8000", live_server), {"__name__": "__main__"})  # noqa: S102
    assert re.match(PRINTED[heading], printed := capsys.readouterr().out), printed


def test_every_example_is_run() -> None:
    assert EXAMPLES.keys() == PRINTED.keys()
    assert len(EXAMPLES) == PAGE.count("```python")
