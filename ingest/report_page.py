"""Runs as one HTML page that asks no other host for anything."""

from collections.abc import Sequence
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from catalog.constants import COLLECTIONS
from ingest.report import Report
from ingest.report_groups import grouped
from ingest.report_query import RunLine

_TEMPLATE: Final = "report.html.j2"
_MEGABYTE: Final = 1e6


def render_page(runs: Sequence[RunLine], report: Report | None) -> str:
    """Return the page: the list of runs, and one of them with its failures and notes."""
    environment = Environment(
        loader=PackageLoader("ingest", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "megabytes": _megabytes, "span": _span}
    return environment.get_template(_TEMPLATE).render(
        runs=runs, report=report, collections=COLLECTIONS, notes=grouped(report.notes) if report else ()
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,}"


def _megabytes(value: int | None) -> str:
    return "-" if value is None else f"{value / _MEGABYTE:,.1f} MB"


def _span(seconds: float | None) -> str:
    """Return a duration as a person says it."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02.0f} s" if minutes else f"{rest:.1f} s"
