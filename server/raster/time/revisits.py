"""Which dates of a place are meant: the query parameters that all answers about time share."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator
from titiler.core.dependencies import DefaultDependency

from server.raster.errors import NoRevisitError
from server.raster.time.aoi import AoiRecord, Revisit

MAX_DATES = 64
"""Most dates of an answer."""
DEFAULT_DATES = 16
"""Dates of an answer unless told otherwise: as many as WorldStrat has."""
_DAY = len("2019-12-31")

Interval = tuple[datetime | None, datetime | None]


def parse_interval(text: str) -> Interval:
    """Read a moment, a day, or two of them with a slash between; `..` is an open end.

    Raises:
        ValueError: it is none, or ends before it begins.
    """
    start, slash, end = text.partition("/")
    first, last = _moment(start, time.min), _moment(end if slash else start, time.max)
    if first and last and first > last:
        raise ValueError(f"{text!r} ends before it begins")
    return first, last


def _moment(text: str, of_day: time) -> datetime | None:
    if text in {"", ".."}:
        return None
    try:
        if len(text) == _DAY:
            return datetime.combine(date.fromisoformat(text), of_day, UTC)
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is no date, such as 2019-07-01 or 2019-07-01T00:00:00Z") from error


def _checked(text: str | None) -> str | None:
    if text:
        parse_interval(text)
    return text


@dataclass
class RevisitsParams(DefaultDependency):
    """Which dates."""

    datetime: Annotated[
        str | None,
        AfterValidator(_checked),
        Query(
            max_length=100,
            description="Days or moments between which dates lie, as `2019-01-01/2019-12-31`, `2019-06-01/..` or one.",
            openapi_examples={"any": {"value": None}, "a summer": {"value": "2019-06-01/2019-08-31"}},
        ),
    ] = None
    max_cloud: Annotated[
        float | None,
        Query(
            ge=0,
            le=100,
            description="Most clouds in per cent: of the place where it has a cloud mask, else of the whole product. "
            "Dates that say neither are left out.",
        ),
    ] = None
    max_delta: Annotated[
        int | None,
        Query(ge=0, le=10_000, description="Most days from the SPOT image, before or after; unknown is left out."),
    ] = None
    limit: Annotated[
        int,
        Query(ge=1, le=MAX_DATES, description="Most dates: the best by the dataset's own rank, then put in order."),
    ] = DEFAULT_DATES

    def choose(self, aoi: AoiRecord) -> tuple[Revisit, ...]:
        """Return the dates of a place that are meant, the best first.

        Raises:
            NoRevisitError: there is none.
        """
        interval = parse_interval(self.datetime or "..")
        chosen = [revisit for revisit in aoi.revisits if self._takes(revisit, interval)]
        if not chosen:
            days = sorted(f"{revisit.datetime:%Y-%m-%d}" for revisit in aoi.revisits)
            clearest = min((each.clouds for each in aoi.revisits if each.clouds is not None), default=None)
            raise NoRevisitError(
                f"No date of {aoi.name!r} in {aoi.collection!r} is as asked: it has {len(days)} from {days[0]} to "
                f"{days[-1]}, the clearest with {'unknown' if clearest is None else f'{clearest:g} %'} clouds."
            )
        return tuple(chosen[: self.limit])

    def _takes(self, revisit: Revisit, interval: Interval) -> bool:
        first, last = interval
        return (
            (first is None or revisit.datetime >= first)
            and (last is None or revisit.datetime <= last)
            and (self.max_cloud is None or (revisit.clouds is not None and revisit.clouds <= self.max_cloud))
            and (self.max_delta is None or (revisit.delta is not None and abs(revisit.delta) <= self.max_delta))
        )


def in_order(revisits: tuple[Revisit, ...]) -> tuple[Revisit, ...]:
    """Return dates from the earliest to the latest."""
    return tuple(sorted(revisits, key=lambda revisit: (revisit.datetime, revisit.item.id)))
