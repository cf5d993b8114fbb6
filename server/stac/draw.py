"""The one statement that draws a sample, and what it tells of each class."""

from dataclasses import dataclass
from typing import Any, Literal

from server.stac.buckets import PROPERTIES

Balance = Literal["source", "ipcc", "smod", "lccs", "split"]
"""Property of places, without its prefix, over whose values a sample can be balanced."""

_CLASSES: dict[Balance | None, str] = {
    None: "NULL::text",
    "source": "p->>'worldstrat:source'",
    "ipcc": "p->>'worldstrat:ipcc'",
    "smod": "p->>'worldstrat:smod'",
    "lccs": "p->>'worldstrat:lccs'",
    "split": "p->>'worldstrat:split'",
}

# Parameters: the seed, the most items of a place, the size of the sample. The order of all is that of a hash of seed
# and id: it costs no state, and it is the same on every server that holds the same items.
_DRAW = """
WITH matched AS (
    SELECT collection, id, {class} AS class, p->>'worldstrat:aoi' AS aoi, (p->>'worldstrat:revisit')::int AS revisit,
        md5($1 || ' ' || collection || ' ' || id) AS lot
    FROM (SELECT collection, id, content, private FROM items WHERE ({condition})) AS i
    CROSS JOIN LATERAL ({properties}) AS unpacked
), ranked AS (
    SELECT *, row_number() OVER (
        PARTITION BY coalesce(aoi, collection || ' ' || id) ORDER BY revisit NULLS LAST, lot, collection, id
    ) AS nth
    FROM matched
), available AS (
    SELECT collection, id, class, lot, row_number() OVER (PARTITION BY class ORDER BY lot, collection, id) AS round
    FROM ranked WHERE nth <= $2
), classes AS (
    SELECT class, count(*) AS available,
        row_number() OVER (ORDER BY md5($1 || ' ' || coalesce(class, '')), class) AS turn
    FROM available GROUP BY class
), drawn AS (
    -- In each round every class that has some left gives one, so that none is favoured and every beginning of a
    -- sample is as balanced as the whole.
    SELECT a.collection, a.id, a.class, row_number() OVER (ORDER BY a.round, c.turn) AS place
    FROM available AS a JOIN classes AS c ON a.class IS NOT DISTINCT FROM c.class
    ORDER BY place LIMIT $3
)
SELECT
    (SELECT count(*) FROM matched) AS matched,
    (SELECT coalesce(json_agg(json_build_array(class, available) ORDER BY turn), '[]') FROM classes) AS classes,
    (SELECT coalesce(json_agg(json_build_array(collection, id, class) ORDER BY place), '[]') FROM drawn) AS drawn
"""


@dataclass(frozen=True)
class Drawn:
    """What was drawn."""

    matched: int
    """Items that fulfil the conditions, all of every place."""
    keys: tuple[tuple[str, str], ...]
    """Collection and id of each item, in the order of the draw."""
    classes: tuple[dict[str, Any], ...]
    """Of each class its key (None: the items that name none), and how many items were wanted, available and drawn."""

    @property
    def available(self) -> int:
        """How many items could have been drawn, at most so many of each place as were asked for."""
        return sum(each["available"] for each in self.classes)


def compose(balance: Balance | None, condition: str) -> str:
    """Return the statement that draws from the items of an SQL condition."""
    chosen = _DRAW.replace("{class}", _CLASSES[balance]).replace("{properties}", PROPERTIES)
    return chosen.replace("{condition}", condition)


def read(row: Any, limit: int) -> Drawn:
    """Return what that statement's one row says; a class is wanted as often as all others, give or take one."""
    drawn: list[tuple[str, str, str | None]] = row["drawn"]
    count = len(row["classes"])
    classes = tuple(
        {
            "key": key,
            "wanted": limit // count + (turn < limit % count),
            "available": available,
            "drawn": sum(of == key for _, _, of in drawn),
        }
        for turn, (key, available) in enumerate(row["classes"])
    )
    return Drawn(row["matched"], tuple((collection, item) for collection, item, _ in drawn), classes)
