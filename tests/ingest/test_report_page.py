"""The HTML page of a report, read by an HTML parser and shown by a browser."""

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from playwright.sync_api import Page, sync_playwright

from catalog.constants import COLLECTIONS
from catalog.metadata import Problem
from ingest.report import Report
from ingest.report_page import render_page
from ingest.report_query import RunLine

EVIL = "<script>alert(1)</script> & \"quotes\" 'n' {{ 7 * 7 }}"
STARTED = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
COUNTS = {"aois": 3, "skipped": 1, "failures": 3, "items": dict.fromkeys(COLLECTIONS, 2)}
RUNS = [
    RunLine(2, "partial", STARTED, 3725.0, ["/data/ws"], "0.1.0, format 2", COUNTS, None),
    RunLine(1, "lost", STARTED, None, [EVIL], "0.1.0, format 2", {}, EVIL),
]


def report() -> Report:
    failures = [
        Problem("Landcover-10", "lr_dataset/a.tiff", "the file is empty"),
        Problem("Landcover-9", "lr_dataset/b.tiff", "it has 11 bands, L2A_data has 12"),
        Problem(EVIL, EVIL, EVIL),
    ]
    notes = [Problem(f"aoi-{n}", "metadata.csv", "rows without files") for n in range(40)] + [Problem("B", "", EVIL)]
    return Report(run=2, status="partial", started=STARTED, seconds=65.2, failures=failures, notes=notes)


class Tags(HTMLParser):
    """Counts tags and collects addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "action"}]


def test_what_files_and_names_say_is_text_and_never_markup() -> None:
    page = render_page(RUNS, report())
    parsed = Tags()
    parsed.feed(page)
    assert parsed.tags.count("script") == 1
    assert "alert(1)" in page
    assert "{{ 7 * 7 }}" in page


def test_the_page_names_no_address_at_all() -> None:
    page = render_page(RUNS, report())
    parsed = Tags()
    parsed.feed(page)
    assert parsed.addresses == []
    assert re.findall(r"url\(|@import|https?:", page) == []


def test_a_catalog_without_runs_has_a_page_too() -> None:
    assert "No run yet." in render_page([], None)


def test_a_run_that_did_not_end_has_a_page_without_sums() -> None:
    page = render_page(RUNS[1:], Report(run=1, status="lost", started=STARTED, error="boom"))
    assert "boom" in page
    assert "No file was refused." in page


@pytest.fixture(scope="module")
def browser_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page in Chromium."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(render_page(RUNS, report()), "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto(file.as_uri())
        yield page
        browser.close()


def _chromium() -> str:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs a chromium on PATH (Debian: apt-get install chromium)")
    return path


def cells(page: Page) -> list[str]:
    return [row.inner_text().split("\t")[0] for row in page.locator("#refused tbody tr:visible").all()]


def test_failures_are_filtered_and_sorted_as_a_person_counts(browser_page: Page) -> None:
    browser_page.click("#refused button >> nth=0")
    names = cells(browser_page)
    assert names.index("Landcover-9") < names.index("Landcover-10")
    browser_page.fill("#filter", "bands 11")
    assert cells(browser_page) == ["Landcover-9"]
    assert browser_page.inner_text("#count") == "1 of 3"
    browser_page.fill("#filter", "")
    assert len(cells(browser_page)) == 3


def test_a_narrow_screen_scrolls_tables_and_not_the_page(browser_page: Page) -> None:
    assert browser_page.evaluate("document.documentElement.scrollWidth") == 390
