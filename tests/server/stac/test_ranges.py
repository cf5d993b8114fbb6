"""HTTP ranges and conditions."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from server.stac.ranges import (
    FARTHEST,
    ByteRange,
    http_date,
    is_not_modified,
    parse_range,
    range_still_applies,
    strong_etag,
)

MODIFIED = datetime(2026, 11, 22, 10, 30, 5, 700_000, UTC)
DATE = "Sun, 22 Nov 2026 10:30:05 GMT"
IMPOSSIBLE_DATES = (
    "Mon, 01 Jan 2020 00:00:00 +99999999999999999999",
    f"Mon, 01 Jan 2020 00:00:00 +{'9' * 5000}",
    "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
    "Mon, 01 Jan 0001 00:00:00 +2300",
)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-99", ByteRange(0, 99)),
        ("bytes=100-", ByteRange(100, None)),
        ("bytes=-50", ByteRange(None, 50)),
        ("Bytes = 1 - 2", ByteRange(1, 2)),
        ("bytes=99999999999999999999999-", ByteRange(FARTHEST, None)),
        ("bytes=0-9999999999999999999999", ByteRange(0, FARTHEST)),
        ("bytes=-99999999999999999999", ByteRange(None, FARTHEST)),
    ],
)
def test_one_range_is_understood(header: str, expected: ByteRange) -> None:
    assert parse_range(header) == expected


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes=", "bytes=-", "bytes=9-1", "bytes=0-1,5-6", "items=0-1", "bytes=a-b", f"bytes={'9' * 5000}-"],
)
def test_what_is_no_single_range_asks_for_everything(header: str | None) -> None:
    assert parse_range(header) is None


@pytest.mark.parametrize(
    ("asked", "size", "within"),
    [
        (ByteRange(0, None), 1, True),
        (ByteRange(1, None), 1, False),
        (ByteRange(0, 10), 0, False),
        (ByteRange(None, 5), 3, True),
        (ByteRange(None, 0), 3, False),
        (ByteRange(None, 5), 0, False),
    ],
)
def test_a_range_lies_within_an_object_or_not(asked: ByteRange, size: int, within: bool) -> None:  # noqa: FBT001
    assert asked.is_within(size) is within


def test_the_store_is_asked_with_exclusive_ends() -> None:
    assert ByteRange(0, 99).option() == (0, 100)
    assert ByteRange(7, None).option() == {"offset": 7}
    assert ByteRange(None, 8).option() == {"suffix": 8}


def test_dates_are_written_as_http_writes_them() -> None:
    assert http_date(MODIFIED) == DATE
    assert http_date(MODIFIED.astimezone(timezone(timedelta(hours=2)))) == DATE


def test_tags_get_the_quotes_that_a_store_left_out() -> None:
    assert strong_etag("abc") == '"abc"'
    assert strong_etag('"abc"') == '"abc"'
    assert strong_etag('W/"abc"') == 'W/"abc"'
    assert strong_etag(None) is None


def test_a_copy_with_the_same_tag_is_good() -> None:
    assert is_not_modified('"a"', MODIFIED, '"b", W/"a"', None)
    assert is_not_modified('"a"', MODIFIED, "*", None)
    assert not is_not_modified('"a"', MODIFIED, '"b"', None)


def test_the_tag_wins_over_the_date() -> None:
    assert not is_not_modified('"a"', MODIFIED, '"b"', DATE)
    assert is_not_modified('"a"', MODIFIED, None, DATE)


def test_dates_compare_by_the_second_and_nonsense_is_ignored() -> None:
    assert not is_not_modified('"a"', MODIFIED, None, "Sun, 22 Nov 2026 10:30:04 GMT")
    for nonsense in ("yesterday", *IMPOSSIBLE_DATES):
        assert not is_not_modified('"a"', MODIFIED, None, nonsense)


@pytest.mark.parametrize(
    ("etag", "if_range", "applies"),
    [
        ('"a"', None, True),
        ('"a"', '"a"', True),
        ('"a"', '"b"', False),
        ('W/"a"', 'W/"a"', False),
        (None, '"a"', False),
        ('"a"', DATE, True),
        ('"a"', "Sun, 22 Nov 2026 10:30:06 GMT", False),
        ('"a"', "nonsense", False),
    ],
)
def test_a_range_is_sent_only_of_the_object_that_if_range_names(
    etag: str | None,
    if_range: str | None,
    applies: bool,  # noqa: FBT001
) -> None:
    assert range_still_applies(etag, MODIFIED, if_range) is applies
