"""A place as people look at it: two pictures under one swipe, revisits, measurements, on a screen or a phone."""

from typing import Any

import numpy as np

from tests.explorer.browsing import PHONE, Visitor, assert_imagery, slug_of

Items = list[dict[str, Any]]


def test_the_swipe_parts_two_pictures(visitor: Visitor, places: Items) -> None:
    visit = visitor()
    page = visit.go(f"#aoi={slug_of(places[0])}&left=sentinel2.true-color&right=sentinel2.ndvi&swipe=0")
    visit.wait_until_drawn()
    bbox = places[0]["bbox"]
    ndvi = visit.pixels_within(bbox).astype(int)

    handle = page.get_by_role("slider", name="Swipe")
    handle.press("End")
    true_color = visit.pixels_within(bbox)
    assert handle.get_attribute("aria-valuenow") == "100"
    assert "swipe=100" in page.url
    assert_imagery(true_color)
    assert np.abs(ndvi - true_color).mean() > 20

    x = page.evaluate("(at) => worldstrat.map.project(at).x", [(bbox[0] + bbox[2]) / 2, bbox[1]])
    box = handle.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(x, box["y"] + 20, steps=3)
    page.mouse.up()
    both = visit.pixels_within(bbox).astype(int)
    half = both.shape[1] // 2
    # Away from the handle: left of it true colour, right of it NDVI.
    assert np.abs(both[:, 20 : half - 60] - true_color[:, 20 : half - 60]).mean() < 6
    assert np.abs(both[:, half + 60 : -20] - ndvi[:, half + 60 : -20]).mean() < 6


def test_another_revisit_and_another_picture_change_map_and_address(visitor: Visitor, places: Items) -> None:
    visit = visitor()
    slug = slug_of(places[0])
    page = visit.go(f"#aoi={slug}&revisit=2&left=sentinel2.true-color&swipe=100")
    visit.wait_until_drawn()
    true_color = visit.pixels_within(places[0]["bbox"])
    assert page.locator("input[name=revisit]:checked").get_attribute("value") == "2"

    page.locator("input[name=revisit][value='1']").check(force=True)
    page.get_by_label("Picture left of the swipe").select_option("index-EVI")
    page.wait_for_function(f"() => worldstrat.map.getSource('picture')?.tiles?.[0].includes('{slug}_L2A_01/tiles')")
    page.wait_for_function("() => worldstrat.map.getSource('picture')?.tiles?.[0].includes('index=EVI')")
    visit.wait_until_drawn()

    assert "revisit=" not in page.url  # the best one is what an address means that names none
    assert "left=sentinel2.index-EVI" in page.url
    evi = visit.pixels_within(places[0]["bbox"])
    assert np.abs(evi.astype(int) - true_color).mean() > 20
    assert page.locator(".key .ramp").count() == 1


def test_what_super_resolution_makes_is_called_synthetic(visitor: Visitor, places: Items) -> None:
    visit = visitor()
    page = visit.go(f"#aoi={slug_of(places[0])}&left=spot.true-color&right=spot.true-color")
    visit.wait_until_drawn()
    assert page.locator(".synthetic-mark, .synthetic-note:visible").count() == 0

    page.locator("input[name=sensor-right][value=sr]").check(force=True)
    page.wait_for_selector(".side.right .synthetic-mark")
    assert page.locator(".synthetic-note:visible").count() == 1
    for picture in ("difference", "uncertainty"):
        page.get_by_label("Picture right of the swipe").select_option(picture)
        page.wait_for_function(f"() => worldstrat.over.getSource('picture')?.tiles?.[0].includes('{picture}')")
        visit.wait_until_drawn()
        assert page.locator(".side.right .synthetic-mark").is_visible()


def test_clouds_and_scene_classes_lie_over_both_sides(visitor: Visitor, places: Items) -> None:
    visit = visitor()
    page = visit.go(f"#aoi={slug_of(places[0])}&overlay=scl")
    visit.wait_until_drawn()
    veil = "() => [worldstrat.map, worldstrat.over].map((map) => map.getSource('veil')?.tiles?.[0] ?? '')"
    assert all("render=scl" in tiles for tiles in page.evaluate(veil))

    page.locator("input[name=overlay][value=clouds]").check(force=True)
    page.wait_for_function(f"() => ({veil})().every((tiles) => tiles.includes('bands=clm'))")
    visit.wait_until_drawn()


def test_a_polygon_is_drawn_and_measured(visitor: Visitor, places: Items) -> None:
    visit = visitor()
    page = visit.go(f"#aoi={slug_of(places[0])}&tab=measure&left=sentinel2.ndvi&swipe=100")
    visit.wait_until_drawn()
    west, south, east, north = places[0]["bbox"]
    lon, lat = (west + east) / 2, (south + north) / 2

    page.get_by_role("button", name="Draw a polygon").click()
    for dx, dy in ((-0.003, -0.002), (0.002, -0.002), (0.001, 0.003)):
        visit.click_at(lon + dx, lat + dy)
    page.keyboard.press("Enter")

    page.get_by_text("A polygon of 3 corners.").wait_for()
    page.wait_for_selector(".measure:not(:has([aria-busy]))")
    assert page.locator(".series svg circle").count() == 2  # one for each revisit
    table = page.locator(".chart", has_text="Sentinel-2, NDVI").locator("td")
    assert sum(int(text.replace(",", "")) for text in table.all_text_contents()) > 100
    assert "shape=" in page.url


def test_a_phone_needs_no_horizontal_scrolling(visitor: Visitor, places: Items) -> None:
    visit = visitor(PHONE)
    page = visit.go(f"#aoi={slug_of(places[0])}")
    visit.wait_until_drawn()

    for tab in ("Look", "Measure", "About", "Take away"):
        page.get_by_role("tab", name=tab).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        outside = page.evaluate(
            "(width) => [...document.querySelectorAll('#panel, #panel *, .side')]"
            ".filter((element) => !element.closest('pre') && element.getBoundingClientRect().right > width + 1)"
            ".map((element) => element.outerHTML.slice(0, 200))",
            PHONE["width"],
        )
        assert outside == []
    assert_imagery(visit.pixels_within(places[0]["bbox"]))


def test_the_page_works_behind_a_prefix(visitor: Visitor, proxy: str, places: Items) -> None:
    visit = visitor(home=proxy)
    page = visit.go(f"#aoi={slug_of(places[0])}&tab=take")
    visit.wait_until_drawn()

    assert_imagery(visit.pixels_within(places[0]["bbox"]))
    assert page.get_by_label("Tiles (XYZ)", exact=True).first.input_value().startswith(f"{proxy}/raster/")
    assert f'"{proxy}/stac"' in page.locator(".taken pre").first.inner_text()


def test_a_place_that_is_not_there_is_said_so(visitor: Visitor) -> None:
    visit = visitor()
    page = visit.go("#aoi=Atlantis-1")
    page.get_by_role("alert").get_by_text("There is no place called Atlantis-1").wait_for()
    visit.complaints.clear()  # the browser's own word on the 404
