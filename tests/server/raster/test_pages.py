"""docs/compare.md and docs/indices.md, word for word: every address in them is asked, every picture is there."""

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[3] / "docs"
PAGES = {name: (DOCS / name).read_text("utf-8") for name in ("compare.md", "indices.md")}
ADDRESSES = [address for page in PAGES.values() for address in re.findall(r"^/raster\S*$", page, re.MULTILINE)]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_answers(http: Any, address: str) -> None:
    answer = http.get(address.replace("+", "%2B"))
    assert answer.status_code == 200, answer.text
    assert answer.content


def test_the_pages_have_addresses_and_pictures() -> None:
    assert len(ADDRESSES) >= 20
    for page in PAGES.values():
        for name in re.findall(r"!\[.*?\]\((.*?)\)", page):
            assert (DOCS / name).stat().st_size < 200_000
