"""What docs/time.md shows works as it stands."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import httpx

ROOT = Path(__file__).resolve().parents[4]
TEXT = (ROOT / "docs/time.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8000"


def blocks(language: str) -> list[str]:
    return [
        text for name, text in re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE) if name == language
    ]


def test_every_address_answers(http: httpx.Client) -> None:
    shown = [line for block in blocks("") for line in block.splitlines() if line.startswith("/raster")]
    assert len(shown) >= 12
    for line in shown:
        answer = http.get(quote(line, safe="/?&=:,()*"))
        assert answer.status_code == 200, f"{line}: {answer.text[:200]}"


def test_the_python_example_prints_a_series(live_server: str) -> None:
    (example,) = blocks("python")
    command = [sys.executable, "-W", "error", "-c", example.replace(ADDRESS, live_server)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    values = [float(line.split()[-1]) for line in done.stdout.splitlines() if re.match(r"\d{4}-\d\d-\d\d", line)]
    assert len(values) == 2
    assert all(-1 < value < 1 for value in values)


def test_the_polygon_example_answers(http: httpx.Client) -> None:
    (example,) = [block for block in blocks("") if block.startswith("curl")]
    words = shlex.split(example.replace("\\\n", " "))
    url, body = next(word for word in words if word.startswith(ADDRESS)), json.loads(words[-1])
    answer = http.post(url.removeprefix(ADDRESS), json=body)
    assert answer.status_code == 200, answer.text
    assert len(answer.text.splitlines()) == 3


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT)
    assert pictures
    assert all((ROOT / "docs" / picture).is_file() for picture in pictures)
