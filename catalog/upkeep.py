"""Collections follow their items: extents and summaries, read of all items in one pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from catalog.collection import create_collection, dataset_extent
from catalog.constants import COLLECTION_SR, COLLECTIONS
from catalog.queryables import LISTED, RANGED

_REGION: Final = 45
"""Degrees of a side of the cells that an extent tells apart."""

_EVERY: Final = sql.SQL("true")

Bbox = list[float]

# Items of a place have the listed properties in common, so the inner groups are few, and what is costly (an item's
# JSON is compressed) happens once for each item: OFFSET keeps the planner from unpacking it for every property anew.
_SCAN = sql.SQL("""
WITH item AS (
    SELECT geometry, datetime, end_datetime, content->'properties' AS p
    FROM pgstac.items WHERE collection = %(id)s AND {condition} OFFSET 0
), groups AS (
    SELECT floor(ST_XMin(geometry) / %(side)s) AS x, floor(ST_YMin(geometry) / %(side)s) AS y,
        ST_Extent(geometry) AS box, min(datetime) AS first, max(end_datetime) AS last, count(*) AS items,
        {extremes}, {values}
    FROM item GROUP BY x, y, {names}
), regions AS (
    SELECT ST_Extent(box::geometry) AS box FROM groups GROUP BY x, y HAVING ST_Extent(box::geometry) IS NOT NULL
)
SELECT coalesce(sum(items), 0)::bigint AS items, min(first) AS first, max(last) AS last,
    array(SELECT ARRAY[ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box)] FROM regions ORDER BY 1) AS boxes,
    jsonb_build_object({listed}) AS listed, jsonb_build_object({ranged}) AS ranged
FROM groups
""")


@dataclass(frozen=True)
class Told:
    """What the items of a collection tell of it."""

    items: int
    """How many there are."""
    first: datetime | None
    """Begin of the earliest."""
    last: datetime | None
    """End of the latest."""
    boxes: list[Bbox]
    """What the items of each region cover, in degrees."""
    listed: dict[str, list[Any] | None]
    """Values by property, null among them."""
    ranged: dict[str, list[float | None]]
    """Least and greatest value by property."""

    def extent(self) -> dict[str, Any] | None:
        """Return the extent: the whole first, then, where there are several, the regions; None where nothing tells."""
        if not self.boxes or self.first is None or self.last is None:
            return None
        west, south, east, north = zip(*self.boxes, strict=True)
        whole = [min(west), min(south), max(east), max(north)]
        boxes = [whole, *self.boxes] if len(self.boxes) > 1 else [whole]
        return {"spatial": {"bbox": boxes}, "temporal": {"interval": [[_text(self.first), _text(self.last)]]}}

    def summaries(self) -> dict[str, Any]:
        """Return lists of values and ranges; a property that no item has is left out."""
        listed = {name: sorted(v for v in values or () if v is not None) for name, values in self.listed.items()}
        ranged = {
            name: {"minimum": low, "maximum": high}
            for name, (low, high) in self.ranged.items()
            if low is not None and high is not None
        }
        return {name: values for name, values in listed.items() if values} | ranged


def update_collections(connection: psycopg.Connection[Any], only: Sequence[str] = ()) -> list[str]:
    """Make the extent and summaries of collections those of their items, and the planner's statistics fresh.

    Args:
        connection: to the catalog.
        only: ids of those whose items changed; all where none is given.

    Returns:
        The ids of the collections that are different now.
    """
    known = only or [row[0] for row in connection.execute("SELECT id FROM pgstac.collections ORDER BY id").fetchall()]
    changed = [collection_id for collection_id in known if update_collection(connection, collection_id)]
    with connection.transaction():
        # Samples are of 300 rows by target, and each of theirs is unpacked for every index: the default is 100.
        connection.execute("SET LOCAL default_statistics_target = 10")
        connection.execute("ANALYZE pgstac.items")
    # pgSTAC keeps the number of items that a search matched; after a load it is wrong.
    connection.execute("DELETE FROM pgstac.search_wheres")
    return changed


def update_collection(connection: psycopg.Connection[Any], collection_id: str) -> bool:
    """Make the extent and summaries of one collection those of its items; return whether they were others."""
    told = ask(connection, collection_id)
    extent = told.extent() or _static_extent(collection_id)
    stale, found = [*LISTED, *RANGED], _static_summaries(collection_id) | told.summaries()
    cursor = connection.execute(
        """
        UPDATE pgstac.collections SET content = renewed.content
        FROM (
            SELECT id, content || jsonb_build_object(
                'extent', coalesce(%(extent)s::jsonb, content->'extent'),
                'summaries', coalesce(content->'summaries', '{}') - %(stale)s::text[] || %(found)s::jsonb
            ) AS content FROM pgstac.collections WHERE id = %(id)s
        ) AS renewed
        WHERE collections.id = renewed.id AND collections.content IS DISTINCT FROM renewed.content
        """,
        {"id": collection_id, "extent": extent and Jsonb(extent), "stale": stale, "found": Jsonb(found)},
    )
    return cursor.rowcount > 0


def ask(connection: psycopg.Connection[Any], collection_id: str, condition: sql.Composable = _EVERY) -> Told:
    """Return what the items of a collection tell of it, in one pass over those that fulfil a condition."""
    with connection.cursor(row_factory=class_row(Told)) as cursor:
        told = cursor.execute(_statement(condition), {"id": collection_id, "side": _REGION}).fetchone()
    if told is None:
        raise AssertionError("an aggregate gives a row")
    return told


def _statement(condition: sql.Composable) -> sql.Composed:
    values = [(name, sql.Identifier(f"v{index}")) for index, name in enumerate(LISTED)]
    ends = [(name, sql.Identifier(f"l{index}"), sql.Identifier(f"h{index}")) for index, name in enumerate(RANGED)]
    extreme = sql.SQL("min((p->>{0})::float8) AS {1}, max((p->>{0})::float8) AS {2}")
    comma = sql.SQL(", ").join
    return _SCAN.format(
        condition=condition,
        extremes=comma(extreme.format(*end) for end in ends),
        values=comma(sql.SQL("p->{} AS {}").format(*value) for value in values),
        names=comma(column for _, column in values),
        listed=comma(sql.SQL("{}, jsonb_agg(DISTINCT {})").format(*value) for value in values),
        ranged=comma(sql.SQL("{}, jsonb_build_array(min({}), max({}))").format(*end) for end in ends),
    )


def _static_extent(collection_id: str) -> dict[str, Any] | None:
    """Return the extent of a collection of images without images; others keep theirs."""
    return dataset_extent().to_dict() if collection_id in {*COLLECTIONS, COLLECTION_SR} else None


def _static_summaries(collection_id: str) -> dict[str, Any]:
    """Return what is known of a collection without its items; an item says it more exactly."""
    return create_collection(collection_id).summaries.to_dict() if collection_id in COLLECTIONS else {}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
