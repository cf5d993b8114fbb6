"""HTTP ranges and conditions (RFC 9110), as far as one range of one object goes."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

FARTHEST = 2**53
"""No object is as long (8 PiB): a position beyond it is as good as this one, which every store can count to."""

_RANGE = re.compile(r"^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$", re.IGNORECASE | re.ASCII)
_LONGEST_HEADER = 200


@dataclass(frozen=True)
class ByteRange:
    """A range as a client asks it, before the size is known."""

    start: int | None
    """First byte; None for a suffix."""
    end: int | None
    """Last byte, included; for a suffix the count of last bytes; None for "to the end"."""

    def is_within(self, size: int) -> bool:
        """Tell whether an object of `size` bytes has at least one byte of the range."""
        if self.start is None:
            return size > 0 and self.end != 0
        return self.start < size

    def option(self) -> tuple[int, int] | dict[str, int]:
        """Return the range as obstore takes it: its ends are exclusive."""
        if self.start is None:
            return {"suffix": self.end or 0}
        return {"offset": self.start} if self.end is None else (self.start, self.end + 1)


def parse_range(header: str | None) -> ByteRange | None:
    """Return the one range a `Range` header asks for; None asks for everything.

    What is malformed, absurdly long, in another unit or of several ranges is ignored, as RFC 9110 lets a server do.
    """
    match = _RANGE.match(header) if header and len(header) <= _LONGEST_HEADER else None
    if match is None:
        return None
    first, last = (int(digits) if digits else None for digits in match.groups())
    if first is None and last is None:
        return None
    if first is not None and last is not None and last < first:
        return None
    return ByteRange(_within_reach(first), _within_reach(last))


def http_date(moment: datetime) -> str:
    """Return a moment as HTTP writes it."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def strong_etag(etag: str | None) -> str | None:
    """Return an entity tag in its quotes, which some stores leave out."""
    if not etag:
        return None
    return etag if etag.endswith('"') else f'"{etag}"'


def is_not_modified(etag: str | None, modified: datetime, if_none_match: str | None, if_since: str | None) -> bool:
    """Tell whether the client's copy is still good; `If-None-Match` wins over `If-Modified-Since`."""
    if if_none_match is not None:
        tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
        return "*" in tags or (etag is not None and etag.removeprefix("W/") in tags)
    since = _parse_date(if_since)
    return since is not None and modified.replace(microsecond=0) <= since


def range_still_applies(etag: str | None, modified: datetime, if_range: str | None) -> bool:
    """Tell whether a range may be sent: the object is the one that `If-Range` names, by strong comparison."""
    if if_range is None:
        return True
    if if_range.startswith(('"', "W/")):
        return etag is not None and not etag.startswith("W/") and if_range.strip() == etag
    return _parse_date(if_range) == modified.replace(microsecond=0)


def _within_reach(position: int | None) -> int | None:
    return None if position is None else min(position, FARTHEST)


def _parse_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
        return None if moment is None else _in_utc(moment)
    except (ValueError, OverflowError):
        # OverflowError: a zone or a year that no date of Python's can have.
        return None


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
