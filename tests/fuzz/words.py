"""Harnesses of what strangers write in addresses, headers and bodies."""

import contextlib
import json
import math
import socket
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import numpy as np

from catalog.keys import ObjectKey
from ingest.extend import addresses
from ingest.extend.addresses import Reach
from ingest.extend.errors import RevisitError
from server.errors import InvalidSearchError, NotAcceptableError
from server.proxy import forwarded_address
from server.raster.colormaps import parse_colormap
from server.raster.errors import InvalidExpressionError
from server.raster.expression import parse_expression
from server.raster.paint import BinsParams, check_formula, check_ranges
from server.raster.params import split_names
from server.stac.bounds import flat_bounds
from server.stac.complexity import limit_depth, limit_json
from server.stac.filters import read_filter
from server.stac.formats import _accepted
from server.stac.freetext import read_words
from server.stac.query import fold_query
from server.stac.ranges import is_not_modified, parse_range, range_still_applies
from tests.fuzz.harness import Harness, text_of

_ETAG, _TIME = '"0123"', datetime(2026, 1, 1, tzinfo=UTC)


def expression(data: bytes) -> None:
    """Band arithmetic: refused, or evaluated to numbers of the shape of the bands."""
    try:
        parsed = parse_expression(text_of(data))
    except InvalidExpressionError:
        return
    bands = {name: np.full((2, 3), 0.25, np.float32) for name in parsed.names}
    assert parsed.evaluate(bands).shape == (len(parsed.outputs), 2, 3)


def condition(data: bytes) -> None:
    """A filter in a URL: text, or JSON."""
    text = text_of(data)
    for language in ("cql2-text", "cql2-json"):
        with contextlib.suppress(InvalidSearchError):
            json.dumps(read_filter(text, language))
    with contextlib.suppress(InvalidSearchError):
        limit_depth(text)


def search_body(data: bytes) -> None:
    """What is checked of a body before pgSTAC sees it."""
    try:
        value: Any = json.loads(text_of(data))
    except (ValueError, RecursionError):
        return
    with contextlib.suppress(InvalidSearchError):
        limit_json(value)
        if isinstance(value, dict):
            fold_query(value)
    with contextlib.suppress(InvalidSearchError):
        read_words(value)
    if isinstance(value, list) and all(isinstance(each, int | float) and not isinstance(each, bool) for each in value):
        with contextlib.suppress(InvalidSearchError, OverflowError):
            assert all(map(math.isfinite, flat_bounds([float(each) for each in value])))


def free_text(data: bytes) -> None:
    """Words to look for: phrases and operators that `to_tsquery` can read."""
    with contextlib.suppress(InvalidSearchError):
        for alternative in read_words(text_of(data)) or []:
            assert alternative.count('"') % 2 == 0
            assert not set("'\\:&|!()\x00") & set(alternative)


def painting(data: bytes) -> None:
    """Ranges, colours, colour corrections, bins, lists of names."""
    text = text_of(data)
    for parse in (
        lambda: check_ranges(text.split(";")),
        lambda: parse_colormap(text),
        lambda: check_formula(text[:200]),
        lambda: split_names([text]),
        lambda: BinsParams(bins=text),
    ):
        with contextlib.suppress(ValueError):
            parse()


def forwarded(data: bytes) -> None:
    """Headers of proxies: an address that can stand in a link, or nothing."""
    value = data.decode("latin-1")
    for name in ("forwarded", "x-forwarded-host", "x-forwarded-prefix", "x-forwarded-proto", "x-forwarded-port"):
        found = forwarded_address({name: value, "x-forwarded-host": value})
        assert found.scheme in {None, "http", "https"}
        for part in (found.host or "", found.prefix or ""):
            assert part.isascii()
            assert not set(part) & set(" \r\n\t<>\"'\\?#@%;")
        assert ".." not in (found.prefix or "").split("/")


def object_key(data: bytes) -> None:
    """Keys of objects: none leads out of the store."""
    text = text_of(data)
    parsed = ObjectKey.parse(text)
    if parsed is not None:
        segments = text.split("/")
        assert not {"", ".", ".."} & set(segments)
        assert not set("\x00\\\r\n") & set(text)
        assert parsed.file == segments[-1]


def conditions_of_http(data: bytes) -> None:
    """Ranges, dates, entity tags, formats."""
    text = data.decode("latin-1")
    found = parse_range(text)
    if found is not None:
        assert found.is_within(10) in {True, False}
        found.option()
    is_not_modified(_ETAG, _TIME, text, None)
    is_not_modified(_ETAG, _TIME, None, text)
    range_still_applies(_ETAG, _TIME, text)
    with contextlib.suppress(NotAcceptableError):
        _accepted(text)


def address(data: bytes) -> None:
    """Hrefs of strangers: those that are read lie on the internet. No name is looked up for it."""
    look_up = socket.getaddrinfo

    def numeric(host: str, *rest: Any, **options: Any) -> Any:
        return look_up(host, *rest, **options, flags=socket.AI_NUMERICHOST)

    addresses._addresses.cache_clear()
    text = text_of(data)
    with patch("socket.getaddrinfo", numeric), contextlib.suppress(RevisitError):
        Reach().check(text)
        assert text.split(":", 1)[0].lower() in {"http", "https", "s3"}
        assert urlsplit(text).hostname != "127.0.0.1"


WORDS = (
    Harness(
        "expression",
        expression,
        [
            b"(nir-red)/(nir+red)",
            b"where(scl==4, red**2, 0/0*red)",
            b"red;green;blue",
            b"not red>0.1 and (nir<1 or ~(red>nir))",
            b"-1e3*B8A%2",
        ],
    ),
    Harness(
        "condition",
        condition,
        [
            b"gsd < 5 AND id IN ('a','b')",
            b"NOT (a = 1 OR b LIKE 'x%') AND c IS NULL",
            b"S_INTERSECTS(geometry, POLYGON((0 0,1 0,1 1,0 0)))",
            b"T_AFTER(datetime, TIMESTAMP('2020-01-01T00:00:00Z'))",
            b'{"op":"and","args":[{"op":"=","args":[{"property":"id"},"a"]},{"op":"isNull","args":[{"property":"b"}]}]}',
            b"eo:cloud_cover BETWEEN 1 AND 2 + 3 * 4",
        ],
    ),
    Harness(
        "search_body",
        search_body,
        [
            b'{"query":{"a":{"eq":1,"startsWith":"x"}},"filter":{"op":"=","args":[1,2]}}',
            b"[-180,-90,0,180,90,1]",
            b'["a","b OR c"]',
            b'"a"',
        ],
    ),
    Harness(
        "free_text",
        free_text,
        [b"Tree cover, urban", b'+a -b "c d" OR e AND f', "Zürich's café:*".encode(), b"a@b.c-d"],
    ),
    Harness(
        "painting",
        painting,
        [
            b"0,0.3;0,1",
            b'{"4":"#10d32d","5":[1,2,3,4]}',
            b'[[[0,1],"#ff0000"]]',
            b"gamma RGB 1.5 saturation 1.1 sigmoidal RGB 10 0.35",
            b"0,1,2,5.5",
            b"B04,B03",
        ],
    ),
    Harness(
        "forwarded",
        forwarded,
        [b'for=1.2.3.4;proto=https;host="a.org:8443", for=5', b"a.org:81, b", b"[::1]:8000", b"/api/v1", b"https"],
    ),
    Harness(
        "object_key",
        object_key,
        [
            b"worldstrat-spot/Amnesty-POI-1/0123456789ab/ps.tif",
            b"worldstrat-sentinel-2-l2a/a/x.tif",
            b"sr-models/m/0123456789ab/model.onnx",
        ],
    ),
    Harness(
        "conditions_of_http",
        conditions_of_http,
        [
            b"bytes=0-99",
            b"bytes=-5",
            b'W/"a", "0123"',
            b"Thu, 01 Jan 2026 00:00:00 GMT",
            b"text/csv;q=0.5, application/geo+json",
            b"*",
        ],
    ),
    Harness(
        "address",
        address,
        [
            b"https://8.8.8.8/a/B04.tif?sig=x",
            b"s3://bucket-name/a.tif",
            b"http://127.0.0.1:80/",
            b"http://[::ffff:10.0.0.1]/a.tif",
            b"http://2130706433/",
        ],
    ),
)
"""All of this file."""
