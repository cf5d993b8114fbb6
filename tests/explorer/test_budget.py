"""What the first look costs: bytes, requests, time; and what the page may not do."""

import re

import httpx

from tests.explorer.browsing import DRAWN, Visitor

RESOURCES = """() => performance.getEntriesByType('resource')
  .map(({ name, encodedBodySize, decodedBodySize }) => [new URL(name).pathname, encodedBodySize, decodedBodySize])"""
KILOBYTE = 1024


def test_the_first_look_is_small_and_early(visitor: Visitor) -> None:
    visit = visitor()
    page = visit.go()
    page.wait_for_function(DRAWN)
    resources = page.evaluate(RESOURCES)
    words = [size for path, size, _ in resources if re.search(r"/app/(index|theme)-", path)]
    scripts = [size for path, size, _ in resources if path.endswith((".js", ".mjs", ".css"))]

    # Words, filters and counts come with a few small files; the map, by far the largest part, comes after them.
    assert 0 < sum(words) < 24 * KILOBYTE
    assert sum(scripts) < 560 * KILOBYTE
    assert sum(size for _, size, _ in resources) < 640 * KILOBYTE
    assert len(visit.requests) <= 20
    assert not [path for path, *_ in resources if "50m" in path or "/visit-" in path or "/charts-" in path]
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert paint < 2000


def test_the_page_obeys_a_strict_policy(visitor: Visitor, live_server: str) -> None:
    markup = httpx.get(live_server, headers={"Accept": "text/html"}).text
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', markup)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].replace("&#39;", "'").split(";"))
    assert rules["script-src"] == "'self'"
    assert rules["connect-src"] == "'self'"
    assert "<script>" not in markup
    visit = visitor()
    page = visit.go()
    # Even a page that wanted to could not ask another host.
    assert page.evaluate("() => fetch('https://example.org/').then(() => false, () => true)")
    assert any("Content Security Policy" in complaint for complaint in visit.complaints)
    visit.complaints.clear()
    visit.requests = [url for url in visit.requests if "example.org" not in url]
