"""Items as a table: one row each, in CSV as RFC 4180 has it."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from shapely.geometry import shape

from server.stac.page import Page, connect

Item = dict[str, Any]
Column = tuple[str, str, Callable[[Item], Any]]
"""Name of a column, the member of an item that it shows (as `fields` would name it), and how to get it."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a text that a spreadsheet would run."""
_FIRST = ("datetime", "start_datetime", "end_datetime", "title")
"""Properties that come first; the others are in the order of their names."""
_KEYS = """
SELECT DISTINCT kind, key FROM unnest($1::text[], $2::text[]) AS page (of, item)
JOIN items ON items.collection = page.of AND items.id = page.item,
LATERAL (
    SELECT 'properties' AS kind, jsonb_object_keys(content->'properties') AS key
    UNION ALL SELECT 'assets', jsonb_object_keys(content->'assets')
) AS found
"""


async def write_csv(page: Page) -> AsyncIterator[bytes]:
    """Yield the items of a page as CSV in UTF-8, with the columns that any of them has.

    Lists and objects are JSON. A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    columns = await _columns(page)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([_harmless(name) for name, _, _ in columns])
    rows = 0
    async for item in page.items():
        writer.writerow([_cell(get(item)) for _, _, get in columns])
        rows += 1
        if rows % 100 == 0:
            yield _take(buffer)
    yield _take(buffer)


def _take(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


async def _columns(page: Page) -> list[Column]:
    async with connect(page.request) as connection:
        found = await connection.fetch(_KEYS, [row.collection for row in page.rows], [row.id for row in page.rows])
    keys: dict[str, set[str]] = {"properties": set(_FIRST[:1]), "assets": set()}
    for kind, key in found:
        keys[kind].add(key)
    columns = [*_PLACE, *map(_property, sorted(keys["properties"], key=_order)), *map(_asset, sorted(keys["assets"]))]
    return [column for column in columns if _is_shown(column[1], page)]


def _order(name: str) -> tuple[int, str]:
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _is_shown(member: str, page: Page) -> bool:
    shown = page.shown
    included = not shown.include or any(_within(member, each) or _within(each, member) for each in shown.include)
    return included and not any(_within(member, each) for each in shown.exclude)


def _within(member: str, other: str) -> bool:
    return member == other or member.startswith(f"{other}.")


def _property(name: str) -> Column:
    return name, f"properties.{name}", lambda item: item.get("properties", {}).get(name)


def _asset(key: str) -> Column:
    name = f"assets.{key}.href"
    return name, name, lambda item: item.get("assets", {}).get(key, {}).get("href")


def _bound(place: int) -> Callable[[Item], float | None]:
    """Return what gets the bound at a place of an item's box: west, south, east, north."""
    return lambda item: _flat(item["bbox"])[place] if item.get("bbox") else None


def _flat(bbox: list[float]) -> list[float]:
    half = len(bbox) // 2
    return [*bbox[:2], *bbox[half : half + 2]]


def _longitude(item: Item) -> float | None:
    if not item.get("bbox"):
        return None
    west, _, east, _ = _flat(item["bbox"])
    middle = (west + east + (360 if east < west else 0)) / 2
    return round(middle - 360 if middle > 180 else middle, 7)  # noqa: PLR2004


def _latitude(item: Item) -> float | None:
    if not item.get("bbox"):
        return None
    _, south, _, north = _flat(item["bbox"])
    return round((south + north) / 2, 7)


def _wkt(item: Item) -> str | None:
    geometry = item.get("geometry")
    return shape(geometry).wkt if geometry else None


_PLACE: tuple[Column, ...] = (
    ("id", "id", lambda item: item.get("id")),
    ("collection", "collection", lambda item: item.get("collection")),
    ("lon", "bbox", _longitude),
    ("lat", "bbox", _latitude),
    ("west", "bbox", _bound(0)),
    ("south", "bbox", _bound(1)),
    ("east", "bbox", _bound(2)),
    ("north", "bbox", _bound(3)),
    ("geometry", "geometry", _wkt),
)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return _harmless(value) if isinstance(value, str) else value


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
