"""Who cannot see the map, or sees it in the dark: axe finds nothing serious in any view."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.explorer.browsing import PHONE, Visitor, slug_of


def serious(page: Page) -> list[str]:
    """Return what axe finds that is serious or critical."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for each in violations
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visitor: Visitor, places: list[dict[str, Any]], scheme: str) -> None:
    # The policy of the page forbids scripts in it, axe's too.
    visit = visitor(color_scheme=scheme, bypass_csp=True)
    page = visit.go("#source=UNHCR&q=camp")
    assert serious(page) == []

    page.get_by_role("combobox").fill("e")
    page.wait_for_selector("#found:not([hidden])")
    assert serious(page) == []
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Charts").click()
    page.wait_for_selector(".tile svg")
    assert serious(page) == []
    page.keyboard.press("Escape")

    page.evaluate(f"location.hash = '#aoi={slug_of(places[0])}&left=sr.ndvi'")
    visit.wait_until_drawn()
    for tab in ("Measure", "About", "Take away", "Look"):
        page.get_by_role("tab", name=tab).click()
        if tab == "Measure":
            page.wait_for_selector(".chart svg")
        assert serious(page) == []


def test_axe_finds_nothing_serious_on_a_phone(visitor: Visitor, places: list[dict[str, Any]]) -> None:
    visit = visitor(PHONE, bypass_csp=True)
    page = visit.go()
    page.get_by_role("button", name="Filters").click()
    assert serious(page) == []
    page.evaluate(f"location.hash = '#aoi={slug_of(places[0])}&tab=about'")
    visit.wait_until_drawn()
    assert serious(page) == []


def test_every_control_of_a_place_is_reached_by_the_tabulator(visitor: Visitor, places: list[dict[str, Any]]) -> None:
    visit = visitor()
    page = visit.go(f"#aoi={slug_of(places[0])}")
    visit.wait_until_drawn()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "() => { const e = document.activeElement;"
                "return e.getAttribute('aria-label') ?? e.name ?? e.textContent.trim(); }"
            )
        )
    assert {"Swipe", "revisit", "sensor-left", "overlay", "Picture left of the swipe", "Back to the world"} <= reached
