"""Every command, program and address that a page shows is run as it stands, or the reason why not is listed."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pytest

from catalog.settings import load_database
from tests.docs.blocks import LANGUAGES, PAGES, ROOT, Block, blocks_of
from tests.docs.conftest import Machine

ELSEWHERE = {
    "README.md": {"python": "tests/test_readme.py", "addresses": "tests/test_readme.py"},
    "docs/clients.md": dict.fromkeys(("python", "shell", "addresses"), "tests/clients/test_examples.py"),
    "docs/compare.md": {"addresses": "tests/server/raster/test_pages.py"},
    "docs/indices.md": {"addresses": "tests/server/raster/test_pages.py"},
    "docs/samples.md": {"python": "tests/client/test_samples_docs.py"},
    "docs/search.md": {"addresses": "tests/server/stac/test_search_docs.py"},
    "docs/time.md": {
        "addresses": "tests/server/raster/time/test_docs.py",
        "python": "tests/server/raster/time/test_docs.py",
    },
}
"""Kinds of blocks of pages that a test of their own runs, and looks at more closely."""
REASONS = (
    "93 GB",
    "a bucket",
    "a cluster",
    "a GPU",
    "an outside host",
    "files of others",
    "interactive",
    "minutes",
    "operator",
)
"""What a reason of `<!-- not run: ... -->` must name."""
MOST_MARKED = 12
"""Blocks of all pages that may carry such a mark."""
FILLED = {"z": "15", "x": "26906", "y": "14221", "lon": "115.6", "lat": "23.1"}
"""Where an address leaves a place open: Landcover-8379."""
SLOW = (
    "docs/access.md",
    "docs/catalog-upkeep.md",
    "docs/ingest-integrity.md",
    "docs/ingest.md",
    "docs/operations.md",
)
"""Pages of many commands, each a process of its own: together more than a minute."""
_LAST = ("docs/operations.md",)
"""Pages that stop what others need."""


def in_order() -> list[Path]:
    return sorted(PAGES, key=lambda page: page.relative_to(ROOT).as_posix() in _LAST)


def run_elsewhere(block: Block) -> bool:
    return (block.kind or "") in ELSEWHERE.get(block.page, {})


def to_run(page: Path) -> list[Block]:
    """Return the blocks of a page of which something is run here."""
    found = [block for block in blocks_of(page) if not run_elsewhere(block) and block.kind != "text"]
    return [block for block in found if not block.mark and (block.kind != "shell" or runnable(block))]


def runnable(block: Block) -> list[str]:
    return [command for command in block.commands if block.excuse(command) is None]


def pages() -> Iterator[Any]:
    for page in in_order():
        name = page.relative_to(ROOT).as_posix()
        if to_run(page):
            yield pytest.param(page, id=name, marks=[pytest.mark.slow] if name in SLOW else [])


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", list(pages()))
def test_what_a_page_shows_works_in_its_order(page: Path, machine: Machine) -> None:
    here = replace(machine, folder=machine.folder / "pages" / re.sub(r"\W", "-", page.relative_to(ROOT).as_posix()))
    here.stand()
    for block in to_run(page):
        if not here.is_up():  # what came before has stopped it
            here.up()
        failure = run(block, here)
        assert failure == "", f"{block.where} does not work as it stands. {failure}"


def run(block: Block, machine: Machine) -> str:
    """Run a block; return what went wrong."""
    match block.kind:
        case "shell":
            return machine.shell(runnable(block))
        case "python":
            return machine.python(block.text)
        case "addresses":
            return "\n".join(filter(None, (ask(address, machine) for address in block.addresses)))
        case "sql":
            return query(block.text, machine)
    return "Nobody knows how to run this."


def ask(address: str, machine: Machine) -> str:
    filled = re.sub(r"\{(\w+)\}", lambda match: FILLED.get(match[1], match[0]), machine.at_home(address))
    asked = filled.removeprefix(machine.url)
    answer = httpx.get(machine.url + quote(asked, safe="/?&=:,()*%\"'"), timeout=60, follow_redirects=True)
    return "" if answer.is_success else f"{asked}: {answer.status_code} {answer.text[:300]}"


def query(text: str, machine: Machine) -> str:
    with psycopg.connect(load_database(machine.data).dsn) as connection:
        for statement in filter(str.strip, text.split(";")):
            connection.execute(statement.encode())
    return ""


def every_block() -> Iterator[Block]:
    for page in PAGES:
        yield from blocks_of(page)


def test_every_block_is_of_a_kind_that_is_known() -> None:
    unknown = [f"{block.where} ```{block.language}" for block in every_block() if block.kind is None]
    languages = ", ".join(LANGUAGES)
    assert unknown == [], f"Write behind the backticks what these are ({languages}); `text` where nothing is to be run."


def test_what_is_not_run_has_a_reason_on_a_short_list() -> None:
    marked = [block for block in every_block() if block.mark]
    assert [
        f"{block.where}: {block.mark}" for block in marked if not any(word in (block.mark or "") for word in REASONS)
    ] == []
    assert len(marked) <= MOST_MARKED, [block.where for block in marked]
    shown = [(block, command) for block in every_block() if block.kind == "shell" for command in block.commands]
    excused = Counter(reason for block, command in shown if (reason := block.excuse(command)))
    ours = [command for block, command in shown if command.startswith("worldstrat ") and block.excuse(command) is None]
    print(excused)  # noqa: T201 - whoever changes the list looks at it
    assert len(ours) > 30
    assert len(ours) > sum(command.startswith("worldstrat ") for _, command in shown) / 2


def test_the_tests_that_run_pages_elsewhere_speak_of_them() -> None:
    for page, tests in ELSEWHERE.items():
        shown = {block.kind for block in blocks_of(ROOT / page)}
        for kind, test in tests.items():
            assert kind in shown, f"{page} has no {kind}"
            assert Path(page).name in (ROOT / test).read_text("utf-8"), test
