"""What the README shows works as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
from morecantile import tms

README = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8000"


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


def test_the_python_example_runs(live_server: str) -> None:
    (example,) = blocks("python")
    # odc-geo warns of shapely's future; that is no failure of the example.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", example.replace(ADDRESS, live_server)]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 0, done.stderr
    assert re.match(r"[1-9]\d* clear images of refugee settlements", done.stdout)
    means = [float(line.split()[-1]) for line in done.stdout.splitlines() if re.match(r"\d{4}-\d\d-\d\d", line)]
    assert means
    assert all(-1 < mean < 1 for mean in means)


def test_the_raster_addresses_show_pictures(live_server: str) -> None:
    shown = [line for block in blocks("") for line in block.splitlines() if line.startswith("/raster")]
    info = (
        httpx.get(f"{live_server}{shown[0].rsplit('/', 1)[0]}/WebMercatorQuad/tilejson.json").raise_for_status().json()
    )
    west, south, east, north = info["bounds"]

    for line in shown:
        tile = _tile((west + east) / 2, (south + north) / 2, 15)
        answer = httpx.get(live_server + line.format(**tile), timeout=60)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "image/png"
    assert len(shown) == 6


def test_every_worldstrat_command_that_it_names_exists() -> None:
    named = set(re.findall(r"^worldstrat ([a-z]+)", README, re.MULTILINE)) | set(
        re.findall(r"`worldstrat ([a-z]+)", README)
    )
    for command in sorted(named):
        done = subprocess.run([sys.executable, "-m", "infra.cli", command, "--help"], capture_output=True, check=False)
        assert done.returncode == 0, command
    assert {"up", "down", "status", "ingest"} <= named


def test_every_file_that_it_links_to_is_there() -> None:
    root = Path(__file__).resolve().parents[1]
    linked = [target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target]
    assert linked
    assert [target for target in linked if not (root / target).exists()] == []


def _tile(lon: float, lat: float, zoom: int) -> dict[str, int]:
    tile = tms.get("WebMercatorQuad").tile(lon, lat, zoom)
    return {"x": tile.x, "y": tile.y, "z": tile.z}
