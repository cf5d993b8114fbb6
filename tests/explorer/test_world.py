"""The world as people meet it: all places on a map, found and filtered with a mouse or a keyboard."""

from typing import Any

import httpx

from tests.explorer.browsing import DESKTOP, DRAWN, Visit, Visitor

SHOWN = """() => {
  const counts = new Map();
  for (const { properties } of worldstrat.map.querySourceFeatures('places'))
    counts.set(properties.cluster_id ?? properties.slug, properties.point_count ?? 1);
  return [...counts.values()].reduce((a, b) => a + b, 0);
}"""


def count_of(visit: Visit, facet: str, key: str) -> int:
    row = visit.page.locator(f"label:has(input[name={facet}][value='{key}'])")
    return int(row.locator(".count").inner_text().replace(",", ""))


def test_the_map_and_the_filters_count_all_places_of_the_catalog(
    visitor: Visitor, places: list[dict[str, Any]]
) -> None:
    visit = visitor()
    page = visit.go()
    page.wait_for_function(DRAWN)

    assert page.evaluate(SHOWN) == len(places)
    for facet in ("source", "ipcc", "split"):
        keys = {item["properties"][f"worldstrat:{facet}"] or "null" for item in places}
        assert sum(count_of(visit, facet, key) for key in keys) == len(places)
    assert page.locator(".status").inner_text().startswith(f"{len(places)} places")


def test_a_filter_narrows_map_and_counts_and_is_in_the_address(
    visitor: Visitor, places: list[dict[str, Any]], live_server: str
) -> None:
    visit = visitor()
    page = visit.go()
    camps = [item for item in places if item["properties"]["worldstrat:source"] == "UNHCR"]

    page.locator("input[name=source][value=UNHCR]").check()
    visit.wait_until_counted(len(camps))
    page.wait_for_function(f"() => ({SHOWN})() === {len(camps)}")

    assert "source=UNHCR" in page.url
    # What choosing another source would add is still told; other classes are those of the chosen places.
    assert count_of(visit, "source", "Landcover") > 0
    assert count_of(visit, "ipcc", camps[0]["properties"]["worldstrat:ipcc"]) == 1
    images = httpx.get(
        f"{live_server}/stac/search",
        params={"collections": "worldstrat-sentinel-2-l2a", "filter": "\"worldstrat:source\" = 'UNHCR'", "limit": 1},
    ).json()["numberMatched"]
    assert f"{images} images" in page.locator(".status").inner_text()

    page.go_back()
    visit.wait_until_counted(len(places))
    assert not page.locator("input[name=source][value=UNHCR]").is_checked()


def test_a_shared_address_brings_the_same_filters(visitor: Visitor, places: list[dict[str, Any]]) -> None:
    visit = visitor()
    page = visit.go("#clouds=100&delta=400&q=mine&color=ipcc&at=-60,-3,3.5")
    mines = [item for item in places if item["properties"]["worldstrat:source"] == "ASMSpotter"]
    visit.wait_until_counted(len(mines))

    assert page.get_by_role("combobox").input_value() == "mine"
    assert page.locator("[data-scheme=ipcc]").get_attribute("aria-pressed") == "true"
    assert page.evaluate("worldstrat.map.getZoom()") == 3.5
    assert page.locator(".facets .note").inner_text() == "Numbers are matching images"


def test_conditions_on_revisits_are_those_of_the_catalog(
    visitor: Visitor, places: list[dict[str, Any]], live_server: str
) -> None:
    visit = visitor()
    page = visit.go("#from=2017-06-01&to=2019-12-31&clouds=40")
    found = httpx.get(
        f"{live_server}/stac/search",
        params={
            "collections": "worldstrat-sentinel-2-l2a",
            "filter": '"worldstrat:cloud_cover" <= 40',
            "datetime": "2017-06-01T00:00:00Z/2019-12-31T23:59:59Z",
            "limit": 1000,
        },
    ).json()["features"]
    wanted = {item["properties"]["worldstrat:aoi"] for item in found}
    assert 0 < len(found) < 2 * len(places)
    visit.wait_until_counted(len(wanted))
    assert f"{len(found)} image" in page.locator(".status").inner_text()


def test_a_place_is_found_and_left_by_keyboard(visitor: Visitor, places: list[dict[str, Any]]) -> None:
    page = visitor().go()
    place = places[-1]["properties"]["worldstrat:aoi"]

    page.get_by_role("combobox").focus()
    page.keyboard.type(place)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#timeline .revisit input")
    assert page.locator("#panel h2").inner_text() == place

    page.keyboard.press("Escape")
    page.wait_for_selector("#panel", state="hidden")
    assert "aoi=" not in page.url


def test_a_click_on_a_place_opens_it_and_back_leaves_it(visitor: Visitor, places: list[dict[str, Any]]) -> None:
    visit = visitor()
    page = visit.go()
    west, south, east, north = places[0]["bbox"]
    page.evaluate("(center) => worldstrat.map.jumpTo({ center, zoom: 12 })", [(west + east) / 2, (south + north) / 2])
    page.wait_for_function(DRAWN)

    page.mouse.click(DESKTOP["width"] / 2, DESKTOP["height"] / 2)
    visit.wait_until_drawn()
    assert page.locator("#panel h2").inner_text() == places[0]["properties"]["worldstrat:aoi"]

    page.go_back()
    page.wait_for_selector("#panel", state="hidden")


def test_charts_and_their_tables_say_what_the_catalog_counts(visitor: Visitor, places: list[dict[str, Any]]) -> None:
    page = visitor().go()
    page.get_by_role("button", name="Charts").click()
    table = page.locator(".tile", has_text="Places by source").locator("table")
    table.wait_for()

    names, counts = (table.locator(selector).all_inner_texts() for selector in ("tbody th", "td.number:not(.share)"))
    rows = dict(zip(names, counts, strict=True))
    assert {name.split("\n")[0]: int(count) for name, count in rows.items()} == {
        source: sum(item["properties"]["worldstrat:source"] == source for item in places)
        for source in ("ASMSpotter", "Amnesty", "Landcover", "UNHCR")
    }
    years = page.locator(".tile", has_text="Images by year")
    years.locator("summary").click()
    assert sum(map(int, years.locator("td").all_inner_texts())) == 2 * len(places)

    page.keyboard.press("Escape")
    page.wait_for_selector("#charts", state="hidden")
    assert page.evaluate("document.activeElement.id") == "open-charts"


def test_a_server_that_fails_is_said_to_and_asked_again_on_demand(visitor: Visitor) -> None:
    visit = visitor()
    visit.page.route("**/stac/search?*", lambda route: route.fulfill(status=503, body="{}"))
    visit.page.goto(visit.home)
    notice = visit.page.get_by_role("alert")
    notice.get_by_text("The places could not be loaded.").wait_for()
    assert "503" in notice.inner_text()
    visit.complaints.clear()  # the browser's own word on the 503

    visit.page.unroute("**/stac/search?*")
    notice.get_by_role("button", name="Try again").click()
    visit.page.wait_for_selector("body[data-places]:not(.loading)")
    assert notice.is_hidden()


def test_an_empty_catalog_says_how_to_fill_it(visitor: Visitor) -> None:
    visit = visitor()
    empty = {"type": "FeatureCollection", "features": [], "links": []}
    visit.page.route("**/stac/search?*", lambda route: route.fulfill(json=empty))

    page = visit.go()

    page.get_by_role("alert").get_by_text("worldstrat ingest").wait_for()
