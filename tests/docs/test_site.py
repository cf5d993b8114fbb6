"""The documentation as a site: it is built strictly, whole, and asks no other host for anything."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from infra.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "srcset", "link": "href", "object": "data"}
"""What a browser fetches by itself; `a` is for the reader to follow."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nA new page needs a line in the `nav` of mkdocs.yml."
    return folder


class Fetches(HTMLParser):
    """Addresses that a page has its browser fetch."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(FETCHED.get(tag, ""))
        if address:
            self.found.append(address)


def test_every_page_of_the_folder_is_in_the_site_and_in_the_navigation(site: Path) -> None:
    pages = [path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")]
    navigation = (site / "index.html").read_text("utf-8")

    assert len(pages) > 30
    assert [page for page in pages if not (site / page).is_file()] == []
    assert [page for page in pages if f'href="{page.as_posix()}"' not in navigation and page.name != "index.html"] == []


def test_what_pages_fetch_lies_in_the_site(site: Path) -> None:
    for page in site.rglob("*.html"):
        for address in Fetches(page).found:
            assert "//" not in address, f"{page.name}: {address}"
            if not address.startswith("data:"):
                base = site if address.startswith("/") else page.parent
                assert (base / re.split(r"[?#]", address.lstrip("/"))[0]).exists(), f"{page.name}: {address}"
        # The theme would fetch these from elsewhere.
        assert not re.search(r'class="(mermaid|arithmatex)"', page.read_text("utf-8")), page.name


def test_styles_fetch_nothing_from_elsewhere(site: Path) -> None:
    styles = list(site.rglob("*.css"))
    assert styles
    for style in styles:
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text("utf-8")), style.name


def test_the_reference_has_every_command_setting_and_module(site: Path) -> None:
    commands, settings, client = (
        (site / f"reference/{name}.html").read_text("utf-8") for name in ("commands", "settings", "client")
    )

    headings = set(re.findall(r'<h2 id="([\w-]+)"', commands))
    assert {f"worldstrat-{name}" for name in COMMANDS} <= headings
    assert {"worldstrat-models-add", "worldstrat-aois-sample"} <= headings
    assert "--max-revisit" in commands
    assert "Each file is checked against the checksum of its item." in commands
    for variable in ("PGHOST", "WORLDSTRAT_STORE", "WORLDSTRAT_MAX_LIMIT", "WORLDSTRAT_SR_QUEUE"):
        assert f"<code>{variable}</code>" in settings
    assert 'id="client.query.Query.max_cloud"' in client


@pytest.fixture
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("needs a chromium on PATH (Debian: apt-get install chromium)")
    return found


def test_the_site_is_searched_in_a_folder_without_any_server(site: Path, chromium: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))

        page.goto((site / "index.html").as_uri())
        page.click("input.md-search__input")
        page.keyboard.type("hallucination")
        result = page.locator(".md-search-result__link").first
        result.wait_for(timeout=20_000)

        assert "concepts" in " ".join(
            page.locator(".md-search-result__link").evaluate_all("all => all.map(a => a.href)")
        )
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))] == []
        browser.close()
