"""The page about costs says what is computed, of numbers that the other pages hold."""

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from infra import sizing
from infra.sizing import LARGE, SMALL, Measured

DOCS = Path(__file__).parents[2] / "docs"
MEASURED = Measured()


def row(page: str, start: str) -> list[float]:
    """Return the numbers of the table row of a page that begins so."""
    (line,) = [line for line in (DOCS / page).read_text().splitlines() if line.startswith(start)]
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*", line.removeprefix(start))]


def test_the_page_holds_the_table_that_is_computed() -> None:
    assert sizing.table() in (DOCS / "sizing.md").read_text()


def test_each_input_is_near_the_number_of_its_page() -> None:
    # Benchmarks are run again and again, on busier machines too: costs are told to half of what they are.
    tile = row("benchmarks.md", "| SPOT, native zoom, PNG | titiler-pgstac |")[0] / 1000
    search = row("benchmarks-search.md", "| limit 10, new | 130,007 |")
    ingest = row("benchmarks-ingest.md", "| `worldstrat ingest` |")[4] / 1000
    assert tile == pytest.approx(MEASURED.tile_cpu, rel=0.5)
    assert search[0] / 1000 == pytest.approx(MEASURED.search_cpu, rel=0.5)
    assert search[1] / 1000 == pytest.approx(MEASURED.search_sql, rel=0.5)
    assert ingest == pytest.approx(MEASURED.ingest_cpu, rel=0.5)
    assert f"{MEASURED.item_kb} kB an item" in (DOCS / "ingest-scale.md").read_text()


def test_costs_follow_from_the_inputs_by_hand() -> None:
    small = sizing.monthly(SMALL)
    assert small["S3, objects"] == pytest.approx(4_000 * 23.598 / 1000 * 0.023, rel=1e-3)
    assert small["Fargate"] == pytest.approx(2 * 730 * (0.04048 + 3 * 0.004445))
    assert small["CloudFront"] == 0  # below what is free
    large = sizing.monthly(LARGE)
    terabyte = 1024
    sent = (500e6 * 63.1 + 50e6 * 146) / 1e6 + 50_000 - terabyte
    expected = 10_240 * 0.085 + 40_960 * 0.08 + (sent - 51_200) * 0.06 + 540e6 * 1e-6
    assert large["CloudFront"] == pytest.approx(expected)
    assert sizing.tasks(LARGE) == math.ceil(5 * (250e6 * 0.00431 + 50e6 * 0.0072) / (730 * 3600) / 0.6)


def test_more_of_anything_never_costs_less() -> None:
    for name in ("aois", "tiles", "searches", "downloads_gb"):
        more = replace(SMALL, **{name: getattr(SMALL, name) * 1000})
        assert sum(sizing.monthly(more).values()) > sum(sizing.monthly(SMALL).values()), name
