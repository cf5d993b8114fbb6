"""The explorer's story: from "where are refugee settlements?" to a script that reads the same number."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.explorer.browsing import DESKTOP, Visitor, slug_of


def run(script: str, folder: Path) -> str:
    """Return what a script prints that runs in a folder of its own."""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_refugee_settlement_of_the_test_split_is_found_looked_at_measured_and_taken_away(
    visitor: Visitor, camps_server: str, tmp_path: Path
) -> None:
    visit = visitor(DESKTOP, camps_server, permissions=["clipboard-read", "clipboard-write"])
    page = visit.go()

    # Find refugee settlements in the test split.
    page.get_by_role("combobox").fill("refugee settlement")
    page.keyboard.press("Enter")
    visit.wait_until_counted(1)
    page.locator("input[name=split][value=test]").check()
    page.wait_for_function("() => location.hash.includes('split=test')")
    visit.wait_until_counted(1)

    # Open the one that there is.
    page.get_by_role("combobox").fill("UNHCR")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    visit.wait_until_drawn()
    assert page.locator("#panel h2").inner_text().startswith("UNHCR")
    page.get_by_role("tab", name="About").click()
    facts = page.locator(".facts").inner_text()
    assert "refugee settlements" in facts
    assert "test" in facts

    # Swipe to the super-resolved NDVI.
    page.get_by_role("tab", name="Look").click()
    page.locator("input[name=sensor-right][value=sr]").check(force=True)
    page.get_by_label("Picture right of the swipe").select_option("ndvi")
    page.get_by_role("slider", name="Swipe").press("Home")
    page.wait_for_function("() => worldstrat.over.getSource('picture')?.tiles?.[0].includes('/sr/tiles')")
    visit.wait_until_drawn()

    # Read its value at a point.
    west, south, east, north = page.evaluate("worldstrat.over.getSource('picture').bounds")
    visit.click_at((west + 2 * east) / 3, (south + north) / 2)
    value = page.locator(".value[data-layer='sr.ndvi'] dd")
    value.wait_for()
    read = float(value.inner_text())
    assert -1 <= read <= 1

    # Copy the script of exactly this, and run it as it stands.
    page.get_by_role("tab", name="Take away").click()
    page.get_by_role("button", name="Copy: Python for Super-resolved, NDVI").click()
    script = page.evaluate("navigator.clipboard.readText()")
    assert float(run(script, tmp_path).strip().splitlines()[-1]) == pytest.approx(read, abs=6e-4)


@pytest.mark.parametrize("left", ["sentinel2.index-EVI", "spot.true-color", "sentinel2.scl"])
def test_scripts_of_other_pictures_run_as_they_stand(
    visitor: Visitor, places: list[dict[str, object]], tmp_path: Path, left: str
) -> None:
    page = visitor().go(f"#aoi={slug_of(places[0])}&left={left}&tab=take")
    block = page.locator(f".taken[data-layer='{left}'] pre").first
    block.wait_for()
    printed = run(block.inner_text(), tmp_path)
    assert "<xarray.Data" in printed
    assert "nan" not in printed.lower()


@pytest.mark.parametrize("words", ["", "&q=camp OR town"])
def test_the_script_of_a_selection_finds_what_the_filters_find(visitor: Visitor, tmp_path: Path, words: str) -> None:
    page = visitor().go(f"#source=UNHCR,Amnesty&clouds=100{words}")
    page.wait_for_selector("body:not(.counting)")
    page.locator(".selection summary").click()
    found = run(page.locator(".selection pre").inner_text(), tmp_path).splitlines()
    matched = int(found[0].split()[0])
    assert matched == len(found) - 1 > 0
    assert f"· {matched} image" in page.locator(".status").inner_text()
    assert all(line.startswith(("UNHCR", "Amnesty")) for line in found[1:])
