"""A catalog of many items in pgSTAC, made of the few real ones of a sample: what they hold, other places and days."""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import sql

from catalog.settings import DatabaseSettings

REVISITS = 16
"""Sentinel-2 images of a place and level, as WorldStrat has them."""
ITEMS_A_PLACE = 2 * REVISITS + 1
_FIRST_DAY, _DAYS = date(2017, 2, 1), 1000
"""Days that lie within every partition of the sample: pgSTAC checks them."""
_SEED = 11
_PARTITIONS = "SELECT partition, collection FROM partition_stats ORDER BY collection"
# Statistics of ten expressions over whole items, each unpacked anew, would take longer than loading them.
_OPTIONS = "-c search_path=pgstac,public -c default_toast_compression=lz4 -c default_statistics_target=10"
_COLUMNS = ("id", "geometry", "collection", "datetime", "end_datetime", "content")


@dataclass(frozen=True)
class Template:
    """One real item with marks where synthetic ones differ."""

    item_id: str
    slug: str
    content: str

    def fill(self, collection: str, place: int, revisit: int, where: tuple[float, float], day: date) -> tuple[str, ...]:
        """Return a row of pgSTAC's table of items."""
        slug = f"Place-{place:06d}"
        item_id = _renumber(self.item_id.replace(self.slug, slug), revisit)
        west, south = (round(number, 6) for number in where)
        east, north = round(west + 0.0147, 6), round(south + 0.0143, 6)
        content = (
            self.content.replace(self.item_id, item_id)
            .replace(self.slug, slug)
            .replace('"@bbox@"', f"[{west}, {south}, {east}, {north}]")
            .replace("@day@", day.isoformat())
            .replace('"@cloud@"', str((place * 7 + revisit * 13) % 101))
            .replace('"@revisit@"', str(revisit))
        )
        ring = f"({west} {south},{east} {south},{east} {north},{west} {north},{west} {south})"
        start, end = f"{day}T00:00:00Z", f"{day}T23:59:59Z"
        return item_id, f"SRID=4326;POLYGON({ring})", collection, start, end, content


def load(settings: DatabaseSettings, items: int) -> int:
    """Add synthetic items until there are about so many; return how many there are.

    Interrupted, it goes on with the collection that was not finished: each is one transaction.
    """
    with _connect(settings) as connection:
        partitions = connection.execute(_PARTITIONS).fetchall()
        places = items // ITEMS_A_PLACE
        todo = [
            (partition, collection, _templates(connection, collection))
            for partition, collection in partitions
            if not _is_full(connection, partition, collection, places)
        ]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: _fill_partition(settings, one[0], one[1], one[2], places), todo))
        if todo:
            connection.execute("VACUUM ANALYZE items")
        row = connection.execute("SELECT count(*) FROM items").fetchone()
        return int(row[0]) if row else 0


def _connect(settings: DatabaseSettings) -> psycopg.Connection[Any]:
    return psycopg.connect(settings.dsn, autocommit=True, options=_OPTIONS)


def _is_full(connection: psycopg.Connection[Any], partition: str, collection: str, places: int) -> bool:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(partition))).fetchone()
    return row is not None and row[0] >= places * _revisits(collection)


def _revisits(collection: str) -> int:
    return 1 if collection.endswith("spot") else REVISITS


def _templates(connection: psycopg.Connection[Any], collection: str) -> list[Template]:
    rows = connection.execute(
        "SELECT id, content FROM items WHERE collection = %s AND id NOT LIKE 'Place-%%' ORDER BY id", (collection,)
    )
    return [_template(item_id, content) for item_id, content in rows.fetchall()]


def _template(item_id: str, content: dict[str, Any]) -> Template:
    content["bbox"] = "@bbox@"
    properties = content["properties"]
    properties |= {"datetime": "@day@T00:00:00Z", "start_datetime": "@day@T00:00:00Z"}
    properties |= {"end_datetime": "@day@T23:59:59Z", "worldstrat:cloud_cover": "@cloud@"}
    properties["worldstrat:revisit"] = "@revisit@" if "worldstrat:revisit" in properties else None
    slug = item_id.rsplit("_", 1 if item_id.endswith("SPOT") else 2)[0]
    return Template(item_id, slug, json.dumps(content, ensure_ascii=False))


def _renumber(item_id: str, revisit: int) -> str:
    return item_id if item_id.endswith("SPOT") else f"{item_id[:-2]}{revisit:02d}"


def _fill_partition(
    settings: DatabaseSettings, partition: str, collection: str, templates: list[Template], places: int
) -> None:
    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(partition), sql.SQL(",").join(map(sql.Identifier, _COLUMNS))
    )
    with _connect(settings) as connection, connection.transaction(), connection.cursor() as cursor:
        # One that was grown further starts anew: places are numbered from 0.
        cursor.execute(sql.SQL("DELETE FROM {} WHERE id LIKE 'Place-%'").format(sql.Identifier(partition)))
        with cursor.copy(copy) as rows:
            for row in _rows(collection, templates, places):
                rows.write_row(row)


def _rows(collection: str, templates: list[Template], places: int) -> Iterator[tuple[str, ...]]:
    for place in range(places):
        draw = random.Random(_SEED * 1_000_003 + place)  # noqa: S311 - places, not secrets
        where = draw.uniform(-179, 179), draw.uniform(-60, 75)
        for revisit in range(1, _revisits(collection) + 1):
            day = _FIRST_DAY + timedelta(days=draw.randrange(_DAYS))
            template = templates[(place + revisit) % len(templates)]
            yield template.fill(collection, place, revisit, where, day)
