"""The aggregations that there are, the one statement that counts them, and the shape of its answer."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from catalog.queryables import COUNTED_KEY

TOTAL = "total_count"
NULL_KEY = "null"
"""Key of the bucket of those items that do not say: a key is a string in the specification."""
# Unpacking a whole item takes ten times as long as reading the few properties beside it; OFFSET keeps the planner
# from doing it anew for each of them.
PROPERTIES = f"SELECT coalesce(i.private->'{COUNTED_KEY}', i.content->'properties') AS p OFFSET 0"
"""SQL of the properties `p` of an item `i` that are counted."""
MAX_BUCKETS = 10_000
"""Buckets of one aggregation, the fullest first; the items of others are counted as its overflow."""
CLOUD_LIMITS = (0, 5, 10, 25, 50, 75, 100)
"""Where the ranges of cloud cover begin and end, in per cent; the last range holds its end."""


@dataclass(frozen=True)
class Aggregation:
    """One way to count."""

    name: str
    """As a client asks for it."""
    data_type: Literal["integer", "string", "numeric", "datetime"]
    """Of its value, or of its buckets' keys."""
    expression: str = "NULL::text"
    """SQL of the text that an item counts under: over `i` (the item), `p` (its properties) and `precision`."""
    reduce: Literal["count", "min", "max"] | None = None
    """What makes one value of all items; None where they are put into buckets."""
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """First and last value of each bucket, by its key."""


def _property(name: str, data_type: Literal["integer", "string"] = "string") -> Aggregation:
    return Aggregation(f"{name}_frequency", data_type, f"p->>'worldstrat:{name}'")


def _clouds(name: str, source: str) -> Aggregation:
    pairs = list(pairwise(CLOUD_LIMITS))
    keys = [f"{low}-{high}" for low, high in pairs]
    inner = ",".join(map(str, CLOUD_LIMITS[1:-1]))
    value = f"width_bucket((p->>'{source}')::float8, ARRAY[{inner}]::float8[])"
    expression = f"('{{{','.join(keys)}}}'::text[])[{value} + 1]"
    return Aggregation(name, "numeric", expression, ranges=dict(zip(keys, pairs, strict=True)))


def _time(unit: Literal["month", "second"]) -> str:
    text = "p->>'datetime'"
    moment = f"date_trunc('{unit}', ({text})::timestamptz AT TIME ZONE 'UTC')"
    # Nearly all are written in UTC to the second: then the text itself says it, at a tenth of the cost.
    said = f"left({text}, 7) || '-01T00:00:00Z'" if unit == "month" else text
    return f"""CASE WHEN {text} LIKE '____-__-__T__:__:__Z' THEN {said}
        ELSE to_char({moment}, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END"""


_ALL = (
    Aggregation(TOTAL, "integer", reduce="count"),
    # As RFC 3339 writes them in UTC, times sort as text.
    Aggregation("datetime_min", "datetime", _time("second"), reduce="min"),
    Aggregation("datetime_max", "datetime", _time("second"), reduce="max"),
    Aggregation("datetime_frequency", "datetime", _time("month")),
    Aggregation("collection_frequency", "string", "i.collection"),
    _property("source"),
    _property("ipcc"),
    _property("smod", "integer"),
    _property("lccs", "integer"),
    _property("split"),
    _property("revisit", "integer"),
    _clouds("cloud_cover_frequency", "eo:cloud_cover"),
    _clouds("place_cloud_cover_frequency", "worldstrat:cloud_cover"),
    Aggregation("grid_geohash_frequency", "string", "ST_GeoHash(i.geometry, precision)"),
)
AGGREGATIONS = {each.name: each for each in _ALL}
"""Every aggregation by name. Each is a constant of ours: no word of a caller's is part of a statement."""

_ITEMS = """
WITH keys AS (
    SELECT {keys}
    FROM (SELECT collection, geometry, content, private FROM items WHERE ({condition})) AS i
    CROSS JOIN LATERAL ({properties}) AS unpacked
    CROSS JOIN (SELECT $1::int AS precision) AS asked
)
"""
_COUNT = "SELECT NULL::int AS n, NULL::text AS key, count(*) AS frequency FROM keys"
_VALUE = 'SELECT {n}, {reduce}(k{n} COLLATE "C"), count(k{n}) FROM keys'
_BUCKETS = "(SELECT {n}, k{n}, count(*) FROM keys GROUP BY k{n} ORDER BY 3 DESC, 2 LIMIT {most})"


def compose(names: Sequence[str], condition: str) -> str:
    """Return the one statement that counts all `names` over the items of an SQL condition.

    Its rows are the place of an aggregation in `names`, a key and a frequency; None as place is the total. Its one
    parameter is the precision of geohashes.
    """
    asked = [AGGREGATIONS[name] for name in names]
    keys = ", ".join(f"{each.expression} AS k{n}" for n, each in enumerate(asked))
    parts = [_COUNT, *(_part(n, each) for n, each in enumerate(asked) if each.reduce != "count")]
    # Not `format` for the condition: it is text of a caller's in quotes, braces included.
    return _ITEMS.replace("{keys}", keys).replace("{properties}", PROPERTIES).replace(
        "{condition}", condition
    ) + " UNION ALL ".join(parts)


def shape(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the aggregations of those rows as the specification writes them."""
    found: dict[int | None, list[tuple[str | None, int]]] = defaultdict(list)
    for n, key, frequency in rows:
        found[n].append((key, frequency))
    total = found[None][0][1]
    return [_shape(AGGREGATIONS[name], found[n], total) for n, name in enumerate(names)]


def _part(n: int, each: Aggregation) -> str:
    if each.reduce:
        return _VALUE.format(n=n, reduce=each.reduce)
    return _BUCKETS.format(n=n, most=MAX_BUCKETS)


def _shape(each: Aggregation, found: list[tuple[str | None, int]], total: int) -> dict[str, Any]:
    named: dict[str, Any] = {"name": each.name, "data_type": each.data_type}
    if each.reduce == "count":
        return named | {"value": total}
    if each.reduce:
        return named | {"value": found[0][0]}
    ordered = sorted(found, key=lambda bucket: _place(each, *bucket))
    overflow = total - sum(frequency for _, frequency in found)
    return named | {"buckets": [_bucket(each, *bucket) for bucket in ordered], "overflow": overflow}


def _place(each: Aggregation, key: str | None, frequency: int) -> tuple[Any, ...]:
    """Return where a bucket stands: numbers and months in their order, names the fullest first, null last."""
    if key is None:
        return (1,)
    if each.ranges:
        return (0, each.ranges[key])
    if each.data_type == "integer":
        return (0, int(key))
    return (0, key) if each.data_type == "datetime" else (0, -frequency, key)


def _bucket(each: Aggregation, key: str | None, frequency: int) -> dict[str, Any]:
    bucket = {"key": NULL_KEY if key is None else key, "data_type": each.data_type, "frequency": frequency}
    if key is not None and key in each.ranges:
        bucket["from"], bucket["to"] = each.ranges[key]
    return bucket
